package invoker

import "context"

// WaitBriefly is Wait in the line of synchronous callers.
func (l *Limits) WaitBriefly(ctx context.Context, function string) error {
	return l.wait(ctx, function, brief)
}
