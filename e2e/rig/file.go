package rig

import (
	"fmt"
	"strings"
)

// An Entry is a part of a mappings file.
type Entry interface{ addTo(*file) }

type file struct {
	engine, functions, mappings, resources string
	defined                                map[string]bool // functions by name
}

// fileOf returns the text of a mappings file. The engine's waits after errors last a twentieth of what they do on AWS,
// unless an entry says otherwise.
func fileOf(entries []Entry) string {
	f := file{engine: "TimeScale: 0.05", defined: map[string]bool{}}
	for _, e := range entries {
		e.addTo(&f)
	}
	text := "Engine: {" + f.engine + "}\n"
	if f.functions != "" {
		text += "Functions:\n" + f.functions
	}
	if f.resources != "" {
		text += "Resources:\n" + f.resources
	}
	if f.mappings != "" {
		text += "EventSourceMappings:\n" + f.mappings
	}
	return text
}

// EngineKeys are the keys of Engine, in place of a short TimeScale.
type EngineKeys string

func (k EngineKeys) addTo(f *file) { f.engine = string(k) }

// Resources are keys of Resources, each on lines of its own.
type Resources string

func (r Resources) addTo(f *file) { f.resources += string(r) }

// A Mapping is an event source mapping.
type Mapping struct {
	Function  *Function
	Qualifier string // of the function's name; "" is none
	Source    string // the ARN
	Keys      []string
}

// On maps a source to the function. A stream is read from its oldest record unless the keys say otherwise.
func (f *Function) On(source string, keys ...string) Mapping {
	return Mapping{Function: f, Source: source, Keys: keys}
}

func (m Mapping) addTo(f *file) {
	m.Function.addTo(f)
	name := m.Function.Name
	if m.Qualifier != "" {
		name += ":" + m.Qualifier
	}
	keys := strings.Join(m.Keys, "\n    ")
	if !strings.Contains(m.Source, ":sqs:") && !strings.Contains(keys, "StartingPosition:") {
		keys += "\n    StartingPosition: TRIM_HORIZON"
	}
	f.mappings += fmt.Sprintf("  - FunctionName: %s\n    EventSourceArn: %s\n    %s\n", name, m.Source, keys)
}

func (fn *Function) addTo(f *file) {
	if !f.defined[fn.Name] {
		f.functions += fmt.Sprintf("  %s: %s\n", fn.Name, fn.description())
	}
	f.defined[fn.Name] = true
}

// Keys of mappings that many tests use.
const (
	Reporting = "FunctionResponseTypes: [ReportBatchItemFailures]"
	Bisecting = "BisectBatchOnFunctionError: true"
	Disabled  = "Enabled: false"
)

// BatchSize is the mapping's key for batches of up to n records.
func BatchSize(n int) string { return fmt.Sprint("BatchSize: ", n) }

// Retries is the mapping's key for up to n retries; -1 is no limit.
func Retries(n int) string { return fmt.Sprint("MaximumRetryAttempts: ", n) }

// Filter is the mapping's key for a pattern that records have to match.
func Filter(pattern string) string {
	return "FilterCriteria: {Filters: [{Pattern: '" + pattern + "'}]}"
}

// OnFailure is the mapping's key that sends notices of dropped records to a destination.
func OnFailure(arn string) string {
	return "DestinationConfig: {OnFailure: {Destination: '" + arn + "'}}"
}
