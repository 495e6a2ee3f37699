package configfile

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write docs/mappings.schema.json")

const schemaFile = "../../../docs/mappings.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(got, Schema()) {
		t.Errorf("docs/mappings.schema.json is out of date (%v): run make schema", err)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mappings.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mappings.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The schema and Load agree on the shape of a file.
func TestSchemaAgreesWithLoad(t *testing.T) {
	s := compiled(t)
	for name, text := range map[string]string{"full": full(t), "smallest": smallest, "no mappings": "{}"} {
		if root, err := parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := s.Validate(asJSON(hermetic(), root)); err != nil {
			t.Errorf("%s: a valid file fails: %v", name, err)
		}
	}
	for _, c := range bad {
		root, err := parse([]byte(c.text))
		if err != nil || len(c.text) > 10_000 {
			continue // not valid YAML, or only too many values
		}
		if err := s.Validate(asJSON(hermetic(), root)); (err != nil) != c.shape {
			t.Errorf("%s: the schema says %v, want an error: %v", c.name, err, c.shape)
		}
	}
}

// asJSON returns a tree as a JSON decoder would. The decoder limits its size.
func asJSON(d *decoder, n *node) any {
	switch n.kind {
	case null:
		return nil
	case boolean:
		return strings.EqualFold(n.text, "true")
	case integer, number:
		value, _ := strconv.ParseFloat(n.text, 64)
		return value
	case text:
		return n.text
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = asJSON(d, item)
		}
		return items
	}
	members := map[string]any{}
	for _, e := range d.entries(n, "") {
		members[e.key.text] = asJSON(d, e.value)
	}
	return members
}

// Every key of the schema is in the full file, which Load accepts.
func TestFullFileHasEveryKey(t *testing.T) {
	root, err := parse([]byte(full(t)))
	if err != nil {
		t.Fatal(err)
	}
	d, given := hermetic("TABLE=x"), map[string]bool{}
	fileShape.read(d, root, "")
	for path := range d.places {
		given[generic(path)] = true
	}
	known := map[string]bool{}
	keysOf(fileShape.schema, "", known)
	for _, path := range slices.Sorted(maps.Keys(known)) {
		if !given[path] {
			t.Errorf("%s is not in testdata/full.yaml", path)
		}
	}
	if len(known) < 70 {
		t.Errorf("the schema has %d keys, which is too few to be all", len(known))
	}
	for _, r := range refused {
		if !slices.Contains(slices.Collect(maps.Values(objectNames)), r.in) {
			t.Errorf("%s is refused in %s, which is no object", r.key, r.in)
		}
	}
	for path := range known {
		at := strings.LastIndexByte(path, '.') + 1
		if _, refused := refusal(objectNames[strings.TrimSuffix(path[:at], ".")], path[at:]); refused {
			t.Errorf("%s is both known and refused", path)
		}
	}
}

// objectNames maps the objects with refused keys to their paths.
var objectNames = map[string]string{
	"EventSourceMappings.*": inMapping, "EventSourceMappings.*.ProvisionedPollerConfig": inPollers, "Functions.*": inFunction,
	"EventSourceMappings.*.DestinationConfig": inDestinations, "Resources.Streams.*": inStream, "Resources.Tables.*": inTable,
	"Resources.Topics.*": inTopic, "Resources.Buckets.*": inBucket,
	"Resources.Topics.*.Subscriptions.*": inSubscription, "Resources.Rules.*": inRule, "Resources.Rules.*.Targets.*": inRuleTarget,
	"Functions.*.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig": inManagedInstances,
	"Functions.*.LoggingConfig": inLogging, "Aws.Endpoints": inEndpoints, "Resources": inResources, "Resources.Queues.*": inQueue,
}

// keysOf collects the paths of a schema, with * for items and for keys that the user chooses.
func keysOf(s schema, at string, into map[string]bool) {
	if at != "" {
		into[strings.TrimPrefix(at, ".")] = true
	}
	if properties, ok := s["properties"].(schema); ok {
		for name, one := range properties {
			keysOf(one.(schema), at+"."+name, into)
		}
	}
	if items, ok := s["items"].(schema); ok {
		keysOf(items, at+".*", into)
	}
	if more, ok := s["additionalProperties"].(schema); ok {
		keysOf(more, at+".*", into)
	}
	if either, ok := s["anyOf"].([]schema); ok {
		for _, one := range either {
			keysOf(one, at, into)
		}
	}
}

// generic returns a path of a file with * in place of indices and of keys that the user chooses.
func generic(path string) string {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	parts := strings.Split(path, ".")
	for i, p := range parts {
		_, err := strconv.Atoi(p)
		item := i > 1 && parts[i-2] == "Items"
		if err == nil || item || i > 0 && slices.Contains([]string{"Functions", "Variables", "MessageAttributes", "Tags"}, parts[i-1]) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, ".")
}
