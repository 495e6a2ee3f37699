package datadir

import (
	"errors"
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

const removedID = "00000000-0000-4000-8000-00000000000f"

// mappingsUnderTest are a stream mapping of the file, one made and one changed over HTTP, and one of a queue.
func mappingsUnderTest() []Mapping {
	mapping := func(uuid, function, source string) config.Mapping {
		return config.Mapping{UUID: uuid, FunctionName: function, EventSourceArn: "arn:aws:" + source}
	}
	return []Mapping{
		{Mapping: mapping("1", "f", "kinesis:us-east-1:000000000000:stream/clicks"), Origin: mappings.OriginFile},
		{Mapping: mapping("2", "f:made", "kinesis:us-east-1:000000000000:stream/orders"), Origin: mappings.OriginHTTP},
		{Mapping: mapping("3", "g:new", "dynamodb:us-east-1:000000000000:table/carts"), Origin: mappings.OriginFile, Changed: true},
		{Mapping: mapping("4", "q", "sqs:us-east-1:000000000000:jobs"), Origin: mappings.OriginHTTP},
	}
}

func TestStreamNamed(t *testing.T) {
	for name, want := range map[string]string{
		"1":      "f ← clicks",
		"f:made": "f:made ← orders (created over HTTP)",
		"g":      "g:new ← carts (changed over HTTP)",
		"arn:aws:kinesis:us-east-1:000000000000:stream/orders": "f:made ← orders (created over HTTP)",
		removedID: removedID + " (removed)",

		"f":      "--mapping f: 2 mappings have this name: give the UUID of one of them: 1 (f ← clicks), 2 (f:made ← orders (created over HTTP))",
		"f:more": "--mapping f:more: no stream mapping has this name; there are 1 (f ← clicks), 2 (",
		"q":      "--mapping q: its source is a queue, which has no positions",
		"arn:aws:sqs:us-east-1:000000000000:jobs": "its source is a queue, which has no positions",
	} {
		m, err := StreamNamed(mappingsUnderTest(), name)
		if err == nil && m.Title() != want {
			t.Errorf("%s: got %s, want %s", name, m.Title(), want)
		}
		if _, wrongUse := errors.AsType[usage.Error](err); err != nil && (!wrongUse || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}
