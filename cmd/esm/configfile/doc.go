// Package config reads the mappings file: YAML in AWS's own names, strictly decoded.
//
// A file goes through four steps. It is parsed into a tree of values with their places (yaml.go), which is read by the
// shapes of what may stand where (shapes.go; the tables in file.go, function.go, mapping.go and resources.go). Defaults
// are filled in and what is wrong between the parts is found (check.go, queues.go), and last come the warnings
// (traps.go). All errors are gathered, each with its line and column; the same tables are the JSON Schema of
// docs/mappings.schema.json.
package configfile
