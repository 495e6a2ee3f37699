// Package usage marks errors that users fix by changing the mappings file, a flag or an argument. The command exits with 2
// for them.
package usage

import "fmt"

// Error is such an error.
type Error struct{ Err error }

func (e Error) Error() string { return e.Err.Error() }

func (e Error) Unwrap() error { return e.Err }

// Errorf returns an Error with a formatted text. As in fmt.Errorf, %w wraps an error.
func Errorf(format string, args ...any) error { return Error{fmt.Errorf(format, args...)} }
