package main

import (
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/config"
)

// fileFunctions are the functions of a file, as the API shows them.
type fileFunctions struct {
	file     *config.File
	modified time.Time // when the file was
}

var _ api.Functions = fileFunctions{}

// Function is [api.Functions].Function.
func (f fileFunctions) Function(name string) (esm.Function, bool) {
	fn := f.file.Function(name)
	if fn == nil {
		return esm.Function{}, false
	}
	return *fn, true
}

// Functions is [api.Functions].Functions.
func (f fileFunctions) Functions() []esm.Function { return slices.Clone(f.file.Functions) }

// Modified is [api.Functions].Modified.
func (f fileFunctions) Modified() time.Time { return f.modified }
