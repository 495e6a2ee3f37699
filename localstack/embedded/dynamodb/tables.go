package dynamodb

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type createTableInput struct {
	TableName            string
	KeySchema            []keyElement
	AttributeDefinitions []attributeDefinition
	StreamSpecification  *streamSpecification
	settings
}

type descriptionOutput struct{ TableDescription tableDescription }

var validName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

func checkName(name string) error {
	switch {
	case len(name) < 3:
		return constraint(name, "tableName", "have length greater than or equal to 3")
	case len(name) > 255:
		return constraint(name, "tableName", "have length less than or equal to 255")
	case !validName.MatchString(name):
		return constraint(name, "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	return nil
}

func (s *Server) createTable(now time.Time, in createTableInput) (out descriptionOutput, err error) {
	if err := cmp.Or(checkName(in.TableName), in.settings.check(), in.StreamSpecification.check()); err != nil {
		return out, err
	}
	schema, err := newSchema(in.KeySchema, in.AttributeDefinitions)
	if err != nil {
		return out, err
	}
	if s.tables[in.TableName] != nil {
		return out, wire.Errorf(namespace+"ResourceInUseException", "Table already exists: %s", in.TableName)
	}
	t := &table{
		name: in.TableName, arn: s.Account.ARN("dynamodb", "table/"+in.TableName), id: uuid.NewString(),
		created: now, schema: schema, settings: in.settings, items: make(map[string]item),
	}
	if s.tables == nil {
		s.tables = make(map[string]*table)
	}
	s.tables[t.name] = t
	if in.StreamSpecification != nil && in.StreamSpecification.StreamEnabled {
		s.enable(t, in.StreamSpecification.StreamViewType, now)
	}
	return descriptionOutput{t.describe()}, nil
}

type tableInput struct{ TableName string }

func (in tableInput) tableName() string { return in.TableName }

type tableOutput struct{ Table tableDescription }

func (s *Server) describeTable(_ time.Time, t *table, _ tableInput) (tableOutput, error) {
	return tableOutput{t.describe()}, nil
}

// deleteTable deletes a table. Its stream can be read for another day.
func (s *Server) deleteTable(now time.Time, t *table, _ tableInput) (out descriptionOutput, err error) {
	if t.settings.protected() {
		return out, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	s.disable(t, now)
	delete(s.tables, t.name)
	out.TableDescription = t.describe()
	out.TableDescription.TableStatus = "DELETING"
	return out, nil
}

type updateTableInput struct {
	tableInput
	StreamSpecification *streamSpecification
	settings
}

func (s *Server) updateTable(now time.Time, t *table, in updateTableInput) (out descriptionOutput, err error) {
	set := t.settings.with(in.settings)
	if err := set.check(); err != nil {
		return out, err
	}
	if err := s.respecify(t, in.StreamSpecification, now); err != nil {
		return out, err
	}
	t.settings = set
	return descriptionOutput{t.describe()}, nil
}

// respecify enables or disables a table's stream if want is not nil.
func (s *Server) respecify(t *table, want *streamSpecification, now time.Time) error {
	if err := want.check(); want == nil || err != nil {
		return err
	}
	switch {
	case want.StreamEnabled && t.streams():
		return invalid("Table already has an enabled stream: TableName: %s", t.name)
	case want.StreamEnabled:
		s.enable(t, want.StreamViewType, now)
	case !t.streams():
		return invalid("Table has no enabled stream to disable: TableName: %s", t.name)
	default:
		s.disable(t, now)
	}
	return nil
}

type listTablesInput struct {
	ExclusiveStartTableName string
	Limit                   *int
}

type listTablesOutput struct {
	TableNames             []string
	LastEvaluatedTableName string `json:",omitempty"`
}

func (s *Server) listTables(_ time.Time, in listTablesInput) (out listTablesOutput, err error) {
	limit, err := limitOf(in.Limit, 100)
	if err != nil {
		return out, err
	}
	names := slices.AppendSeq([]string{}, maps.Keys(s.tables)) // not nil, for JSON
	slices.Sort(names)
	out.TableNames, out.LastEvaluatedTableName = wire.Page(names, in.ExclusiveStartTableName, limit, func(name string) string { return name })
	return out, nil
}
