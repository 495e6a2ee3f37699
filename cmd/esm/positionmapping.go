package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/config"
)

// followed is a mapping of which positions may be kept. Of one that is no longer in the file only the UUID is known.
type followed struct {
	esm.Mapping
	inFile bool
}

// title names the mapping for people.
func (f followed) title() string {
	if !f.inFile {
		return f.UUID + " (not in the file)"
	}
	return f.FunctionName + " ← " + sourceTitle(f.EventSourceArn)
}

// sourceTitle names a stream, its consumer or a table for people.
func sourceTitle(arn string) string {
	a, err := esm.ParseARN(arn)
	if err != nil {
		return arn
	}
	name := strings.TrimPrefix(a.Resource, "stream/")
	return strings.TrimPrefix(name, "table/")
}

// ofStreams are the stream mappings of a file, in its order.
func ofStreams(file *config.File) (found []followed) {
	for _, m := range file.Mappings {
		if m.OfStream() {
			found = append(found, followed{m, true})
		}
	}
	return found
}

// mappingsNamed are the stream mappings that a name means: a UUID, a function, with or without its qualifier, or the ARN
// of a source. A UUID may be that of a mapping which is not in the file any more.
func mappingsNamed(file *config.File, name string) ([]followed, error) {
	all := ofStreams(file)
	if found := slices.DeleteFunc(slices.Clone(all), func(m followed) bool { return !m.named(name) }); len(found) > 0 {
		return found, nil
	}
	for _, m := range file.Mappings {
		if (followed{Mapping: m}).named(name) {
			return nil, usageError{fmt.Errorf("--mapping %s: reads a queue, which has no positions", name)}
		}
	}
	if id, err := uuid.Parse(name); err == nil && id.String() == name {
		return []followed{{Mapping: esm.Mapping{UUID: name}}}, nil
	}
	return nil, usageError{fmt.Errorf("--mapping %s: the file has no such mapping of a stream, but %s", name, theseMappings(all))}
}

// oneMapping is the one stream mapping that a name means.
func oneMapping(file *config.File, name string) (followed, error) {
	found, err := mappingsNamed(file, name)
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
