package main

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// followed is a mapping of which something may be kept. Of one that was removed only the UUID is known.
type followed mappings.Expected

func removed(uuid string) followed { return followed{Mapping: config.Mapping{UUID: uuid}} }

// removed says that the mapping is neither in the file nor was it made over HTTP, or not any more.
func (f followed) removed() bool { return f.Origin == "" }

// title names the mapping for people.
func (f followed) title() string {
	title := f.FunctionName + " ← " + f.Source().Title()
	switch {
	case f.removed():
		return f.UUID + " (removed)"
	case f.Origin == mappings.OriginHTTP:
		return title + " (made over HTTP)"
	case f.Changed:
		return title + " (changed over HTTP)"
	}
	return title
}

// ofStreams are those of streams.
func ofStreams(known []followed) (found []followed) {
	for _, m := range known {
		if m.OfStream() {
			found = append(found, m)
		}
	}
	return found
}

// mappingsNamed are the stream mappings that a name means: a UUID, a function, with or without its qualifier, or the ARN
// of a source. A UUID may be that of a mapping which was removed.
func mappingsNamed(known []followed, name string) ([]followed, error) {
	var named []followed
	for _, m := range known {
		if m.named(name) {
			named = append(named, m)
		}
	}
	if found := ofStreams(named); len(found) > 0 {
		return found, nil
	}
	if len(named) > 0 {
		return nil, usageError{fmt.Errorf("--mapping %s: reads a queue, which has no positions", name)}
	}
	if id, err := uuid.Parse(name); err == nil && id.String() == name {
		return []followed{removed(name)}, nil
	}
	return nil, usageError{fmt.Errorf("--mapping %s: there is no such mapping of a stream, but %s", name, theseMappings(ofStreams(known)))}
}

// oneMapping is the one stream mapping that a name means.
func oneMapping(known []followed, name string) (followed, error) {
	found, err := mappingsNamed(known, name)
	if err != nil {
		return followed{}, err
	}
	if len(found) > 1 {
		return followed{}, usageError{fmt.Errorf("--mapping %s: means %d mappings, name one by its UUID: %s", name, len(found), theseMappings(found))}
	}
	return found[0], nil
}

func (f followed) named(name string) bool {
	function, _, _ := strings.Cut(f.FunctionName, ":")
	return name == f.UUID || name == f.EventSourceArn || name == f.FunctionName || name == function
}

// theseMappings lists mappings within a sentence.
func theseMappings(list []followed) string {
	if len(list) == 0 {
		return "none at all"
	}
	var names []string
	for _, m := range list {
		names = append(names, m.UUID+" ("+m.title()+")")
	}
	return strings.Join(names, ", ")
}
