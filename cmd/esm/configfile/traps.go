package configfile

import (
	"fmt"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// QueueFacts are the attributes of a source queue that [Traps] needs.
type QueueFacts struct {
	VisibilityTimeout time.Duration
	MaxReceiveCount   int // of its RedrivePolicy; 0 means that it has none
}

// CheckTimeout returns an error if the queue's visibility timeout is below the function's timeout. Lambda refuses to create
// such a mapping (AWS: "Creating and configuring an Amazon SQS event source mapping").
func CheckTimeout(fn config.Function, visibility time.Duration) error {
	if fn.TimeLimit() <= visibility {
		return nil
	}
	return fmt.Errorf("Queue visibility timeout: %.0f seconds is less than Function timeout: %.0f seconds", //nolint:staticcheck // the message of Lambda's API
		visibility.Seconds(), fn.TimeLimit().Seconds())
}

// What AWS advises (AWS: "Creating and configuring an Amazon SQS event source mapping").
const (
	advisedTimeouts = 6 // of the function, within the visibility timeout
	advisedReceives = 5
	advisedReserved = 5
)

// Traps returns the settings of a queue, a mapping and its function that are known to lose or repeat work. Paths are relative
// to the mapping. It is used both on the file and, at run time, on the attributes of the actual queue.
func Traps(fn config.Function, m config.Mapping, q QueueFacts) []config.Problem {
	m = m.Defaults()
	window := time.Duration(*m.MaximumBatchingWindowInSeconds) * time.Second
	least := advisedTimeouts*fn.TimeLimit() + window
	var found []config.Problem
	warn := func(path, format string, args ...any) {
		found = append(found, config.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if err := CheckTimeout(fn, q.VisibilityTimeout); err != nil {
		warn("EventSourceArn", "%v: Lambda refuses this, since messages come back while the function still works on them", err)
	} else if q.VisibilityTimeout < least {
		warn("EventSourceArn", "the queue's visibility timeout of %s is below %d × the function's timeout + the batching window, %d × %s + %s = %s: "+
			"messages may come back while they are still in hand", wholeSeconds(q.VisibilityTimeout), advisedTimeouts, advisedTimeouts, wholeSeconds(fn.TimeLimit()), wholeSeconds(window), wholeSeconds(least))
	}
	if window > 0 && window >= q.VisibilityTimeout {
		warn("MaximumBatchingWindowInSeconds", "the batching window of %s is not below the queue's visibility timeout of %s: "+
			"a batch is closed after half of that at the latest, or its messages would come back", wholeSeconds(window), wholeSeconds(q.VisibilityTimeout))
	}
	if q.MaxReceiveCount > 0 && q.MaxReceiveCount < advisedReceives {
		warn("EventSourceArn", "the queue's maxReceiveCount of %d is below %d: messages may reach the dead-letter queue after throttling alone",
			q.MaxReceiveCount, advisedReceives)
	}
	return found
}

// ReservationTraps returns the ways in which a function's reservation starves its mappings. Paths are relative to the
// function.
func ReservationTraps(fn config.Function, mappings []config.Mapping) []config.Problem {
	if fn.ReservedConcurrentExecutions == nil {
		return nil
	}
	const path = "ReservedConcurrentExecutions"
	reserved := *fn.ReservedConcurrentExecutions
	if reserved == 0 {
		return []config.Problem{{Path: path, Message: "0 switches the function off: it is never run, and its mappings wait"}}
	}
	var found []config.Problem
	if reserved < advisedReserved && !onlyOfStreams(fn, mappings) {
		found = append(found, config.Problem{Path: path, Message: fmt.Sprintf("%d is below %d, the least that AWS advises behind a queue: expect messages to wait", reserved, advisedReserved)})
	}
	if sum, terms := caps(fn, mappings); sum > reserved {
		found = append(found, config.Problem{Path: path, Message: fmt.Sprintf("%d is below the concurrency of the function's mappings (%s): they will wait for permits", reserved, terms)})
	}
	return found
}

// onlyOfStreams reports whether a function has mappings and none of them reads a queue.
func onlyOfStreams(fn config.Function, mappings []config.Mapping) bool {
	streams := false
	for _, m := range mappings {
		if name, _ := config.SplitQualifier(m.FunctionName); name == fn.Name {
			if !m.OfStream() {
				return false
			}
			streams = true
		}
	}
	return streams
}

// caps adds up the concurrency limits of the enabled mappings of a function that have one. Terms shows the sum for a message.
func caps(fn config.Function, mappings []config.Mapping) (sum int, terms string) {
	var each []string
	for _, m := range mappings {
		m = m.Defaults()
		name, _ := config.SplitQualifier(m.FunctionName)
		if most := capOf(m); name == fn.Name && *m.Enabled && most > 0 {
			sum += most
			each = append(each, fmt.Sprint(most))
		}
	}
	if len(each) > 1 {
		return sum, fmt.Sprintf("%s = %d", strings.Join(each, " + "), sum)
	}
	return sum, fmt.Sprint(sum)
}

// capOf returns how many invocations a mapping may run at a time, 0 without a limit.
func capOf(m config.Mapping) int {
	switch {
	case m.ScalingConfig != nil:
		return *m.ScalingConfig.MaximumConcurrency
	case m.ProvisionedPollerConfig != nil:
		return policy.ProvisionedLoops * *m.ProvisionedPollerConfig.MaximumPollers
	}
	return 0
}

// wholeSeconds formats a duration in whole seconds, as AWS counts these times.
func wholeSeconds(t time.Duration) string { return fmt.Sprintf("%.0f s", t.Seconds()) }
