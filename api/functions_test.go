package api

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm/config"
)

func TestGetFunction(t *testing.T) {
	h := build(t)
	machine := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	fn := h.functions["f"]
	fn.Timeout, fn.MemorySize, fn.Role = 30, 512, "arn:aws:iam::123456789012:role/r"
	fn.Environment.Variables = map[string]string{"A": "<b>"}
	h.functions["f"] = fn
	configuration := `{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f","Runtime":"python3.12",` +
		`"Role":"arn:aws:iam::123456789012:role/r","Handler":"app.handler","CodeSize":0,"Description":"","Timeout":30,"MemorySize":512,` +
		`"LastModified":"2026-01-02T03:04:05.678+0000","CodeSha256":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","Version":"$LATEST",` +
		`"Environment":{"Variables":{"A":"<b>"}},"TracingConfig":{"Mode":"PassThrough"},"RevisionId":"` + revision(fn.Defaults()) + `","State":"Active",` +
		`"LastUpdateStatus":"Successful","PackageType":"Zip","Architectures":["` + machine + `"],"EphemeralStorage":{"Size":512},` +
		`"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"},"LoggingConfig":{"LogFormat":"Text","LogGroup":"/aws/lambda/f"}}`
	if got := h.ask("GET", "/2015-03-31/functions/f/configuration", "").Body.String(); got != configuration {
		t.Errorf("got\n%s\nwant\n%s", got, configuration)
	}
	want := `{"Configuration":` + configuration + `,"Code":{"RepositoryType":"File","Location":"file:///src"}}`
	if got := h.ask("GET", "/2015-03-31/functions/f", "").Body.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	h.reserved["f"] = 0
	want = want[:len(want)-1] + `,"Concurrency":{"ReservedConcurrentExecutions":0}}`
	if got := h.ask("GET", "/2015-03-31/functions/f/", "").Body.String(); got != want {
		t.Errorf("reserved: got\n%s\nwant\n%s", got, want)
	}
	got := h.ask("GET", "/2015-03-31/functions/f/configuration?Qualifier=$LATEST", "").Body.String()
	if !strings.Contains(got, `"FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"`) {
		t.Errorf("qualified: got %s", got)
	}
}

func TestFunctionsThatAreNotThere(t *testing.T) {
	h := build(t)
	for path, want := range map[string]string{
		"nope": "nope", "nope?Qualifier=1": "nope:1", "nope/configuration": "nope", "f:live": "f:live", "f/configuration?Qualifier=7": "f:7",
	} {
		want = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + houseArn + want + `"}`
		if got := errorOf(h.ask("GET", "/2015-03-31/functions/"+path, "")); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestListFunctionsBySDK(t *testing.T) {
	h := build(t)
	for i := range 120 {
		name := fmt.Sprintf("g%03d", i)
		h.functions[name] = config.Function{Name: name, Command: []string{"x"}}
	}
	client, _ := h.serve()
	var names []string
	pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{})
	for n := 0; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := []int{50, 50, 22}[n]; len(page.Functions) != want {
			t.Errorf("page %d: got %d functions, want %d", n, len(page.Functions), want)
		}
		for _, fn := range page.Functions {
			names = append(names, aws.ToString(fn.FunctionName))
			if fn.State != "" || fn.LastUpdateStatus != "" || fn.RevisionId == nil {
				t.Errorf("got %+v", fn)
			}
		}
	}
	if len(names) != 122 || names[0] != "away" || names[1] != "f" || names[121] != "g119" {
		t.Errorf("got %v", names)
	}
	out, err := client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{MaxItems: aws.Int32(2), FunctionVersion: "ALL"})
	if err != nil || len(out.Functions) != 2 || out.NextMarker == nil {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestListFunctionsOnTheWire(t *testing.T) {
	h := build(t)
	h.functions = nil
	if got, want := h.ask("GET", "/2015-03-31/functions/", "").Body.String(), `{"NextMarker":null,"Functions":[]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for query, want := range map[string]string{
		"MaxItems=0": `400 ValidationException {"message":"1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: ` +
			`Member must have value greater than or equal to 1"}`,
		"Marker=%21": `400 InvalidParameterValueException {"Type":"User","message":"Invalid Marker: give the NextMarker of an answer as it is."}`,
		"FunctionVersion=1": `400 ValidationException {"message":"1 validation error detected: Value '1' at 'functionVersion' failed to satisfy constraint: ` +
			`Member must satisfy enum value set: [ALL]"}`,
	} {
		if got := errorOf(h.ask("GET", "/2015-03-31/functions?"+query, "")); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func TestAccountSettings(t *testing.T) {
	h := build(t)
	h.reserved["f"] = 7
	want := `{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,` +
		`"ConcurrentExecutions":107,"UnreservedConcurrentExecutions":100},"AccountUsage":{"TotalCodeSize":0,"FunctionCount":2}}`
	if got := h.ask("GET", "/2016-08-19/account-settings/", "").Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What changes a function's description changes its revision, and nothing else does.
func TestRevisions(t *testing.T) {
	fn := config.Function{Name: "f", Runtime: "python3.12"}
	before := revision(fn)
	if revision(fn) != before {
		t.Error("two revisions of the same function")
	}
	fn.Environment.Variables = map[string]string{"A": "b"}
	if revision(fn) == before {
		t.Error("one revision of two descriptions")
	}
}

func TestRefusedOperations(t *testing.T) {
	h := build(t)
	for _, tt := range []struct{ method, path, want string }{
		{"POST", "/2015-03-31/functions", "CreateFunction is not served. The functions of this engine are those of its mappings file: change them there, and start the engine anew."},
		{"DELETE", "/2015-03-31/functions/f", "DeleteFunction is not served. The functions of this engine are those of its mappings file: change them there, and start the engine anew."},
		{"POST", "/2015-03-31/functions/f/versions", "PublishVersion is not served. The functions of this engine have one version, $LATEST, and no aliases."},
		{"POST", "/2014-11-13/functions/f/invoke-async/", "InvokeAsync is not served. " + eventText},
		{"POST", "/2021-11-15/functions/f/response-streaming-invocations", "InvokeWithResponseStream is not served. This engine answers with whole responses alone: use Invoke, which also gathers what a handler streams."},
	} {
		want, _ := json.Marshal(tt.want)
		full := `400 InvalidParameterValueException {"Type":"User","message":` + string(want) + `}`
		if got := errorOf(h.ask(tt.method, tt.path, strings.Repeat(" ", 300<<10))); got != full {
			t.Errorf("%s %s: got %s, want %s", tt.method, tt.path, got, full)
		}
	}
	for _, r := range functionRoutes {
		if found, _, err := find(r.method, strings.ReplaceAll(r.path, "*", "x")); err != nil || found.operation != r.operation {
			t.Errorf("%s: found %s, %v", r.operation, found.operation, err)
		}
	}
}
