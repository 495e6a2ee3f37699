package datadir

import (
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/cmd/esm/usage"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// Mapping is a mapping that may have checkpoints or notices in the store. For a removed mapping only the UUID is known.
type Mapping mappings.Expected

// RemovedMapping returns the mapping of a UUID that is neither in the file nor was created over HTTP.
func RemovedMapping(uuid string) Mapping { return Mapping{Mapping: config.Mapping{UUID: uuid}} }

// Removed reports whether the mapping is neither in the file nor was created over HTTP.
func (m Mapping) Removed() bool { return m.Origin == "" }

// Title names the mapping for people.
func (m Mapping) Title() string {
	title := m.FunctionName + " ← " + m.Source().Title()
	switch {
	case m.Removed():
		return m.UUID + " (removed)"
	case m.Origin == mappings.OriginHTTP:
		return title + " (created over HTTP)"
	case m.Changed:
		return title + " (changed over HTTP)"
	}
	return title
}

// Streams returns the mappings of streams among all.
func Streams(all []Mapping) (streams []Mapping) {
	for _, m := range all {
		if m.OfStream() {
			streams = append(streams, m)
		}
	}
	return streams
}

// StreamsNamed returns the stream mappings among known that name refers to: a UUID, a function with or without its
// qualifier, or the ARN of a source. The UUID may be that of a removed mapping.
func StreamsNamed(known []Mapping, name string) ([]Mapping, error) {
	var named []Mapping
	for _, m := range known {
		if m.named(name) {
			named = append(named, m)
		}
	}
	if found := Streams(named); len(found) > 0 {
		return found, nil
	}
	if len(named) > 0 {
		return nil, usage.Errorf("--mapping %s: its source is a queue, which has no positions", name)
	}
	if id, err := uuid.Parse(name); err == nil && id.String() == name {
		return []Mapping{RemovedMapping(name)}, nil
	}
	return nil, usage.Errorf("--mapping %s: no stream mapping has this name; there are %s", name, titles(Streams(known)))
}

// StreamNamed returns the one stream mapping among known that name refers to.
func StreamNamed(known []Mapping, name string) (Mapping, error) {
	found, err := StreamsNamed(known, name)
	if err != nil {
		return Mapping{}, err
	}
	if len(found) > 1 {
		return Mapping{}, usage.Errorf("--mapping %s: %d mappings have this name: give the UUID of one of them: %s", name, len(found), titles(found))
	}
	return found[0], nil
}

func (m Mapping) named(name string) bool {
	function, _ := config.SplitQualifier(m.FunctionName)
	return name == m.UUID || name == m.EventSourceArn || name == m.FunctionName || name == function
}

// titles lists mappings within a sentence.
func titles(list []Mapping) string {
	if len(list) == 0 {
		return "none"
	}
	var names []string
	for _, m := range list {
		names = append(names, m.UUID+" ("+m.Title()+")")
	}
	return strings.Join(names, ", ")
}
