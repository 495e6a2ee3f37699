package config

import "testing"

func TestARNsOfEventBridge(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{BusARN("eu-west-1", "123456789012", "ops"), "arn:aws:events:eu-west-1:123456789012:event-bus/ops"},
		{RuleARN("eu-west-1", "123456789012", "default", "nightly"), "arn:aws:events:eu-west-1:123456789012:rule/nightly"},
		{RuleARN("cn-north-1", "123456789012", "ops", "nightly"), "arn:aws-cn:events:cn-north-1:123456789012:rule/ops/nightly"},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
}
