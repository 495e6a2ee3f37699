package dynamodb

import (
	"encoding/json"
	"strings"
	"testing"
)

// updateOf parses an UpdateExpression with the placeholders #n (the name n) and :v, :w (5 and "x").
func updateOf(t *testing.T, text string) (update, error) {
	t.Helper()
	names := placeholders(t)
	return names.update(&text)
}

func placeholders(t testing.TB) *aliases {
	t.Helper()
	var values item
	if err := json.Unmarshal([]byte(`{":v":{"N":"5"},":w":{"S":"x"}}`), &values); err != nil {
		t.Fatal(err)
	}
	return expressions{ExpressionAttributeNames: map[string]string{"#n": "n"}, ExpressionAttributeValues: values}.aliases()
}

func TestUpdates(t *testing.T) {
	before := `{"n":{"N":"1"},"s":{"S":"y"}}`
	for _, test := range []struct{ expression, want string }{
		{"SET n = :v", `{"n":{"N":"5"},"s":{"S":"y"}}`},
		{"set #n = #n + :v", `{"n":{"N":"6"},"s":{"S":"y"}}`},
		{"SET n=n-:v", `{"n":{"N":"-4"},"s":{"S":"y"}}`},
		{"SET n = s, s = n", `{"n":{"S":"y"},"s":{"N":"1"}}`},
		{"SET m = if_not_exists(m, :v)", `{"m":{"N":"5"},"n":{"N":"1"},"s":{"S":"y"}}`},
		{"SET m = if_not_exists(n, :v) + :v", `{"m":{"N":"6"},"n":{"N":"1"},"s":{"S":"y"}}`},
		{"SET m = if_not_exists(m, if_not_exists(k, :v))", `{"m":{"N":"5"},"n":{"N":"1"},"s":{"S":"y"}}`},
		{"REMOVE s, missing", `{"n":{"N":"1"}}`},
		{"ADD n :v, m :v", `{"m":{"N":"5"},"n":{"N":"6"},"s":{"S":"y"}}`},
		{"REMOVE s SET m = :w ADD n :v", `{"m":{"S":"x"},"n":{"N":"6"}}`},
	} {
		u, err := updateOf(t, test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		after, err := u.apply(decoded(t, before))
		if got, _ := json.Marshal(after); err != nil || string(got) != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.expression, got, err, test.want)
		}
	}
}

func TestFailingUpdates(t *testing.T) {
	for expression, want := range map[string]string{
		"SET n = s + :v": "An operand in the update expression has an incorrect data type",
		"SET n = n + :w": "An operand in the update expression has an incorrect data type",
		"ADD s :v":       "An operand in the update expression has an incorrect data type",
		"SET n = m":      "The provided expression refers to an attribute that does not exist in the item",
		"SET n = m + :v": "The provided expression refers to an attribute that does not exist in the item",
		"SET n = n + m":  "The provided expression refers to an attribute that does not exist in the item",
		"ADD big :v":     "38 significant digits",
	} {
		u, err := updateOf(t, expression)
		if err != nil {
			t.Fatal(err)
		}
		before := decoded(t, `{"n":{"N":"1"},"s":{"S":"y"},"big":{"N":"1e50"}}`)
		if _, err := u.apply(before); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", expression, err, want)
		}
	}
}

