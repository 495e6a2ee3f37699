package configfile

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// maxValues limits how many values are read. An alias counts each time it is used.
const maxValues = 50_000

// decoder holds the state of one read: the findings, and the position of each path.
type decoder struct {
	lookup        func(string) (string, bool) // the environment
	profileRegion func() string               // the region of the SDK's shared configuration, if any
	now           time.Time                   // the time of the read

	report   Report
	places   map[string]place
	failed   map[string]bool // paths with an error; further errors about them are not reported
	expanded map[string]bool // paths whose text came wholly or partly from the environment
	left     int             // how many values may still be read
	widths   []int           // of the file's lines, in characters
}

func newDecoder(file string) *decoder {
	return &decoder{
		lookup:   os.LookupEnv,
		now:      time.Now(),
		report:   Report{File: file},
		places:   map[string]place{},
		failed:   map[string]bool{},
		expanded: map[string]bool{},
		left:     maxValues,
	}
}

// errorf reports an error at a path, unless one was reported there before: the first explains it best.
func (d *decoder) errorf(at, format string, args ...any) {
	if d.failed[at] {
		return
	}
	d.failed[at] = true
	d.report.Errors = append(d.report.Errors, d.finding(d.placeOf(at), at, fmt.Sprintf(format, args...)))
}

// errorHere reports an error at an explicit place, such as that of a key.
func (d *decoder) errorHere(p place, at, format string, args ...any) {
	d.report.Errors = append(d.report.Errors, d.finding(p, at, fmt.Sprintf(format, args...)))
}

func (d *decoder) warnf(at, format string, args ...any) {
	d.report.Warnings = append(d.report.Warnings, d.finding(d.placeOf(at), at, fmt.Sprintf(format, args...)))
}

// finding returns a finding at a place. For a missing value the parser may give a place beyond the end of the file, which is
// moved back into it.
func (d *decoder) finding(p place, at, message string) Finding {
	p.line = min(p.line, len(d.widths))
	if p.line > 0 {
		p.column = min(p.column, d.widths[p.line-1]+1)
	}
	return Finding{File: d.report.File, Line: p.line, Column: p.column, Path: at, Message: message}
}

// problems reports the problems that package config found in the value at a path.
func (d *decoder) problems(at string, found []config.Problem) {
	for _, p := range found {
		d.errorf(join(at, p.Path), "%s", p.Message)
	}
}

func (d *decoder) warnings(at string, found []config.Problem) {
	for _, p := range found {
		d.warnf(join(at, p.Path), "%s", p.Message)
	}
}

// placeOf returns the place of a path, or of the nearest object or list around it that the file has.
func (d *decoder) placeOf(at string) place {
	for {
		if p, known := d.places[at]; known || at == "" {
			return p
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
}

// take counts one more value and records its place. It returns false once the file has more than maxValues.
func (d *decoder) take(at string, p place) bool {
	d.places[at] = p
	return d.spend(at, p)
}

func (d *decoder) spend(at string, p place) bool {
	d.left--
	if d.left == 0 {
		d.errorHere(p, at, "is one value too many: the file has more than %d, aliases counted each time", maxValues)
	}
	return d.left > 0
}

func join(path, member string) string {
	if path == "" || member == "" || member[0] == '[' {
		return path + member
	}
	return path + "." + member
}

// wrongKind reports that a value is of the wrong kind.
func (d *decoder) wrongKind(n *node, at, want string) {
	remedy := ""
	switch {
	case n.kind == null:
		d.errorf(at, "is empty and should be %s: give it, or remove the key", want)
		return
	case n.kind == text && n.quoted && plainKind(n.text) != text:
		remedy = ": remove the quotes"
	case n.kind < text:
		d.errorf(at, "%s is %s and should be %s", n.text, n.kind, want)
		return
	case n.kind == text && strings.Contains(n.text, "${"):
		remedy = ": ${…} stands for text only"
	}
	d.errorf(at, "%s and should be %s%s", what(n), want, remedy)
}

// what describes a value for a message. Texts are quoted as written, before environment variables are expanded.
func what(n *node) string {
	if n.kind == text {
		return quote(n.text) + " is text"
	}
	return "is " + n.kind.String()
}

// quote quotes a text of the file for a message, shortened to 60 characters.
func quote(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
