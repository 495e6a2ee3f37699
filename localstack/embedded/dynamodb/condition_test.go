package dynamodb

import (
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	const has = `{"n":{"N":"5"},"s":{"S":"xyz"},"b":{"B":"eHk="},"yes":{"BOOL":true},"ss":{"SS":["x","y"]},"ns":{"NS":["5","6"]},` +
		`"l":{"L":[{"N":"5"},{"S":"q"}]},"m":{"M":{"a":{"N":"1"}}}}`
	for holds, expressions := range map[bool][]string{
		true: {
			"attribute_exists(n)", "attribute_not_exists(none)", "attribute_exists(n) and attribute_not_exists(none)",
			"n = :v", ":v = n", "n <= :v", "n >= :v", "#n BETWEEN :v AND :v", "n < :six", ":six > n", "n <> :six", "n IN (:six, :v)", "n IN (n)",
			"s <> n", "s > :x", "b < :bytes", "yes = yes", "l = l",
			"none <> :v", "NOT none = :v", "NOT none < :v", "NOT n > :v",
			"begins_with(s, :x)", "contains(s, :x)", "contains(ss, :x)", "contains(ns, :v)", "contains(l, :v)", "contains(s, s)",
			"attribute_type(s, :S)", "size(s) = :three", "size(s) BETWEEN :three AND :v", "size(ss) = size(l)", "size(b) < size(s)", "size(m) < :three",
			"n = :six OR n = :v", "n = :v OR n = :v AND n = :six", "(n = :six OR s > :x) AND attribute_exists(s)", "NOT (n = :six OR none = :v)",
			"not n = :six and n = :v",
		},
		false: {
			"attribute_exists(none)", "attribute_not_exists( #n )", "attribute_not_exists(n) AND attribute_exists(s)",
			"n = :six", "n > :v", "n <> :v", "n = :x", "n < :x", "n BETWEEN :six AND :v", "n IN (:six, :x)",
			"none = :v", "none < :v", "none = none", "none BETWEEN :v AND :v", "none IN (:v)", "yes < yes",
			"begins_with(n, :x)", "begins_with(none, :x)", "contains(s, :v)", "contains(ss, :v)", "contains(ns, :x)", "contains(l, :x)", "contains(none, :x)", "contains(s, none)",
			"attribute_type(n, :S)", "attribute_type(none, :S)", "size(n) = :three", "size(none) < :three", "size(s) > :three",
			"(n = :v OR n = :v) AND n = :six", "NOT n = :v", "NOT NOT n = :six",
		},
	} {
		for _, expression := range expressions {
			c, err := conditionOf(t, expression)
			if err != nil {
				t.Errorf("%s: %v", expression, err)
			} else if got := c.holds(decoded(t, has)); got != holds {
				t.Errorf("%s: got %v, want %v", expression, got, holds)
			}
		}
	}
}

// conditionOf parses a condition with the name #n (n) and values of some kinds.
func conditionOf(t *testing.T, text string) (condition, error) {
	t.Helper()
	values := decoded(t, `{":v":{"N":"5"},":six":{"N":"6"},":three":{"N":"3"},":x":{"S":"x"},":S":{"S":"S"},":bytes":{"B":"eHl6"},":no":{"BOOL":false}}`)
	return expressions{ExpressionAttributeNames: map[string]string{"#n": "n"}, ExpressionAttributeValues: values}.aliases().condition("ConditionExpression", &text)
}

func TestConditionsOfValuesWithoutOrder(t *testing.T) {
	for _, expression := range []string{"n < :no", "n >= :no", "n BETWEEN :no AND :v", "n BETWEEN :v AND :no"} {
		_, err := conditionOf(t, expression)
		if err == nil || !strings.Contains(err.Error(), "Incorrect operand type for operator or function") {
			t.Errorf("%s: got %v", expression, err)
		}
	}
}

func TestKeyConditions(t *testing.T) {
	const item = `{"pk":{"S":"a"},"sk":{"S":"x/1"}}`
	for expression, want := range map[string]bool{
		"pk = :a": true, "(pk = :a) AND (begins_with(sk, :x))": true, "pk = :a AND sk > :x": true, "pk = :a AND sk BETWEEN :x AND :z": true,
		"pk = :a AND sk = :x": false, "pk = :a AND sk < :x": false, "pk = :a AND begins_with(sk, :z)": false, "pk = :z": false,
	} {
		c, err := keyConditionOf(t, expression)
		if err != nil || c.check(twoKeys) != nil || c.holds(decoded(t, item)) != want {
			t.Errorf("%s: got %v, %v, want %v", expression, c.holds(decoded(t, item)), err, want)
		}
	}
	for expression, want := range map[string]string{
		"sk = :x":                         "Query condition missed key schema element: pk",
		"pk > :a":                         "Query key condition not supported",
		"pk = :a AND other = :x":          "Query key condition not supported",
		"pk = :a AND sk = :n":             "Condition parameter type does not match schema type",
		"pk = :a AND begins_with(sk, :n)": "Condition parameter type does not match schema type",
	} {
		c, err := keyConditionOf(t, expression)
		if err == nil {
			err = c.check(twoKeys)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", expression, err, want)
		}
	}
}

var twoKeys = schema{
	keys:       []keyElement{{AttributeName: "pk", KeyType: "HASH"}, {AttributeName: "sk", KeyType: "RANGE"}},
	attributes: []attributeDefinition{{AttributeName: "pk", AttributeType: "S"}, {AttributeName: "sk", AttributeType: "S"}},
}

func keyConditionOf(t *testing.T, text string) (keyCondition, error) {
	t.Helper()
	return expressions{ExpressionAttributeValues: decoded(t, `{":a":{"S":"a"},":x":{"S":"x"},":z":{"S":"z"},":n":{"N":"1"}}`)}.aliases().keyCondition(text)
}
