package configfile

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/filter"
)

// checkFunctions checks each function as written in the file, and the files it names.
func (d *decoder) checkFunctions(r raw, dir string) {
	for _, m := range r.Functions {
		fn, at := m.value, config.Member("Functions", m.key)
		if d.failed[at] {
			continue
		}
		fn.Name = m.key
		if d.triedWay(at) {
			d.failed[config.Member(at, "Runtime")] = true // so that it is not reported as missing
		}
		d.problems(at, fn.Validate())
		d.checkMachine(fn, at)
		d.checkCode(fn, at, dir)
	}
	d.checkProvisioned(r)
}

// checkProvisioned checks that the shared pool is large enough for what is provisioned for functions that share it.
func (d *decoder) checkProvisioned(r raw) {
	left := r.Engine.Concurrency
	for _, m := range r.Functions {
		n, at := m.value.ProvisionedConcurrentExecutions, config.Member(config.Member("Functions", m.key), "ProvisionedConcurrentExecutions")
		if m.value.ReservedConcurrentExecutions != nil || d.failed[at] {
			continue
		}
		if n > left {
			d.errorf(at, "is %d, above %d, which is left of Engine.Concurrency: raise that, or give the function ReservedConcurrentExecutions", n, left)
			return
		}
		left -= n
	}
}

// triedWay reports whether a function has a way to run it that failed its own checks.
func (d *decoder) triedWay(at string) bool {
	return slices.ContainsFunc([]string{"Command", "InvokeEndpoint", "ImageUri", "ImageConfig"}, func(key string) bool {
		return d.failed[config.Member(at, key)]
	})
}

// machines maps GOARCH to the names of Lambda.
var machines = map[string]string{"amd64": "x86_64", "arm64": "arm64"}

// checkMachine checks that a process can run here. What containers can run depends on the container engine.
func (d *decoder) checkMachine(fn config.Function, at string) {
	here := machines[runtime.GOARCH]
	if len(fn.Architectures) == 1 && fn.InvokeEndpoint == "" && !fn.InContainer() && fn.Architectures[0] != here {
		d.errorf(config.Member(at, "Architectures"), "does not match this machine, which is %s", here)
	}
}

// checkMappings checks each mapping alone and against functions and other mappings, and fills in its defaults.
func (d *decoder) checkMappings(f *File) {
	joined, known := map[string]int{}, map[string]int{}
	for i := range f.Mappings {
		m, at := &f.Mappings[i], fmt.Sprintf("EventSourceMappings[%d]", i)
		if d.failed[at] {
			continue
		}
		d.problems(at, forFiles(*m, m.Validate(d.now)))
		d.checkPatterns(*m, at)
		d.resolve(f, m, at)
		d.complete(m)
		pair := m.FunctionName + "\n" + m.EventSourceArn + "\n" + m.Endpoint
		if other, twice := joined[pair]; twice {
			d.errorf(at, "joins the same function and source as EventSourceMappings[%d]: remove one", other)
			continue
		}
		joined[pair] = i
		if other, twice := known[m.UUID]; twice {
			d.errorf(at+".UUID", "is that of EventSourceMappings[%d]", other)
		}
		known[m.UUID] = i
	}
}

// checkPatterns compiles each pattern alone, so that an error has a position, and then all together.
func (d *decoder) checkPatterns(m config.Mapping, at string) {
	if m.FilterCriteria == nil {
		return
	}
	var patterns []string
	for i, one := range m.FilterCriteria.Filters {
		path := fmt.Sprintf("%s.FilterCriteria.Filters[%d].Pattern", at, i)
		if _, err := compilePatterns(m.Source(), one.Pattern); err != nil {
			d.errorf(path, "%s", d.faultOf(path, err))
		}
		patterns = append(patterns, one.Pattern)
	}
	filters := at + ".FilterCriteria.Filters"
	if _, err := compilePatterns(m.Source(), patterns...); err != nil && !d.failedBelow(filters) {
		d.errorf(filters, "%s", d.faultOf(filters, err))
	}
}

// checkPattern compiles the pattern of a rule or a subscription.
func (d *decoder) checkPattern(pattern, at string) {
	if _, err := filter.Compile([]string{pattern}, ""); err != nil {
		d.errorf(at, "%s", d.faultOf(at, err))
	}
}

// faultOf returns what is wrong with a pattern. It does not quote a pattern that came from the environment.
func (d *decoder) faultOf(path string, err error) string {
	bad, ok := errors.AsType[*filter.PatternError](err)
	switch {
	case d.expanded[path] || !ok:
		return "is not a valid filter pattern"
	case bad.Path == "":
		return bad.Reason
	}
	return "at " + bad.Path + ": " + bad.Reason
}

// failedBelow reports whether any path with the prefix at has an error.
func (d *decoder) failedBelow(at string) bool {
	for path := range d.failed {
		if strings.HasPrefix(path, at) {
			return true
		}
	}
	return false
}

// resolve replaces a mapping's FunctionName, which may be an ARN, with the name of a function of this file, including the
// qualifier if there is one.
func (d *decoder) resolve(f *File, m *config.Mapping, at string) {
	if name, ok := d.functionNamed(f, m.FunctionName, config.Member(at, "FunctionName")); ok {
		m.FunctionName = name
	}
}

// functionsFor suggests the function that was probably meant, or lists all functions.
func (f *File) functionsFor(wanted string) string {
	var names []string
	for _, fn := range f.Functions {
		names = append(names, fn.Name)
	}
	if near := nearest(wanted, names); near != "" {
		return "did you mean " + near + "?"
	}
	if len(names) == 0 {
		return "it has no Functions"
	}
	return "it has " + strings.Join(names, ", ")
}

// Function returns the function with this name, which may have a qualifier, or nil.
func (f *File) Function(name string) *config.Function {
	name, _ = config.SplitQualifier(name)
	for i := range f.Functions {
		if f.Functions[i].Name == name {
			return &f.Functions[i]
		}
	}
	return nil
}

// complete fills in a mapping's UUID and its region.
func (d *decoder) complete(m *config.Mapping) {
	if m.UUID == "" {
		m.UUID = identity(*m)
	}
	m.Region = cmp.Or(m.Region, m.Source().ARN.Region)
}
