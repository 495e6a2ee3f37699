package polling

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// That something is not found is believed when it is said twice and nothing speaks against it. Some emulators answer with
// an internal error instead.
func TestPosition(t *testing.T) {
	none, down := &smithy.GenericAPIError{Code: "ResourceNotFoundException"}, errors.New("connection refused")
	ill := &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 500}}, Err: errors.New("no"),
	}
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
		asked := 0
		_, got := Position{
			Shard: "s", AfterRecord: test.positioned, Emulated: true,
			List:      func() ([]esm.Shard, error) { return test.listed, test.list },
			AskOldest: func() error { return test.oldest },
			Ask: func() (string, error) {
				if asked++; asked == 1 {
					return "", test.said
				}
				return "", test.again
			},
		}.Iterator()
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
