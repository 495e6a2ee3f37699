package configfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/bootstrap"
)

// warn adds warnings about what is allowed but probably a mistake.
func (d *decoder) warn(f *File) {
	if !isLoopback(f.Engine.Listen) {
		d.warnf("Engine.Listen", "is not a loopback address: the HTTP server has no authentication, so anyone who can reach it can change mappings and run functions")
	}
	for _, fn := range f.Functions {
		d.warnFunction(f, fn, config.Member("Functions", fn.Name))
	}
	d.warnAsyncDestinations(f)
	readers := ReaderTraps(f.Mappings)
	for i, m := range f.Mappings {
		at := fmt.Sprintf("EventSourceMappings[%d]", i)
		d.warnPatterns(m, at)
		d.warnSource(f, m, at)
		if trap, ok := readers[i]; ok {
			d.warnings(at, []config.Problem{trap})
		}
	}
}

func (d *decoder) warnFunction(f *File, fn config.Function, at string) {
	d.warnings(at, ReservationTraps(fn, f.Mappings))
	memory := config.Member(at, "MemorySize")
	if _, given := d.places[memory]; given && fn.InvokeEndpoint == "" && !fn.InContainer() {
		d.warnf(memory, "is passed to the function, but not enforced for processes")
	}
	d.warnContainer(f, fn, at)
	if !isArchive(fn.CodeUri) {
		d.warnCode(fn, at)
	}
}

// warnCode warns of missing files of a function. They are no errors, because they may still be built.
func (d *decoder) warnCode(fn config.Function, at string) {
	const fails = "without it every invocation fails"
	switch {
	case len(fn.Command) > 0:
		if name := fn.Command[0]; strings.Contains(name, "/") && !executable(within(fn.CodeUri, name)) {
			d.warnf(config.Member(at, "Command"), "%s is not an executable file (relative to CodeUri): %s", name, fails)
		}
	case strings.HasPrefix(fn.Runtime, "provided"):
		if len(fn.Layers) == 0 && !executable(filepath.Join(fn.CodeUri, "bootstrap")) {
			d.warnf(config.Member(at, "Runtime"), "there is no executable file bootstrap in CodeUri: %s", fails)
		}
	case fn.Runtime != "" && !d.failed[config.Member(at, "Handler")]:
		if missing, ok := errors.AsType[*bootstrap.Invalid](bootstrap.Check(fn)); ok && missing.Field == "Handler" {
			d.warnf(config.Member(at, "Handler"), "%s: %s", missing.Reason, fails)
		}
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (d *decoder) warnPatterns(m config.Mapping, at string) {
	if m.FilterCriteria == nil {
		return
	}
	filters := at + ".FilterCriteria.Filters"
	if n := len(m.FilterCriteria.Filters); n > config.UsualFilters {
		d.warnf(filters, "has %d filters: above %d, AWS wants a raised quota", n, config.UsualFilters)
	}
	for i, one := range m.FilterCriteria.Filters {
		path := fmt.Sprintf("%s[%d].Pattern", filters, i)
		compiled, err := compilePatterns(m.Source(), one.Pattern)
		if err != nil {
			continue // reported as an error
		}
		for _, note := range compiled.Undocumented() {
			if d.expanded[path] {
				note = "uses what AWS does not document for filters"
			}
			d.warnf(path, "%s", strings.TrimPrefix(note, "Filters[0].Pattern: "))
		}
	}
}

// warnSource warns of traps between a mapping, its source and its function.
func (d *decoder) warnSource(f *File, m config.Mapping, at string) {
	q, fn := f.QueueOf(m), f.Function(m.FunctionName)
	if q != nil && fn != nil && !d.failed[at+".EventSourceArn"] {
		d.warnings(at, Traps(*fn, m, q.Facts()))
	}
	d.warnings(at, StreamTraps(m))
	if m.Endpoint == "" {
		d.warnUnmade(f, m.EventSourceArn, at+".EventSourceArn")
	}
	if m.DestinationConfig != nil {
		d.warnUnmade(f, m.DestinationConfig.OnFailure.Destination, at+".DestinationConfig.OnFailure.Destination")
	}
}
