package dynamodb

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

type createTableInput struct {
	TableName            string
	KeySchema            []keyElement
	AttributeDefinitions []attributeDefinition
	StreamSpecification  *streamSpecification
	settings

	GlobalSecondaryIndexes, LocalSecondaryIndexes, ResourcePolicy json.RawMessage
}

type descriptionOutput struct{ TableDescription tableDescription }

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)

func checkName(name string) error {
	switch {
	case len(name) < 3:
		return constraint(name, "tableName", "have length greater than or equal to 3")
	case len(name) > 255:
		return constraint(name, "tableName", "have length less than or equal to 255")
	case !tableName.MatchString(name):
		return constraint(name, "tableName", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
	}
	return nil
}

func (in createTableInput) check() error {
	if err := checkName(in.TableName); err != nil {
		return err
	}
	if err := refuse(lack{"GlobalSecondaryIndexes", in.GlobalSecondaryIndexes}, lack{"LocalSecondaryIndexes", in.LocalSecondaryIndexes},
		lack{"ResourcePolicy", in.ResourcePolicy}); err != nil {
		return err
	}
	if err := in.settings.check(); err != nil {
		return err
	}
	return in.StreamSpecification.check()
}

func (s *Server) createTable(now time.Time, in createTableInput) (descriptionOutput, error) {
	if err := in.check(); err != nil {
		return descriptionOutput{}, err
	}
	schema, err := newSchema(in.KeySchema, in.AttributeDefinitions)
	if err != nil {
		return descriptionOutput{}, err
	}
	if s.tables[in.TableName] != nil {
		return descriptionOutput{}, inUse("Table already exists: %s", in.TableName)
	}
	t := &table{
		name: in.TableName, arn: s.arn(in.TableName), id: uuid.NewString(),
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

type tableOutput struct{ Table tableDescription }

func (s *Server) describeTable(_ time.Time, in tableInput) (tableOutput, error) {
	t, err := s.described(in.TableName)
	if err != nil {
		return tableOutput{}, err
	}
	return tableOutput{t.describe()}, nil
}

// deleteTable leaves the table's stream behind, which can be read for a day.
func (s *Server) deleteTable(now time.Time, in tableInput) (descriptionOutput, error) {
	t, err := s.described(in.TableName)
	if err != nil {
		return descriptionOutput{}, err
	}
	if t.settings.protected() {
		return descriptionOutput{}, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	s.disable(t, now)
	delete(s.tables, t.name)
	d := t.describe()
	d.TableStatus = "DELETING"
	return descriptionOutput{d}, nil
}

type updateTableInput struct {
	TableName           string
	StreamSpecification *streamSpecification
	settings

	GlobalSecondaryIndexUpdates, ReplicaUpdates json.RawMessage
}

func (s *Server) updateTable(now time.Time, in updateTableInput) (descriptionOutput, error) {
	t, err := s.described(in.TableName)
	if err != nil {
		return descriptionOutput{}, err
	}
	if err := refuse(lack{"GlobalSecondaryIndexUpdates", in.GlobalSecondaryIndexUpdates}, lack{"ReplicaUpdates", in.ReplicaUpdates}); err != nil {
		return descriptionOutput{}, err
	}
	set := t.settings.with(in.settings)
	if err := set.check(); err != nil {
		return descriptionOutput{}, err
	}
	if err := s.respecify(t, in.StreamSpecification, now); err != nil {
		return descriptionOutput{}, err
	}
	t.settings = set
	return descriptionOutput{t.describe()}, nil
}

// respecify enables or disables a table's stream, if asked to.
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

func (s *Server) listTables(_ time.Time, in listTablesInput) (listTablesOutput, error) {
	limit, err := limitOf(in.Limit, 100)
	if err != nil {
		return listTablesOutput{}, err
	}
	names := slices.Sorted(maps.Keys(s.tables))
	begin, found := slices.BinarySearch(names, in.ExclusiveStartTableName)
	if found {
		begin++
	}
	out := listTablesOutput{TableNames: append([]string{}, names[begin:]...)}
	if len(out.TableNames) > limit {
		out.TableNames = out.TableNames[:limit]
		out.LastEvaluatedTableName = out.TableNames[limit-1]
	}
	return out, nil
}

// limitOf is how many a page shall have: as many as there can be, if nobody says.
func limitOf(limit *int, most int) (int, error) {
	switch {
	case limit == nil:
		return most, nil
	case *limit < 1:
		return 0, constraint(*limit, "limit", "have value greater than or equal to 1")
	case *limit > most:
		return 0, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return *limit, nil
}
