package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// A function slower than the visibility timeout gets its messages again while it still works on them. Whoever wonders why
// they are handled twice finds the reason in the trace.
func TestAnAnswerAfterTheVisibilityTimeoutIsWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen atomic.Bool
		h := open(t, sourcetest.QueueConfig{Visibility: 2 * time.Second}, func(event) (string, error) {
			if !seen.Swap(true) {
				time.Sleep(3 * time.Second)
			}
			return "null", nil
		})
		h.send(1, "")
		h.start()
		h.wait(10 * time.Second)
		invoked := told[trace.Invoked](h)
		if len(invoked) != 2 {
			t.Fatalf("%d invocations, want the late one and the one of the second delivery", len(invoked))
		}
		if punctual, late := invoked[0].Detail, invoked[1].Detail; punctual != "" || late == "" {
			t.Errorf("details %q of the punctual answer and %q of the late one", punctual, late)
		}
		h.close()
	})
}
