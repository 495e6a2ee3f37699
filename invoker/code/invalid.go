package code

import "fmt"

// Invalid is the reason why an archive or a layer is refused.
type Invalid struct {
	Path   string // of the archive or the directory
	Entry  string // in it; empty if it is the whole that is refused
	Reason string // with the remedy
}

func (e *Invalid) Error() string {
	if e.Entry == "" {
		return e.Path + " " + e.Reason
	}
	return fmt.Sprintf("%s: entry %q %s", e.Path, e.Entry, e.Reason)
}
