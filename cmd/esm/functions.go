package main

import (
	"slices"
	"time"

	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// fileFunctions are the functions of a file, as the API shows them.
type fileFunctions struct {
	file     *configfile.File
	modified time.Time // when the file was
}

var _ api.Functions = fileFunctions{}

// Function is [api.Functions].Function.
func (f fileFunctions) Function(name string) (config.Function, bool) {
	fn := f.file.Function(name)
	if fn == nil {
		return config.Function{}, false
	}
	return *fn, true
}

// Functions is [api.Functions].Functions.
func (f fileFunctions) Functions() []config.Function { return slices.Clone(f.file.Functions) }

// Modified is [api.Functions].Modified.
func (f fileFunctions) Modified() time.Time { return f.modified }
