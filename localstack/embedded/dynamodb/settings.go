package dynamodb

import "cmp"

type throughput struct {
	ReadCapacityUnits, WriteCapacityUnits int64
	NumberOfDecreasesToday                int64
}

type streamSpecification struct {
	StreamEnabled  bool
	StreamViewType string `json:",omitempty"`
}

// settings can be set when a table is created and later. Most are only stored and returned.
type settings struct {
	BillingMode               string
	ProvisionedThroughput     *throughput
	TableClass                string
	DeletionProtectionEnabled *bool
}

// with returns the settings after a change.
func (s settings) with(change settings) settings {
	return settings{
		BillingMode:               cmp.Or(change.BillingMode, s.BillingMode),
		ProvisionedThroughput:     cmp.Or(change.ProvisionedThroughput, s.ProvisionedThroughput),
		TableClass:                cmp.Or(change.TableClass, s.TableClass),
		DeletionProtectionEnabled: cmp.Or(change.DeletionProtectionEnabled, s.DeletionProtectionEnabled),
	}
}

func (s settings) onDemand() bool { return s.BillingMode == "PAY_PER_REQUEST" }

func (s settings) protected() bool {
	return s.DeletionProtectionEnabled != nil && *s.DeletionProtectionEnabled
}

func (s settings) check() error {
	switch s.BillingMode {
	case "", "PROVISIONED":
		if s.ProvisionedThroughput == nil {
			return invalidValue("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
		}
	case "PAY_PER_REQUEST":
	default:
		return constraint(s.BillingMode, "billingMode", "satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]")
	}
	return nil
}

// check checks a request to enable or disable a stream. It may be nil.
func (s *streamSpecification) check() error {
	switch {
	case s == nil || !s.StreamEnabled && s.StreamViewType == "":
		return nil
	case !s.StreamEnabled:
		return invalidValue("Table is being created with a stream disabled, UpdateStreamSpecification must not specify StreamViewType")
	}
	switch s.StreamViewType {
	case "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY":
		return nil
	case "":
		return invalidValue("StreamViewType must be specified when StreamEnabled is true")
	}
	return constraint(s.StreamViewType, "streamSpecification.streamViewType", "satisfy enum value set: [NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY]")
}

type billingModeSummary struct{ BillingMode string }

type tableClassSummary struct{ TableClass string }

// A tableDescription describes a table to clients.
type tableDescription struct {
	TableName, TableArn, TableId string
	TableStatus                  string
	CreationDateTime             float64
	KeySchema                    []keyElement
	AttributeDefinitions         []attributeDefinition
	ProvisionedThroughput        throughput
	BillingModeSummary           *billingModeSummary  `json:",omitempty"`
	TableClassSummary            *tableClassSummary   `json:",omitempty"`
	StreamSpecification          *streamSpecification `json:",omitempty"`
	LatestStreamArn              string               `json:",omitempty"`
	LatestStreamLabel            string               `json:",omitempty"`
	ItemCount, TableSizeBytes    int
	DeletionProtectionEnabled    bool
}

func (t *table) describe() tableDescription {
	d := tableDescription{
		TableName: t.name, TableArn: t.arn, TableId: t.id,
		TableStatus:               "ACTIVE",
		CreationDateTime:          float64(t.created.UnixMilli()) / 1000,
		KeySchema:                 t.schema.keys,
		AttributeDefinitions:      t.schema.attributes,
		ItemCount:                 len(t.items),
		TableSizeBytes:            t.bytes,
		DeletionProtectionEnabled: t.settings.protected(),
	}
	if t.settings.onDemand() {
		d.BillingModeSummary = &billingModeSummary{t.settings.BillingMode}
	} else if p := t.settings.ProvisionedThroughput; p != nil {
		d.ProvisionedThroughput = *p
	}
	if t.settings.TableClass != "" {
		d.TableClassSummary = &tableClassSummary{t.settings.TableClass}
	}
	if t.stream != nil {
		d.LatestStreamArn, d.LatestStreamLabel = t.stream.arn, t.stream.label
	}
	if t.streams() {
		d.StreamSpecification = &streamSpecification{true, t.stream.view}
	}
	return d
}
