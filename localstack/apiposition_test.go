package localstack_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// kept runs a command on what the house's engine has kept, which does not run.
func (h *house) kept(command, verb string, args ...string) (says string) {
	h.Helper()
	args = append([]string{command, verb, filepath.Join(h.dir, "mappings.yaml"), "--data-dir", filepath.Join(h.dir, "data")}, args...)
	stdout, stderr, code := esm(h.T, args...)
	if code != 0 {
		h.Errorf("esm %q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout + stderr
}

// TestPositionsOfAMappingOverHTTP moves a mapping that only the DataDir knows, and sends what its first destination did not
// take to that which HTTP gave it since.
func TestPositionsOfAMappingOverHTTP(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	s := c.stream("moved", 1)
	url, arn := c.queue("there", map[string]string{})
	to := func(arn string) *types.DestinationConfig {
		return &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &arn}}
	}
	ill, healed := c.follow("f", s.arn, throw), c.follow("f", s.arn, succeed)
	file := func(f follower) string {
		return "Engine: {TimeScale: 0.05}\nFunctions:\n  f: " + f.fn.yaml() + "\n"
	}
	s.put("1", "2")
	e := c.run(file(ill))
	sdk, none := e.lambda(), int32(0)
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{
		EventSourceArn: &s.arn, StartingPosition: types.EventSourcePositionTrimHorizon, MaximumRetryAttempts: &none, DestinationConfig: to(arn + "-gone"),
	})
	eventually(t, "the notice is kept", func() bool { return strings.Contains(e.stderr.String(), "notice not taken, and kept") })
	update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: &uuid, DestinationConfig: to(arn)}, "Enabled")
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	const shard = "shardId-000000000000"
	title := "f ← " + s.name + " (made over HTTP)"
	for _, says := range []string{c.kept("position", "list"), c.kept("undelivered", "list")} {
		if !strings.Contains(says, title+"  "+shard) {
			t.Errorf("esm says nothing of %s:\n%s", title, says)
		}
	}
	if says := c.kept("undelivered", "resend"); !strings.Contains(says, "sent to "+arn+"\n") || c.count(url) != 1 {
		t.Errorf("esm says %s, and the queue has %d messages", says, c.count(url))
	}
	says := c.kept("position", "set", "--mapping", "f", "--shard", shard, "--trim-horizon")
	if !strings.Contains(says, "shard "+shard+" of "+title+": was after ") || !strings.Contains(says, ", is oldest") {
		t.Errorf("esm says %s", says)
	}

	e = c.run(file(healed))
	s.put("3")
	eventually(t, "the records come again", func() bool { return len(healed.fn.texts()) >= 3 })
	if _, err := e.lambda().DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid}); err != nil {
		t.Fatal(err)
	}
	settles(t, e.lambda(), uuid, "")
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := healed.fn.texts(); !slices.Equal(got, numbers(3)) {
		t.Errorf("the function was given %q", got)
	}
	if says := c.kept("position", "list"); says != "there are no positions yet\n" {
		t.Errorf("of what is deleted, esm says %s", says)
	}
}
