package config_test

import (
	"testing"

	"github.com/esm-run/esm/config"
)

func TestARN(t *testing.T) {
	for _, text := range []string{
		"arn:aws:sqs:us-east-1:000000000000:orders",
		"arn:aws-cn:lambda:cn-north-1:123456789012:function:f:$LATEST",
		"arn:aws:s3:::bucket/key",
	} {
		a, err := config.ParseARN(text)
		if err != nil || a.String() != text {
			t.Errorf("%s is parsed to %s, %v", text, a, err)
		}
	}
	for _, text := range []string{"", "orders", "arn:aws:sqs:us-east-1:000000000000", "arn:aws:sqs:us-east-1:000000000000:", "arn::sqs:a:b:c", "urn:aws:sqs:a:b:c"} {
		if a, err := config.ParseARN(text); err == nil {
			t.Errorf("%q is parsed to %+v", text, a)
		}
	}
	if got, want := config.FunctionARN("us-gov-west-1", "123456789012", "f:1"), "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f:1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := config.QueueARN("cn-north-1", "123456789012", "q"), "arn:aws-cn:sqs:cn-north-1:123456789012:q"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseFunctionName(t *testing.T) {
	for text, want := range map[string]config.FunctionName{
		"f":                            {Name: "f"},
		"my-function_2:live":           {Name: "my-function_2", Qualifier: "live"},
		"f:$LATEST":                    {Name: "f", Qualifier: "$LATEST"},
		"f:1":                          {Name: "f", Qualifier: "1"},
		"function:f":                   {Name: "f"},
		"123456789012:function:f":      {Account: "123456789012", Name: "f"},
		"123456789012:function:f:live": {Account: "123456789012", Name: "f", Qualifier: "live"},
		"arn:aws:lambda:a-b-1:123456789012:function:f":            {Region: "a-b-1", Account: "123456789012", Name: "f"},
		"arn:aws-cn:lambda:a-b-1:123456789012:function:f:$LATEST": {Region: "a-b-1", Account: "123456789012", Name: "f", Qualifier: "$LATEST"},
	} {
		got, err := config.ParseFunctionName(text)
		if err != nil || got != want {
			t.Errorf("%s is parsed to %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":", "f:", "a.b", "a b", "f:1:2", "f:$NEWEST", "12:function:f", "arn:aws:lambda:a:123456789012:f", "arn:aws:sqs:a:123456789012:function:f", "f\n"} {
		if got, err := config.ParseFunctionName(text); err == nil {
			t.Errorf("%q is parsed to %+v", text, got)
		}
	}
	if got, want := (config.FunctionName{Account: "1", Name: "f", Qualifier: "2"}).Qualified(), "f:2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParseFunctionName(f *testing.F) {
	f.Add("arn:aws:lambda:us-east-1:123456789012:function:f:live")
	f.Add("f:$LATEST")
	f.Fuzz(func(t *testing.T, text string) {
		name, err := config.ParseFunctionName(text)
		if err != nil {
			return
		}
		again, err := config.ParseFunctionName(name.Qualified())
		if err != nil || again.Name != name.Name || again.Qualifier != name.Qualifier {
			t.Errorf("%q is %+v, but its name is %+v, %v", text, name, again, err)
		}
	})
}

func FuzzParseARN(f *testing.F) {
	f.Add("arn:aws:sqs:us-east-1:000000000000:orders")
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := config.ParseARN(text); err == nil && a.String() != text {
			t.Errorf("%q is %+v, which is %q", text, a, a)
		}
	})
}
