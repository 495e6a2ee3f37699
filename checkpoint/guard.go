package checkpoint

import (
	"fmt"
	"runtime/debug"
)

// guarded runs f, which reads a mapped file. What bbolt does with a file that is damaged where nobody looked before
// (panic, or touch memory that is not there) becomes an error, ErrDamaged.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}()
	return f()
}
