package answers

import (
	"errors"
	"net/http"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// status is an answer with an HTTP status and no name for what went wrong.
func status(code int) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}, Err: errors.New("no"),
	}
}

// Emulators answer with an internal error, for ever, to what AWS refuses by name.
func TestUnknown(t *testing.T) {
	ill, down := status(500), errors.New("connection refused")
	for name, test := range map[string]struct {
		listed        []string
		list          error
		positioned    bool
		oldest, again error
		want          error // nil: it passes
	}{
		"a shard that never was":   {listed: []string{"other"}, want: esm.ErrNoShard},
		"a position that is none":  {listed: []string{"s"}, positioned: true, again: ill, want: esm.ErrForeign},
		"it was passing":           {listed: []string{"s"}, positioned: true},
		"another error then":       {listed: []string{"s"}, positioned: true, again: down},
		"the service is ill":       {listed: []string{"s"}, positioned: true, oldest: ill, again: ill},
		"ill at the oldest record": {listed: []string{"s"}, again: ill},
		"it does not list":         {list: down, positioned: true, again: ill},
		"another stream's":         {list: esm.ErrNoStream, positioned: true, again: ill, want: esm.ErrNoStream},
	} {
		got := Unknown(ill, Probe{
			Shard: "s", Positioned: test.positioned,
			List: func() (shards []esm.Shard, err error) {
				for _, id := range test.listed {
					shards = append(shards, esm.Shard{ID: id})
				}
				return shards, test.list
			},
			Oldest: func() error { return test.oldest },
			Again:  func() error { return test.again },
		})
		for _, kind := range []error{esm.ErrNoShard, esm.ErrForeign, esm.ErrNoStream} {
			if errors.Is(got, kind) != (kind == test.want) {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
		if !errors.Is(got, ill) && (test.want == nil || test.want == esm.ErrNoShard) {
			t.Errorf("%s: %v hides the answer", name, got)
		}
	}
}

func TestKinds(t *testing.T) {
	slow, denied := errors.New("slow down"), errors.New("denied")
	kinds := Kinds{SlowDown: slow, Denied: denied}
	for code, want := range map[int]error{400: nil, 403: denied, 429: slow, 500: nil} {
		got := kinds.Wrap(status(code))
		if errors.Is(got, slow) != (want == slow) || errors.Is(got, denied) != (want == denied) || Status(got) != code {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
	if kinds.Wrap(nil) != nil {
		t.Error("no error became one")
	}
	if decided := errors.Join(esm.ErrNoStream, status(403)); errors.Is(kinds.Wrap(decided), denied) {
		t.Error("what was decided is decided again")
	}
}
