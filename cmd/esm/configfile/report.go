package configfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Finding is one error or warning and its position in the file.
type Finding struct {
	File         string
	Line, Column int    // from 1, in characters; 0 without a position
	Path         string // such as EventSourceMappings[0].BatchSize; empty means the whole file
	Message      string // the fault and the remedy; of the environment only region and account are quoted
}

// String returns the finding as one line, in the form of compilers: file:line:column: path: message.
func (f Finding) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	if f.Path == "" {
		return where + ": " + f.Message
	}
	return where + ": " + f.Path + ": " + f.Message
}

// Report holds all findings about a file, each list in the order of the file.
type Report struct {
	File     string
	Errors   []Finding
	Warnings []Finding
}

// String returns one finding a line, and a last line that sums them up.
func (r Report) String() string {
	var out strings.Builder
	for _, f := range r.Errors {
		fmt.Fprintf(&out, "%s\n", f)
	}
	for _, f := range r.Warnings {
		f.Message = "warning: " + f.Message
		fmt.Fprintf(&out, "%s\n", f)
	}
	verdict := "valid"
	if len(r.Errors) > 0 {
		verdict = "not valid, " + count(len(r.Errors), "error")
	}
	if len(r.Warnings) > 0 {
		verdict += ", " + count(len(r.Warnings), "warning")
	}
	fmt.Fprintf(&out, "%s is %s\n", r.File, verdict)
	return out.String()
}

// Err returns nil if there are no errors, and otherwise an *Invalid.
func (r Report) Err() error {
	if len(r.Errors) == 0 {
		return nil
	}
	return &Invalid{r.Errors}
}

// Invalid is the error of a file that cannot be used.
type Invalid struct{ Errors []Finding }

// Error returns every error, one a line.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Errors))
	for i, f := range e.Errors {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

func (r *Report) sort() {
	order := func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	}
	slices.SortStableFunc(r.Errors, order)
	slices.SortStableFunc(r.Warnings, order)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
