// Package configfile reads the mappings file.
//
// A file is read in four steps: yaml.go parses it into a tree with positions; shapes.go decodes the tree by the tables in
// file.go, function.go, mapping.go and resources.go; check.go and queues.go fill in defaults and check references;
// warnings.go and traps.go add warnings. All errors are collected, each with its line and column. The same tables generate
// docs/mappings.schema.json.
package configfile
