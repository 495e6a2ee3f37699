package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/subscriber"
)

// Entry says how services invoke the functions of a file.
type Entry struct {
	// StandIn is the URL of the embedded stand-in, which invokes functions by itself. It is empty without one.
	StandIn string

	// URL is the base of the engine's HTTP server, as other services reach it: they deliver to package subscriber there.
	URL string
}

// EntryURL returns the base URL of the engine's HTTP server, as services reach it. Address is where the server listens.
func EntryURL(file *configfile.File, address string) string {
	if file.Engine.Url != "" {
		return file.Engine.Url
	}
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}

// Connect makes the file's subscriptions, notifications and rules with a pattern, and changes those that differ from the file.
// Queues, topics, buckets and event buses exist already. What the file no longer names is left as it is.
//
// A service that is not the stand-in cannot invoke functions of the file. A topic delivers to the engine's HTTP server instead,
// and a bucket or a rule sends to a topic that is created for this.
//
// Connect blocks like [Create]. The engine's HTTP server must answer, since a topic asks it to confirm a subscription.
func Connect(ctx context.Context, file *configfile.File, c *awsclient.Clients, entry Entry, log Log) error {
	w := &ways{file: file, entry: entry}
	if len(w.resources()) == 0 {
		return nil // and no client is made
	}
	if err := w.open(ctx, c); err != nil {
		return err
	}
	for _, r := range w.resources() {
		if err := (&provisioner{resource: r, log: log}).run(ctx); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// Unsigned returns the topics, by ARN, that deliver to the engine's HTTP server without a valid signature, because they are
// an emulator's: those that [Connect] subscribes.
func Unsigned(file *configfile.File, entry Entry) map[string]bool {
	topics := map[string]bool{}
	if !awsclient.Emulated(file.Aws.EndpointOf(config.SNS)) {
		return topics
	}
	w := &ways{file: file, entry: entry}
	for _, t := range file.Resources.Topics {
		for _, s := range t.Subscriptions {
			if s.Protocol == lambdaProtocol && !w.invokes(config.SNS) {
				topics[w.topicARN(t.Name)] = true
			}
		}
	}
	for _, h := range w.hops() {
		topics[w.topicARN(h.topic)] = true
	}
	return topics
}

// invokes reports whether a service invokes functions by itself.
func (w *ways) invokes(service string) bool {
	return w.entry.StandIn != "" && w.file.Aws.EndpointOf(service) == w.entry.StandIn
}

func (w *ways) topicARN(name string) string {
	return config.TopicARN(w.file.Aws.Region, w.file.Aws.AccountId, name)
}

// hop is a topic between a bucket or a rule and a function.
type hop struct {
	topic    string
	function string // with its qualifier
	unwrap   subscriber.Unwrap
}

// hops returns the topics that the file needs, each once.
func (w *ways) hops() (all []hop) {
	seen := map[string]bool{}
	add := func(h hop, ok bool) {
		if ok && !seen[h.topic] {
			seen[h.topic] = true
			all = append(all, h)
		}
	}
	for _, b := range w.file.Resources.Buckets {
		if b.NotificationConfiguration == nil {
			continue
		}
		for _, n := range b.NotificationConfiguration.LambdaFunctionConfigurations {
			add(w.bucketHop(b.Bucket, n.Arn))
		}
	}
	for _, r := range w.file.Resources.Rules {
		for _, t := range r.Targets {
			add(w.ruleHop(r, t))
		}
	}
	return all
}

// bucketHop returns the topic through which a bucket reaches a function. Ok is false if it does not need one.
func (w *ways) bucketHop(bucket, arn string) (h hop, ok bool) {
	function, known := w.file.FunctionOf(arn)
	if !known || w.invokes(config.S3) {
		return hop{}, false
	}
	return hop{hopName(bucket, function), function, subscriber.S3}, true
}

// ruleHop returns the topic through which a rule reaches a target that is a function. Each target has a topic of its own, since
// each may have another input.
func (w *ways) ruleHop(r configfile.Rule, t configfile.RuleTarget) (h hop, ok bool) {
	function, known := w.file.FunctionOf(t.Arn)
	if !known || r.EventPattern == "" || w.invokes(config.EventBridge) {
		return hop{}, false
	}
	return hop{hopName(r.EventBusName, r.Name, t.Id), function, subscriber.EventBridge}, true
}

var notInTopics = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// hopName returns the name of a topic for a way. It must not change between releases. A hash distinguishes names that are
// shortened or look alike.
func hopName(way ...string) string {
	text := "esm"
	hash := sha256.New()
	for _, part := range way {
		text += "-" + notInTopics.ReplaceAllString(part, "_")
		fmt.Fprintf(hash, "%s\n", part)
	}
	return fmt.Sprintf("%.200s-%s", text, hex.EncodeToString(hash.Sum(nil)[:4]))
}
