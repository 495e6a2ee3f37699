package dynamodb

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// everything returns attributes of all types.
func everything() attributes {
	return attributes{
		"pk":   text("ä<&>"),
		"n":    num("-12.5"),
		"b":    &types.AttributeValueMemberB{Value: []byte{0, 255, 1}},
		"ss":   &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}},
		"m":    &types.AttributeValueMemberM{Value: attributes{"in": &types.AttributeValueMemberM{Value: attributes{}}}},
		"l":    &types.AttributeValueMemberL{Value: []types.AttributeValue{text(""), num(1)}},
		"none": &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
		"t":    &types.AttributeValueMemberBOOL{Value: true},
		"f":    &types.AttributeValueMemberBOOL{Value: false},
		"null": &types.AttributeValueMemberNULL{Value: true},
	}
}

func TestAllTypesAreKept(t *testing.T) {
	c := newClient(t)
	arn := c.create("carts", "pk S")
	c.put("carts", everything())
	if got := c.get("carts", attributes{"pk": text("ä<&>")}); !reflect.DeepEqual(got, everything()) {
		t.Errorf("got %v", got)
	}
	image := c.all(arn)[0].Dynamodb.NewImage
	if len(image) != len(everything()) || reflect.ValueOf(image["bs"]).Elem().FieldByName("Value").Len() != 2 {
		t.Errorf("the image is %v", image)
	}
}

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{`{"a":{"N":"1.0"}}`, `{"a":{"N":"1"}}`, true},
		{`{"a":{"N":"1"}}`, `{"a":{"S":"1"}}`, false},
		{`{"a":{"SS":["x","y"]}}`, `{"a":{"SS":["y","x"]}}`, true},
		{`{"a":{"NS":["10","9.0"]}}`, `{"a":{"NS":["9","1e1"]}}`, true},
		{`{"a":{"BS":["AQ==","Ag=="]}}`, `{"a":{"BS":["Ag==","AQ=="]}}`, true},
		{`{"a":{"L":[{"S":"x"},{"S":"y"}]}}`, `{"a":{"L":[{"S":"y"},{"S":"x"}]}}`, false},
		{`{"a":{"M":{"x":{"BOOL":true}}}}`, `{"a":{"M":{"x":{"BOOL":false}}}}`, false},
		{`{"a":{"M":{}}}`, `{"a":{"L":[]}}`, false},
		{`{"a":{"NULL":true}}`, `{}`, false},
	} {
		if got := decoded(t, test.a).equal(decoded(t, test.b)); got != test.same {
			t.Errorf("%s and %s: got %v, want %v", test.a, test.b, got, test.same)
		}
	}
}

func decoded(t *testing.T, text string) (i item) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{
		`{"pk":{"S":"ä"}}`:                            2 + 2,
		`{"n":{"N":"0"}}`:                             1 + 1,
		`{"n":{"N":"-12.5"}}`:                         1 + 4,
		`{"n":{"N":"1000"}}`:                          1 + 2,
		`{"b":{"B":"AQID"}}`:                          1 + 3,
		`{"t":{"BOOL":true},"u":{"NULL":true}}`:       4,
		`{"s":{"SS":["ab","c"]}}`:                     1 + 3,
		`{"s":{"NS":["1","-22"]}}`:                    1 + 2 + 3,
		`{"l":{"L":[{"S":"a"},{"S":"b"}]}}`:           1 + 3 + 2*(1+1),
		`{"m":{"M":{"a":{"S":"b"},"cc":{"S":"dd"}}}}`: 1 + 3 + (1 + 1 + 1) + (1 + 2 + 2),
		`{"m":{"M":{}}}`:                              1 + 3,
	} {
		if got := decoded(t, text).size(); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func TestInvalidValues(t *testing.T) {
	deep := strings.Repeat(`{"L":[`, 33) + strings.Repeat(`]}`, 33)
	for text, want := range map[string]string{
		`{"a":{}}`:                 "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
		`{"a":{"X":"1"}}`:          "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
		`{"a":{"S":"1","N":"1"}}`:  "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
		`{"a":{"NULL":false}}`:     "Null attribute value types must have the value of true",
		`{"a":{"SS":[]}}`:          "An string set  may not be empty",
		`{"a":{"NS":["1","1.0"]}}`: "Input collection [1, 1] contains duplicates.",
		`{"a":{"N":"x"}}`:          "The parameter cannot be converted to a numeric value: x",
		`{"a":` + deep + `}`:       "Nesting Levels",
		`{"":{"S":"1"}}`:           "Attribute names may not be empty",
		`{"a":{"S":null}}`:         "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
		`{"a":{"S":1}}`:            "SerializationException",
		`{"a":{"B":"!"}}`:          "SerializationException",
		`{"a":{"BOOL":"true"}}`:    "SerializationException",
		`{"a":{"L":{}}}`:           "SerializationException",
		`{"a":{"M":[]}}`:           "SerializationException",
		`{"a":{"SS":"a"}}`:         "SerializationException",
		`{"a":"b"}`:                "SerializationException",
		`["a"]`:                    "SerializationException",
	} {
		var i item
		if err := wire.Decode([]byte(text), &i); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// FuzzItem checks that an item equals the item that its encoding decodes to.
func FuzzItem(f *testing.F) {
	f.Add([]byte(`{"a":{"S":"<x>"},"b":{"N":"1.50"},"c":{"B":"AQ=="},"d":{"BOOL":true},"e":{"NULL":true}}`))
	f.Add([]byte(`{"a":{"SS":["b","a"]},"b":{"NS":["1","2"]},"c":{"BS":["AQ=="]},"d":{"L":[{"M":{"x":{"L":[]}}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var before, after item
		if json.Unmarshal(text, &before) != nil {
			return
		}
		shown, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(shown, &after); err != nil || !before.equal(after) {
			t.Errorf("%s became %s, %v", text, shown, err)
		}
		if again, _ := json.Marshal(after); !slices.Equal(again, shown) || after.size() != before.size() {
			t.Errorf("%s is shown as %s", shown, again)
		}
	})
}
