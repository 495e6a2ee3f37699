package main

import (
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/config"
)

// observed is what the observers know of a file.
func observed(file *configfile.File) (mappings []observe.Mapping, functions []string) {
	for _, m := range file.Mappings {
		mappings = append(mappings, seenAs(m))
	}
	for _, fn := range file.Functions {
		functions = append(functions, fn.Name)
	}
	return mappings, functions
}

// seenAs is what the observers know of a mapping.
func seenAs(m config.Mapping) observe.Mapping {
	seen := observe.Mapping{
		UUID: m.UUID, Source: m.EventSourceArn, Function: m.FunctionName,
		Provisioned: m.ProvisionedPollerConfig != nil, Stream: m.OfStream(), Tags: m.Tags,
	}
	if m.DestinationConfig != nil {
		seen.Destination = m.DestinationConfig.OnFailure.Destination
	}
	return seen
}
