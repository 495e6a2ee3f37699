package silence

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// slow is a service that answers after a while, and sends the bytes of its answer one by one.
type slow struct{ head, each time.Duration }

func (s slow) Do(req *http.Request) (*http.Response, error) {
	if err := wait(req.Context(), s.head); err != nil {
		return nil, err
	}
	return &http.Response{Body: &slowBody{strings.NewReader("abc"), req.Context(), s.each}}, nil
}

type slowBody struct {
	text *strings.Reader
	ctx  context.Context
	each time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	if err := wait(b.ctx, b.each); err != nil {
		return 0, err
	}
	return b.text.Read(p[:1])
}

func (b *slowBody) Close() error { return nil }

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func call(ctx context.Context, s slow) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://x/", nil)
	if err != nil {
		return err
	}
	resp, err := Client(s).Do(req)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(resp.Body)
	return errors.Join(err, resp.Body.Close())
}

func TestSilence(t *testing.T) {
	for name, test := range map[string]struct {
		service slow
		allowed time.Duration // below zero: as usual
		took    time.Duration
		silent  bool
	}{
		"answers in time":          {slow{head: 14 * time.Second}, -1, 14 * time.Second, false},
		"never answers":            {slow{head: time.Hour}, -1, Limit, true},
		"stops in the middle":      {slow{each: time.Hour}, -1, Limit, true},
		"is slow but keeps coming": {slow{head: 14 * time.Second, each: 14 * time.Second}, -1, 70 * time.Second, false},
		"a long poll":              {slow{head: 20 * time.Second}, 25 * time.Second, 20 * time.Second, false},
		"a long poll is silent":    {slow{head: time.Hour}, 25 * time.Second, 25 * time.Second, true},
		"without a limit":          {slow{head: time.Hour}, 0, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.allowed >= 0 {
					ctx = Allow(ctx, test.allowed)
				}
				start := time.Now()
				err := call(ctx, test.service)
				_, silent := errors.AsType[*Error](err)
				if silent != test.silent || (err != nil) != test.silent || errors.Is(err, context.Canceled) || time.Since(start) != test.took {
					t.Errorf("%v after %s, want %s", err, time.Since(start), test.took)
				}
				if silent && retry.NewStandard().IsErrorRetryable(err) {
					t.Error("the SDK would make the call again")
				}
			})
		})
	}
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []slow{{head: time.Hour}, {each: time.Hour}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := call(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
		}
	})
}
