package configfile

import (
	"fmt"
	"slices"

	"github.com/esm-run/esm/config"
)

// Table is a DynamoDB table to create, with the fields of CreateTable that matter to streams.
type Table struct {
	TableName             string
	AttributeDefinitions  []AttributeDefinition
	KeySchema             []KeyElement // the partition key, and perhaps a sort key
	BillingMode           string       // PAY_PER_REQUEST or PROVISIONED
	ProvisionedThroughput *Throughput  // with PROVISIONED only
	StreamSpecification   *StreamSpecification
	Items                 []Item // put once, in order, by the run that creates the table
}

// AttributeDefinition is the type of a key attribute: S, N or B.
type AttributeDefinition struct{ AttributeName, AttributeType string }

// KeyElement is one attribute of a table's key: HASH or RANGE.
type KeyElement struct{ AttributeName, KeyType string }

// Throughput is the capacity of a table in PROVISIONED mode.
type Throughput struct{ ReadCapacityUnits, WriteCapacityUnits int }

// StreamSpecification enables a table's stream and selects which images of an item its records contain.
type StreamSpecification struct {
	StreamEnabled  bool
	StreamViewType string // KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES; empty if there is no stream
}

// Streams reports whether the table has a stream.
func (t Table) Streams() bool {
	return t.StreamSpecification != nil && t.StreamSpecification.StreamEnabled
}

const (
	payPerRequest = "PAY_PER_REQUEST"
	provisioned   = "PROVISIONED"
)

var tableShape = objectOf(inTable,
	required(field("TableName", func(t *Table) *string { return &t.TableName },
		textOf(matching(`[A-Za-z0-9_.-]{3,255}`, "is not a table's name: 3 to 255 letters, digits, ., - and _")),
		"The table's name.")),
	required(field("AttributeDefinitions", func(t *Table) *[]AttributeDefinition { return &t.AttributeDefinitions },
		listOf(1, 2, definitionShape), "The types of the key's attributes.")),
	required(field("KeySchema", func(t *Table) *[]KeyElement { return &t.KeySchema }, listOf(1, 2, keyShape),
		"The key: an attribute of type HASH, and perhaps one of type RANGE.")),
	field("BillingMode", func(t *Table) *string { return &t.BillingMode }, textOf(oneOf(payPerRequest, provisioned)),
		"PAY_PER_REQUEST or PROVISIONED. Default PROVISIONED with ProvisionedThroughput, PAY_PER_REQUEST without."),
	field("ProvisionedThroughput", func(t *Table) **Throughput { return &t.ProvisionedThroughput }, pointerTo(throughputShape),
		"The capacity of a table in PROVISIONED mode."),
	field("StreamSpecification", func(t *Table) **StreamSpecification { return &t.StreamSpecification }, pointerTo(specificationShape),
		"The table's stream, which mappings need."),
	field("Items", func(t *Table) *[]Item { return &t.Items }, listOf(0, 0, itemShape),
		"Items that are put once, by the run that creates the table: attributes with their types, such as {pk: {S: a}}."),
)

var attributeName = textOf(matching(`[\s\S]{1,255}`, "is not 1 to 255 characters long"))

var definitionShape = objectOf("attribute definition",
	required(field("AttributeName", func(a *AttributeDefinition) *string { return &a.AttributeName }, attributeName, "The attribute's name.")),
	required(field("AttributeType", func(a *AttributeDefinition) *string { return &a.AttributeType }, textOf(oneOf("S", "N", "B")),
		"S for text, N for numbers, B for bytes.")),
)

var keyShape = objectOf("key",
	required(field("AttributeName", func(k *KeyElement) *string { return &k.AttributeName }, attributeName, "The attribute's name.")),
	required(field("KeyType", func(k *KeyElement) *string { return &k.KeyType }, textOf(oneOf("HASH", "RANGE")),
		"HASH for the partition key, RANGE for the sort key.")),
)

var throughputShape = objectOf("throughput",
	required(field("ReadCapacityUnits", func(t *Throughput) *int { return &t.ReadCapacityUnits }, integerOf(1, 1_000_000), "Reads a second.")),
	required(field("WriteCapacityUnits", func(t *Throughput) *int { return &t.WriteCapacityUnits }, integerOf(1, 1_000_000), "Writes a second.")),
)

