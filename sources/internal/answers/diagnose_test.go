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

// What is said of something that was not found is believed when it is said twice and nothing speaks against it. Some
// emulators have an internal error in its place.
func TestDiagnose(t *testing.T) {
	none, ill, down := status(404), status(500), errors.New("connection refused")
	open, closed := []esm.Shard{{ID: "s"}}, []esm.Shard{{ID: "s", Closed: true}}
	for name, test := range map[string]struct {
		said          error
		listed        []esm.Shard
		list          error
		positioned    bool
		oldest, again error
		want          error // nil: it passes
	}{
		"a shard that never was":         {said: ill, again: ill, want: esm.ErrNoShard},
		"a shard that is gone":           {said: none, again: none, want: esm.ErrNoShard},
		"it was passing, unlisted":       {said: none},
		"the service is down then":       {said: none, again: down},
		"a position that is none":        {said: ill, listed: open, positioned: true, again: ill, want: esm.ErrForeign},
		"a position that is not found":   {said: none, listed: closed, positioned: true, again: none, want: esm.ErrForeign},
		"it was passing":                 {said: ill, listed: open, positioned: true},
		"another error then":             {said: ill, listed: open, positioned: true, again: down},
		"another answer then":            {said: none, listed: open, positioned: true, again: ill},
		"the service is ill":             {said: ill, listed: closed, positioned: true, oldest: ill, again: ill},
		"ill at the oldest record":       {said: ill, listed: closed, oldest: ill, again: ill},
		"a closed shard that is gone":    {said: none, listed: closed, oldest: none, again: none, want: esm.ErrNoShard},
		"and a position in it":           {said: none, listed: closed, positioned: true, oldest: none, again: none, want: esm.ErrNoShard},
		"an open shard is not gone":      {said: none, listed: open, oldest: none, again: none},
		"and a position in it is not":    {said: none, listed: open, positioned: true, oldest: none, again: none},
		"a closed one is there, at last": {said: none, listed: closed},
		"it does not list":               {said: ill, list: down, positioned: true, again: ill},
		"another stream's":               {said: ill, list: esm.ErrNoStream, positioned: true, again: ill, want: esm.ErrNoStream},
	} {
		got := Diagnose(test.said, Probe{
			Shard: "s", Positioned: test.positioned,
			List:   func() ([]esm.Shard, error) { return test.listed, test.list },
			Oldest: func() error { return test.oldest },
			Again:  func() error { return test.again },
		})
		for _, kind := range []error{esm.ErrNoShard, esm.ErrForeign, esm.ErrNoStream} {
			if errors.Is(got, kind) != (kind == test.want) {
				t.Errorf("%s: %v, want %v", name, got, test.want)
			}
		}
		if !errors.Is(got, test.said) {
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
