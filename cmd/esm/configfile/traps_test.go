package configfile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

func TestTraps(t *testing.T) {
	for _, c := range []struct {
		name            string
		timeout, window int
		facts           QueueFacts
		want            []string
	}{
		{"as AWS advises", 5, 0, QueueFacts{30 * time.Second, 5}, nil},
		{"with a window", 5, 20, QueueFacts{50 * time.Second, 5}, nil},
		{"the default timeout", 0, 0, QueueFacts{18 * time.Second, 5}, nil},
		{"below six timeouts", 10, 0, QueueFacts{59 * time.Second, 5}, []string{
			"EventSourceArn: the queue's visibility timeout of 59 s is below 6 × the function's timeout + the batching window, 6 × 10 s + 0 s = 60 s: messages may come back while they are still in hand"}},
		{"window at the visibility", 1, 30, QueueFacts{30 * time.Second, 5}, []string{
			"EventSourceArn: the queue's visibility timeout of 30 s is below 6 × the function's timeout + the batching window, 6 × 1 s + 30 s = 36 s: messages may come back while they are still in hand",
			"MaximumBatchingWindowInSeconds: the batching window of 30 s is not below the queue's visibility timeout of 30 s: a batch is closed after half of that at the latest, or its messages would come back"}},
		{"visibility below the timeout", 60, 0, QueueFacts{30 * time.Second, 5}, []string{
			"EventSourceArn: Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds: Lambda refuses this, since messages come back while the function still works on them"}},
		{"few receives", 5, 0, QueueFacts{30 * time.Second, 4}, []string{
			"EventSourceArn: the queue's maxReceiveCount of 4 is below 5: messages may reach the dead-letter queue after throttling alone"}},
		{"no dead-letter queue", 5, 0, QueueFacts{30 * time.Second, 0}, nil},
	} {
		m := config.Mapping{MaximumBatchingWindowInSeconds: &c.window}
		if got := messages(Traps(config.Function{Timeout: c.timeout}, m, c.facts)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func messages(found []config.Problem) (all []string) {
	for _, p := range found {
		all = append(all, p.Path+": "+p.Message)
	}
	return all
}

func TestCheckTimeout(t *testing.T) {
	if err := CheckTimeout(config.Function{Timeout: 30}, 30*time.Second); err != nil {
		t.Error(err)
	}
	err := CheckTimeout(config.Function{Timeout: 60}, 30*time.Second)
	if want := "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReservationTraps(t *testing.T) {
	capped := func(function string, most int) config.Mapping {
		return config.Mapping{FunctionName: function, ScalingConfig: &config.ScalingConfig{MaximumConcurrency: &most}}
	}
	two, no := 2, false
	provisioned := config.Mapping{FunctionName: "f:live", ProvisionedPollerConfig: &config.ProvisionedPollerConfig{MaximumPollers: &two}}
	off := capped("f", 100)
	off.Enabled = &no
	mappings := []config.Mapping{capped("f", 10), capped("g", 50), provisioned, off, {FunctionName: "f"}}
	for reserved, want := range map[int][]string{
		30: nil,
		29: {"ReservedConcurrentExecutions: 29 is below the concurrency of the function's mappings (10 + 20 = 30): they will wait for permits"},
		4: {"ReservedConcurrentExecutions: 4 is below 5, the least that AWS advises behind a queue: expect messages to wait",
			"ReservedConcurrentExecutions: 4 is below the concurrency of the function's mappings (10 + 20 = 30): they will wait for permits"},
		0: {"ReservedConcurrentExecutions: 0 switches the function off: it is never run, and its mappings wait"},
	} {
		if got := messages(ReservationTraps(config.Function{Name: "f", ReservedConcurrentExecutions: &reserved}, mappings)); !slices.Equal(got, want) {
			t.Errorf("%d reserved: got\n%s\nwant\n%s", reserved, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if got := ReservationTraps(config.Function{Name: "f"}, mappings); got != nil {
		t.Errorf("nothing reserved: got %v", got)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"listening to all", "Engine:\n  Listen: :9001\n", []string{
			"2:3: Engine.Listen: is not a loopback address: the HTTP server has no authentication, so anyone who can reach it can change mappings and run functions"}},
		{"listening to a network", "Engine: {Listen: '10.0.0.1:9001'}\n", []string{
			"1:10: Engine.Listen: is not a loopback address: the HTTP server has no authentication, so anyone who can reach it can change mappings and run functions"}},
		{"loopback", "Engine: {Listen: 'localhost:9001'}\n", nil},
		{"loopback of IPv6", "Engine: {Listen: '[::1]:0'}\n", nil},
		{"memory", "Functions:\n  a:\n    Command: [x]\n    MemorySize: 256\n", []string{
			"4:5: Functions.a.MemorySize: is passed to the function, but not enforced for processes"}},
		{"memory of a container", "Functions: {a: {ImageUri: orders, MemorySize: 256}}\n", nil},
		{"layers of a process", "Functions:\n  a: {Command: [x], Layers: [bin, src, zip/app.zip]}\n", []string{
			"2:35: Functions.a.Layers[1]: has app.py, which is at /opt on Lambda and nowhere for a process: use Run: container for what needs it",
			"2:40: Functions.a.Layers[2]: has app.py, which is at /opt on Lambda and nowhere for a process: use Run: container for what needs it"}},
		{"layers of a container", "Functions: {a: {Runtime: provided.al2023, Run: container, BaseImage: b, CodeUri: src, Layers: [bin]}}\n", nil},
		{"a small CPU limit", "Functions:\n  a: {ImageUri: orders, Container: {CPULimit: true}}\n  b: {ImageUri: orders, MemorySize: 256, Container: {CPULimit: true}}\n", []string{
			"2:37: Functions.a.Container.CPULimit: with 128 MB leaves the function 7 % of a CPU, as on Lambda: raise MemorySize if it is slow"}},
		{"no way to AWS", "Functions:\n  a: {ImageUri: orders, Container: {Internal: true}}\n", []string{
			"2:37: Functions.a.Container.Internal: leaves no way to AWS: calls of AWS's SDKs fail, unless they go to a loopback Aws.Endpoint, which is relayed"}},
		{"no way to an endpoint", "Aws: {Endpoint: 'http://localstack:4566'}\nFunctions:\n  a: {ImageUri: orders, Container: {Internal: true}}\n", []string{
			"3:37: Functions.a.Container.Internal: leaves no way to Aws.Endpoint, which is not on a loopback address and so is not relayed: calls of AWS's SDKs fail"}},
		{"a relayed endpoint", "Aws: {Endpoint: 'http://localhost:4566'}\nFunctions: {a: {ImageUri: orders, Container: {Internal: true}}}\n", nil},
		{"the stand-in is relayed", "Aws: {Endpoint: embedded}\nFunctions: {a: {ImageUri: orders, Container: {Internal: true}}}\n", nil},
		{"an archive", "Functions: {a: {Runtime: python3.12, Handler: nowhere.handler, CodeUri: zip/app.zip}}\n", nil},
		{"code in a container", "Functions:\n  a: {Runtime: python3.12, Handler: nowhere.handler, CodeUri: src, Run: container, BaseImage: b}\n", []string{
			"2:28: Functions.a.Handler: nowhere.handler: …"}},
		{"a bootstrap", "Functions: {a: {Runtime: provided.al2023, CodeUri: bin}}\n", nil},
		{"no bootstrap", "Functions:\n  a: {Runtime: provided.al2023, CodeUri: src}\n", []string{
			"2:7: Functions.a.Runtime: there is no executable file bootstrap in CodeUri: without it every invocation fails"}},
		{"filters", orders + mapped + "    FilterCriteria: {Filters: [" + strings.Repeat(`{Pattern: '{"body": {"a": [1]}}'}, `, 6) + "]}\n", []string{
			"7:22: EventSourceMappings[0].FilterCriteria.Filters: has 6 filters: above 5, AWS wants a raised quota"}},
		{"patterns", orders + mapped + "    FilterCriteria:\n      Filters:\n        - Pattern: '{\"messageAttributes\": {\"a\": {\"stringValue\": [\"x\"]}}}'\n        - Pattern: '{\"body\": {\"a\": [{\"wildcard\": \"x*\"}]}}'\n", []string{
			"9:11: EventSourceMappings[0].FilterCriteria.Filters[0].Pattern: at messageAttributes…",
			"10:11: EventSourceMappings[0].FilterCriteria.Filters[1].Pattern: at body.a…"}},
		{"a queue to make", queues + "    - QueueName: orders\n" + orders + mapped, nil},
		{"a queue that is made elsewhere", "Aws: {Endpoint: 'http://localhost:1', Region: eu-west-1}\nResources:\n  Queues:\n    - QueueName: orders\n" + orders + mapped, []string{
			"10:5: EventSourceMappings[0].EventSourceArn: is not the queue of that name in Resources.Queues, which is created in eu-west-1 and account 000000000000"}},
		{"a queue not in Resources", "Aws: {Endpoint: embedded}\n" + orders + mapped, []string{
			"7:5: EventSourceMappings[0].EventSourceArn: is not in Resources.Queues: the embedded stand-in starts without any other queue"}},
		{"a queue that may exist", "Aws: {Endpoint: 'http://localhost:1'}\n" + orders + mapped, nil},
		{"a dead-letter queue not in Resources", queues + deadLetters("a", "b"), []string{
			"5:20: Resources.Queues[0].Attributes.RedrivePolicy: the dead-letter queue is not among Resources.Queues in us-east-1 and account 000000000000: if it does not exist, this queue cannot be made"}},

		{"a poison record", orders + clicking, []string{
			"5:5: EventSourceMappings[0].MaximumRetryAttempts: -1 without MaximumRecordAgeInSeconds: a record that always fails blocks its shard until it leaves the stream: " +
				"set one of them, and BisectBatchOnFunctionError so that the rest of its batch is not given up with it"}},
		{"a poison record is given up by age", orders + clicking + "    MaximumRecordAgeInSeconds: 60\n", nil},
		{"a poison record gives up its batch", orders + clicking + "    MaximumRetryAttempts: 2\n    FunctionResponseTypes: [ReportBatchItemFailures]\n", []string{
			"9:5: EventSourceMappings[0].FunctionResponseTypes: without BisectBatchOnFunctionError, giving up one record also gives up all later records of its batch, including those that would succeed"}},
		{"a poison record alone", orders + clicking + "    MaximumRetryAttempts: 2\n    FunctionResponseTypes: [ReportBatchItemFailures]\n    BisectBatchOnFunctionError: true\n", nil},
		{"three readers of a table", orders + reading("orders:1", "") + reading("orders:2", "    Enabled: false\n") + reading("orders:3", "") + reading("orders:4", ""), []string{
			"19:5: EventSourceMappings[3].EventSourceArn: is read by 3 mappings up to this one, above 2, the most that AWS advises for one DynamoDB stream: expect throttling"}},
		{"a stream to make", made + "  Streams: [{StreamName: clicks}]\n  Topics: [{Name: alerts}]\n  Buckets: [{Bucket: failures}]\n" + orders + clicking +
			"    MaximumRetryAttempts: 2\n    DestinationConfig: {OnFailure: {Destination: 'arn:aws:s3:::failures'}}\n" +
			strings.NewReplacer("orders", "orders:2", "stream/clicks", "stream/clicks/consumer/fast:1").Replace(clicking) +
			"    MaximumRetryAttempts: 2\n    DestinationConfig: {OnFailure: {Destination: 'arn:aws:sns:us-east-1:000000000000:alerts'}}\n", nil},
		{"other sources not in Resources", made + "  Buckets: [{Bucket: failures}]\n  Topics: [{Name: alerts}]\n" + orders + clicking +
			"    MaximumRetryAttempts: 2\n    DestinationConfig: {OnFailure: {Destination: 'arn:aws:s3:::failure'}}\n" +
			reading("orders", "    DestinationConfig: {OnFailure: {Destination: 'arn:aws:sns:us-east-2:000000000000:alerts'}}\n"), []string{
			"10:5: EventSourceMappings[0].EventSourceArn: is not in Resources.Streams: the embedded stand-in starts without any other stream",
			"13:37: EventSourceMappings[0].DestinationConfig.OnFailure.Destination: is not in Resources.Buckets: the embedded stand-in starts without any other bucket",
			"15:5: EventSourceMappings[1].EventSourceArn: is not in Resources.Tables: the embedded stand-in starts without any other table",
			"18:37: EventSourceMappings[1].DestinationConfig.OnFailure.Destination: is not the topic of that name in Resources.Topics, which is created in us-east-1 and account 000000000000"}},
		{"few reserved for a stream", "Functions:\n  orders: {Command: [bin/bootstrap], ReservedConcurrentExecutions: 2}\nEventSourceMappings:\n" + reading("orders", ""), nil},
	} {
		_, report := loadText(t, c.text)
		if err := report.Err(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !slices.EqualFunc(report.Warnings, c.want, matches) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, report, strings.Join(c.want, "\n"))
		}
	}
}
