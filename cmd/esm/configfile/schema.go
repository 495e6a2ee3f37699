package configfile

import (
	"bytes"
	"encoding/json"
	"maps"
)

// schema is a JSON Schema, draft 2020-12.
type schema map[string]any

// with returns a copy of s with one more keyword.
func (s schema) with(keyword string, value any) schema {
	s = maps.Clone(s)
	s[keyword] = value
	return s
}

func objectSchema[T any](keys []key[T]) schema {
	properties := schema{}
	var must []string
	for _, k := range keys {
		properties[k.name] = k.schema.with("description", k.doc)
		if k.required {
			must = append(must, k.name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if must != nil {
		s["required"] = must
	}
	return s
}

// Schema returns the JSON Schema of the mappings file, for editors. It describes what each key may hold, not the rules
// between keys. docs/mappings.schema.json is a copy.
func Schema() []byte {
	s := fileShape.schema.
		with("$defs", schema{"AttributeValue": valueWhole.schema}).
		with("$schema", "https://json-schema.org/draft/2020-12/schema").
		with("$id", "https://raw.githubusercontent.com/esm-run/esm/main/docs/mappings.schema.json").
		with("title", "mappings.yaml, the mappings file of esm").
		with("description", "${NAME} and ${NAME:-default} in texts are filled in from the environment; $${ is a literal ${. "+
			"Paths are relative to the file's directory.")
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil // unreachable: a schema has only texts, numbers, lists and maps
	}
	return out.Bytes()
}