func TestInvalidExpressions(t *testing.T) {
	for _, test := range []struct{ member, expression, want string }{
		{"Update", "", "Invalid UpdateExpression: The expression can not be empty;"},
		{"Update", "SET n = ", `Invalid UpdateExpression: Syntax error; token: <EOF>, near: "n ="`},
		{"Update", "LET n = :v", `Invalid UpdateExpression: Syntax error; token: "LET", near: "LET n"`},
		{"Update", "SET n = :v!", `Invalid UpdateExpression: Syntax error; token: "!", near: "!"`},
		{"Update", "SET :v = n", `Syntax error; token: ":v"`},
		{"Update", "SET n = :v SET m = :v", `The "SET" section can only be used once in an update expression;`},
		{"Update", "SET n = :v REMOVE #n", "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [n], path two: [n]"},
		{"Update", "SET #m = :v", "An expression attribute name used in the document path is not defined; attribute name: #m"},
		{"Update", "SET n = :u", "An expression attribute value used in expression is not defined; attribute value: :u"},
		{"Update", "SET n.m = :v", "A document path is not supported by the embedded DynamoDB."},
		{"Update", "SET n = list_append(n, :v)", "The function list_append is not supported by the embedded DynamoDB."},
		{"Update", "DELETE n :v", "DELETE is not supported by the embedded DynamoDB."},
		{"Update", "ADD n :w", "ADD of anything but numbers is not supported by the embedded DynamoDB."},
		{"Condition", "attribute_exists(n) AND", "Syntax error; token: <EOF>"},
		{"Condition", "n", "Syntax error; token: <EOF>"},
		{"Condition", "n = :v :w", `Syntax error; token: ":w"`},
		{"Condition", "n =< :v", "Syntax error"},
		{"Condition", "n BETWEEN :v OR :v", `Syntax error; token: "OR"`},
		{"Condition", "n IN :v", `Syntax error; token: ":v"`},
		{"Condition", "(n = :v", "Syntax error; token: <EOF>"},
		{"Condition", "NOT", "Syntax error; token: <EOF>"},
		{"Condition", "a.b = :v", "A document path is not supported by the embedded DynamoDB."},
		{"Condition", "exists(n)", "Invalid ConditionExpression: Invalid function name; function: exists"},
		{"Condition", "begins_with(n, :v)", "operator or function: begins_with, operand type: N"},
		{"Condition", "attribute_type(n, :v)", "operator or function: attribute_type, operand type: N"},
		{"Condition", "n < :no", "An expression attribute value used in expression is not defined; attribute value: :no"},
		{"Key", "n <> :v", "Invalid KeyConditionExpression: Unsupported operator on KeyCondition: operator: <>"},
		{"Key", "n = :v OR m = :v", `Syntax error; token: "OR"`},
		{"Key", "n = :v AND n = :w", "KeyConditionExpressions must only contain one condition per key"},
		{"Key", "n = m", `Syntax error; token: "m"`},
	} {
		var err error
		switch names := placeholders(t); test.member {
		case "Update":
			_, err = names.update(&test.expression)
		case "Condition":
			_, err = names.condition("ConditionExpression", &test.expression)
		default:
			_, err = names.keyCondition(test.expression)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.expression, err, test.want)
		}
	}
}

func TestUnusedPlaceholders(t *testing.T) {
	names := placeholders(t)
	for _, want := range []string{"ExpressionAttributeNames unused in expressions: keys: {#n}", "ExpressionAttributeValues unused in expressions: keys: {:v}", "keys: {:w}"} {
		if err := names.unused(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		_, alias, _ := strings.Cut(strings.TrimSuffix(want, "}"), "{")
		names.used[alias] = true
	}
	if err := names.unused(); err != nil {
		t.Error(err)
	}
}

// FuzzExpressions checks that every expression either fails to parse or can be applied to an item.
func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"SET n = if_not_exists(n, :v) + :v, #n = :w REMOVE a ADD b :v", "attribute_exists(n) AND attribute_not_exists(#n)",
		"n = :v AND #n = :w", "n BETWEEN :v AND :v OR NOT size(a) IN (:v, n)", "n, #n, a", "SET a = b - c", "SET a.b[0] = :v", "((", "#", ":", "SET , =", "add a :v delete",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if u, err := placeholders(t).update(&text); err == nil {
			before := decoded(t, `{"n":{"N":"1"},"a":{"S":"y"}}`)
			after, err := u.apply(before)
			for _, path := range u.paths() {
				if path == "" {
					t.Errorf("%q changes an attribute without a name", text)
				}
			}
			if err == nil && after == nil {
				t.Errorf("%q leaves no item", text)
			}
		}
		if c, err := placeholders(t).condition("FilterExpression", &text); err == nil {
			c.holds(decoded(t, `{"n":{"N":"1"},"a":{"S":"y"}}`))
		}
		if list, err := placeholders(t).projection(&text); err == nil && len(list) == 0 {
			t.Errorf("%q projects nothing", text)
		}
		if keys, err := placeholders(t).keyCondition(text); err == nil {
			if len(keys) == 0 {
				t.Errorf("%q has no conditions", text)
			}
			keys.holds(decoded(t, `{"n":{"N":"1"},"a":{"S":"y"}}`))
		}
	})
}
