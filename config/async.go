package config

import (
	"cmp"
	"time"
)

// Lambda's limits and defaults of asynchronous invocations (AWS: API reference of PutFunctionEventInvokeConfig).
const (
	MaxRetryAttempts     = 2     // and the default
	MinEventAge          = 60    // seconds
	MaxEventAge          = 21600 // seconds, and the default
	maxDestinationLength = 350
)

// EventInvokeConfig says how a function's asynchronous events are retried and where their ends are reported: the members
// of Lambda's PutFunctionEventInvokeConfig. Numbers have Lambda's units.
type EventInvokeConfig struct {
	MaximumRetryAttempts     *int `json:",omitempty"` // 0-2; nil means 2
	MaximumEventAgeInSeconds *int `json:",omitempty"` // 60-21600; nil means 21600
	DestinationConfig        EventDestinations
}

// EventDestinations are the destinations of asynchronous events.
type EventDestinations struct{ OnSuccess, OnFailure EventDestination }

// EventDestination names one destination by its ARN; empty means none.
type EventDestination struct {
	Destination string `json:",omitempty"`
}

// Retries returns how often an event is tried again after its function has failed.
func (c EventInvokeConfig) Retries() int {
	if c.MaximumRetryAttempts != nil {
		return *c.MaximumRetryAttempts
	}
	return MaxRetryAttempts
}

// MaxAge returns the age at which events are given up.
func (c EventInvokeConfig) MaxAge() time.Duration {
	seconds := MaxEventAge
	if c.MaximumEventAgeInSeconds != nil {
		seconds = *c.MaximumEventAgeInSeconds
	}
	return time.Duration(seconds) * time.Second
}

// Validate returns everything that Lambda would refuse in the event-invoke configuration of a function with an ARN, which
// has no qualifier.
func (c EventInvokeConfig) Validate(functionArn string) []Problem {
	var found problems
	if n := c.MaximumRetryAttempts; n != nil {
		found.within("MaximumRetryAttempts", *n, 0, MaxRetryAttempts)
	}
	if n := c.MaximumEventAgeInSeconds; n != nil {
		found.within("MaximumEventAgeInSeconds", *n, MinEventAge, MaxEventAge)
	}
	for _, d := range []struct {
		path, arn string
		origin    Origin
	}{
		{"DestinationConfig.OnSuccess.Destination", c.DestinationConfig.OnSuccess.Destination, EventSuccess},
		{"DestinationConfig.OnFailure.Destination", c.DestinationConfig.OnFailure.Destination, EventFailure},
	} {
		if d.arn == "" {
			continue
		}
		parsed, err := ParseDestination(d.arn, d.origin)
		switch {
		case err != nil:
			found.add(d.path, "%v", err)
		case len(d.arn) > maxDestinationLength:
			found.add(d.path, "is %d characters long, above %d", len(d.arn), maxDestinationLength)
		case parsed.Kind == FunctionDestination && functionArn != "" && parsed.FunctionArn() == functionArn:
			found.add(d.path, "is the function itself, which cannot be its own destination")
		}
	}
	return found
}

// Destination returns the ARN of the destination of notices of an origin about the function's asynchronous events. It is
// empty if there is none.
func (f Function) Destination(origin Origin) string {
	switch {
	case origin == DeadLetter:
		return f.DeadLetterConfig.TargetArn
	case f.EventInvokeConfig != nil:
		return f.EventInvokeConfig.Destination(origin)
	}
	return ""
}

// Destination returns the ARN of the destination of notices of an origin. It is empty if there is none.
func (c EventInvokeConfig) Destination(origin Origin) string {
	switch origin {
	case EventSuccess:
		return c.DestinationConfig.OnSuccess.Destination
	case EventFailure:
		return c.DestinationConfig.OnFailure.Destination
	}
	return ""
}

// FunctionURLConfig is the configuration of a function's URL: the members of Lambda's CreateFunctionUrlConfig.
type FunctionURLConfig struct {
	AuthType   string // NONE or AWS_IAM, which is not checked here; empty means NONE
	InvokeMode string // BUFFERED or RESPONSE_STREAM; empty means BUFFERED
	Cors       *Cors
}

// Cors are the headers by which a function URL lets pages of other origins call it.
type Cors struct {
	AllowCredentials                                        bool
	AllowHeaders, AllowMethods, AllowOrigins, ExposeHeaders []string
	MaxAge                                                  int // seconds, 0-86400
}

// Streams reports whether the URL passes a response on while the handler writes it.
func (c FunctionURLConfig) Streams() bool {
	return cmp.Or(c.InvokeMode, "BUFFERED") == "RESPONSE_STREAM"
}

func (c FunctionURLConfig) check(found *problems) {
	if c.Cors != nil {
		found.within("FunctionUrlConfig.Cors.MaxAge", c.Cors.MaxAge, 0, 86400)
	}
}

func (f Function) checkAsync(found *problems) {
	if c := f.EventInvokeConfig; c != nil {
		for _, p := range c.Validate(f.FunctionArn) {
			p.Path = "EventInvokeConfig." + p.Path
			*found = append(*found, p)
		}
	}
	if arn := f.DeadLetterConfig.TargetArn; arn != "" {
		if _, err := ParseDestination(arn, DeadLetter); err != nil {
			found.add("DeadLetterConfig.TargetArn", "%v", err)
		}
	}
	if f.FunctionUrlConfig != nil {
		f.FunctionUrlConfig.check(found)
	}
}
