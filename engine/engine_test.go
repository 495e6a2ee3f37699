package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnEngineWithoutFeedsRunsUntilItIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		new(Engine).Run(ctx, t.Context())
		if ran := time.Since(began); ran != time.Hour {
			t.Errorf("an engine without feeds ran for %v, want until its context ended", ran)
		}
	})
}