var specificationShape = objectOf("stream specification",
	required(field("StreamEnabled", func(s *StreamSpecification) *bool { return &s.StreamEnabled }, trueOrFalse, "Whether there is a stream.")),
	field("StreamViewType", func(s *StreamSpecification) *string { return &s.StreamViewType },
		textOf(oneOf("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")),
		"What records show: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."),
)

// checkTables reports what CreateTable and PutItem would refuse (AWS: the API reference of CreateTable), and fills in
// defaults.
func (d *decoder) checkTables(f *File) {
	for i := range f.Resources.Tables {
		t, at := &f.Resources.Tables[i], fmt.Sprintf("Resources.Tables[%d]", i)
		if d.failed[at] || d.failedBelow(at+".") {
			continue
		}
		d.checkMode(t, at)
		d.checkKey(*t, at)
		if s := t.StreamSpecification; s != nil && s.StreamEnabled != (s.StreamViewType != "") {
			d.errorf(at+".StreamSpecification", "should have a StreamViewType where StreamEnabled is true, and none where it is false")
		}
	}
}

func (d *decoder) checkMode(t *Table, at string) {
	switch {
	case t.BillingMode == "" && t.ProvisionedThroughput == nil:
		t.BillingMode = payPerRequest
	case t.BillingMode == "":
		t.BillingMode = provisioned
	case t.BillingMode == provisioned && t.ProvisionedThroughput == nil:
		d.errorf(at+".BillingMode", "PROVISIONED needs ProvisionedThroughput: give it, or choose PAY_PER_REQUEST")
	case t.BillingMode == payPerRequest && t.ProvisionedThroughput != nil:
		d.errorf(at+".ProvisionedThroughput", "stands beside BillingMode PAY_PER_REQUEST: remove one")
	}
}

func (d *decoder) checkKey(t Table, at string) {
	if t.KeySchema[0].KeyType != "HASH" || len(t.KeySchema) > 1 && t.KeySchema[1].KeyType != "RANGE" {
		d.errorf(at+".KeySchema", "should be an attribute of type HASH, and perhaps one of type RANGE behind it")
		return
	}
	types := map[string]string{}
	for i, a := range t.AttributeDefinitions {
		types[a.AttributeName] = a.AttributeType
		if !slices.ContainsFunc(t.KeySchema, func(k KeyElement) bool { return k.AttributeName == a.AttributeName }) {
			d.errorf(fmt.Sprintf("%s.AttributeDefinitions[%d]", at, i), "is of no attribute of KeySchema: other attributes need no definition")
		}
	}
	for i, k := range t.KeySchema {
		want, defined := types[k.AttributeName]
		if !defined {
			d.errorf(fmt.Sprintf("%s.KeySchema[%d]", at, i), "has an attribute without a type: add it to AttributeDefinitions")
			continue
		}
		for j, item := range t.Items {
			if v, has := item[k.AttributeName]; !has || v.Type() != want {
				d.errorf(fmt.Sprintf("%s.Items[%d]", at, j), "should have the key's attribute %d, of type %s", i+1, want)
			}
		}
	}
}

// TableOf returns the table among Resources whose stream a mapping reads, or nil.
func (f *File) TableOf(m config.Mapping) *Table {
	if m.Endpoint != "" {
		return nil
	}
	for i, t := range f.Resources.Tables {
		if config.TableARN(f.Aws.Region, f.Aws.AccountId, t.TableName) == m.Source().Whole() {
			return &f.Resources.Tables[i]
		}
	}
	return nil
}

// checkStreamsOfTables refuses mappings of tables that are created without a stream, and mappings that name the stream of a
// table to create: the stream will get another name.
func (d *decoder) checkStreamsOfTables(f *File) {
	for i, m := range f.Mappings {
		t, at := f.TableOf(m), fmt.Sprintf("EventSourceMappings[%d].EventSourceArn", i)
		switch {
		case t == nil:
		case !t.Streams():
			d.errorf(at, "is of a table among Resources.Tables that has no stream: give it StreamSpecification: {StreamEnabled: true, StreamViewType: NEW_AND_OLD_IMAGES}")
		case m.EventSourceArn != m.Source().Whole():
			d.errorf(at, "names a stream of a table among Resources.Tables, whose stream gets another name when it is made: leave out /stream/…")
		}
	}
}
