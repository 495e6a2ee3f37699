package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// hanging is a destination that takes nothing until it is left alone.
type hanging struct{}

func (hanging) Send(ctx context.Context, _ esm.Notice) error {
	<-ctx.Done()
	return ctx.Err()
}

// A crash while the notice is on its way costs no invocation more than there may be.
func TestTheLastTryCountsBeforeItsNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "2"))
		r.feed.Rules = policy.Stream{MaxRetries: 1}
		r.feed.Destination = hanging{}
		r.put(3)
		for range 3 {
			r.start()
			r.wait(time.Minute)
			r.crash()
		}
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		r.feed.Destination = r
		r.put(1)
		r.start()
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3", "1"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		if len(r.notices) != 1 || r.notices[0].Invokes != 2 || r.notices[0].Size != 3 || r.notices[0].Condition != string(policy.RetryAttemptsExhausted) ||
			r.notices[0].Response == nil || r.notices[0].Response.Fault == "" {
			t.Errorf("notices %+v", r.notices)
		}
	})
}

// A limit that is lowered takes effect at once.
func TestALoweredLimitTakesEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "1"))
		r.feed.Rules = policy.Stream{MaxRetries: -1}
		r.put(1)
		r.start()
		r.wait(2 * time.Second)
		r.close()
		before := len(r.fn.seen())
		r.feed.Rules = policy.Stream{MaxRetries: 1}
		r.start()
		r.wait(time.Minute)
		r.close()
		if now := len(r.fn.seen()); now != before || len(r.notices) != 1 || r.notices[0].Invokes != before {
			t.Errorf("%d invocations and then %d, notices %+v", before, now, r.notices)
		}
	})
}
