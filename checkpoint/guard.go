package checkpoint

import (
	"fmt"
	"runtime/debug"
)

// guarded runs f, which reads a mapped file. Where the file is damaged, bbolt panics or touches unmapped memory: both
// become [ErrDamaged].
func (k kind) guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", k.damaged, p)
		}
	}()
	return f()
}
