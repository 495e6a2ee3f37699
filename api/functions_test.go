package api

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

func TestGetFunction(t *testing.T) {
	r := newRig(t)
	machine := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	fn := r.functions["f"]
	fn.Timeout, fn.MemorySize, fn.Role = 30, 512, "arn:aws:iam::123456789012:role/r"
	fn.Environment.Variables = map[string]string{"A": "<b>"}
	r.functions["f"] = fn
	configuration := `{"FunctionName":"f","FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f","Runtime":"python3.12",` +
		`"Role":"arn:aws:iam::123456789012:role/r","Handler":"app.handler","CodeSize":0,"Description":"","Timeout":30,"MemorySize":512,` +
		`"LastModified":"2026-01-02T03:04:05.678+0000","CodeSha256":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","Version":"$LATEST",` +
		`"Environment":{"Variables":{"A":"<b>"}},"TracingConfig":{"Mode":"PassThrough"},"RevisionId":"` + revision(fn.Defaults()) + `","State":"Active",` +
		`"LastUpdateStatus":"Successful","PackageType":"Zip","Architectures":["` + machine + `"],"EphemeralStorage":{"Size":512},` +
		`"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"},"LoggingConfig":{"LogFormat":"Text","LogGroup":"/aws/lambda/f"}}`
	if got := r.ask("GET", "/2015-03-31/functions/f/configuration", "").Body.String(); got != configuration {
		t.Errorf("got\n%s\nwant\n%s", got, configuration)
	}
	want := `{"Configuration":` + configuration + `,"Code":{"RepositoryType":"File","Location":"file:///src"}}`
	if got := r.ask("GET", "/2015-03-31/functions/f", "").Body.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.reserved["f"] = 0
	want = want[:len(want)-1] + `,"Concurrency":{"ReservedConcurrentExecutions":0}}`
	if got := r.ask("GET", "/2015-03-31/functions/f/", "").Body.String(); got != want {
		t.Errorf("reserved: got\n%s\nwant\n%s", got, want)
	}
	got := r.ask("GET", "/2015-03-31/functions/f/configuration?Qualifier=$LATEST", "").Body.String()
	if !strings.Contains(got, `"FunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST"`) {
		t.Errorf("qualified: got %s", got)
	}
	fn.DeadLetterConfig.TargetArn, fn.LoggingConfig = queue, config.Logging{LogFormat: "JSON", SystemLogLevel: "WARN"}
	r.functions["f"] = fn
	if got, want := r.ask("GET", "/2015-03-31/functions/f", "").Body.String(),
		`"LoggingConfig":{"LogFormat":"JSON","ApplicationLogLevel":"INFO","SystemLogLevel":"WARN","LogGroup":"/aws/lambda/f"}`; !strings.Contains(got, want) {
		t.Errorf("with JSON logs: got %s, want %s", got, want)
	}
	if got := r.ask("GET", "/2015-03-31/functions/f", "").Body.String(); !strings.Contains(got, `"DeadLetterConfig":{"TargetArn":"`+queue+`"}`) {
		t.Errorf("with a dead-letter queue: got %s", got)
	}
}

func TestGetFunctionOfAnImage(t *testing.T) {
	r := newRig(t)
	fn := config.Function{Name: "i", ImageUri: "orders:v1", Architectures: []string{"arm64"}}
	fn.ImageConfig = config.ImageConfig{EntryPoint: []string{"/lambda-entrypoint.sh"}, Command: []string{"app.handler"}}
	fn.EphemeralStorage.Size = 2048
	fn.CapacityProviderConfig = new(config.CapacityProvider)
	fn.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency = 4
	r.functions["i"] = fn
	got := r.ask("GET", "/2015-03-31/functions/i", "").Body.String()
	for _, want := range []string{
		`"PackageType":"Image","ImageConfigResponse":{"ImageConfig":{"EntryPoint":["/lambda-entrypoint.sh"],"Command":["app.handler"]}},"Architectures":["arm64"],"EphemeralStorage":{"Size":2048}`,
		`"Code":{"RepositoryType":"ECR","ImageUri":"orders:v1"}`,
		`"LoggingConfig":{"LogFormat":"JSON",`,
		`"CapacityProviderConfig":{"LambdaManagedInstancesCapacityProviderConfig":{"PerExecutionEnvironmentMaxConcurrency":4}}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
	for _, absent := range []string{"Runtime", "Handler", "Layers", "Location"} {
		if strings.Contains(got, `"`+absent+`"`) {
			t.Errorf("got %s in %s", absent, got)
		}
	}
}

func TestGetFunctionWithLayers(t *testing.T) {
	r := newRig(t)
	r.functions["l"] = config.Function{Name: "l", Runtime: "python3.12", Handler: "a.b", CodeUri: "/src", Layers: []string{"/layers/my libs.zip", "/layers/tools"}}
	got := r.ask("GET", "/2015-03-31/functions/l/configuration", "").Body.String()
	want := `"PackageType":"Zip","Layers":[{"Arn":"arn:aws:lambda:us-east-1:123456789012:layer:my-libs:1","CodeSize":0},` +
		`{"Arn":"arn:aws:lambda:us-east-1:123456789012:layer:tools:1","CodeSize":0}],"Architectures"`
	if !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

func TestMissingFunctions(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{
		"nope": "nope", "nope?Qualifier=1": "nope:1", "nope/configuration": "nope", "f:live": "f:live", "f/configuration?Qualifier=7": "f:7",
	} {
		want = `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + want + `"}`
		if got := errorOf(r.ask("GET", "/2015-03-31/functions/"+path, "")); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestListFunctions(t *testing.T) {
	r := newRig(t)
	for i := range 120 {
		name := fmt.Sprintf("g%03d", i)
		r.functions[name] = config.Function{Name: name, Command: []string{"x"}}
	}
	var names []string
	marker := ""
	for _, want := range []int{50, 50, 22} {
		var page struct {
			NextMarker *string
			Functions  []functionConfiguration
		}
		w := r.ask("GET", "/2015-03-31/functions?FunctionVersion=ALL&MaxItems=10000&Marker="+marker, "")
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Functions) != want || (page.NextMarker == nil) != (want == 22) {
			t.Fatalf("%v: %s", err, w.Body)
		}
		for _, fn := range page.Functions {
			names = append(names, fn.FunctionName)
			if fn.State != "" || fn.LastUpdateStatus != "" || fn.RevisionId == "" {
				t.Errorf("got %+v", fn)
			}
		}
		if page.NextMarker != nil {
			marker = *page.NextMarker
		}
	}
	if len(names) != 122 || names[0] != "away" || names[1] != "f" || names[121] != "g119" {
		t.Errorf("got %v", names)
	}
	r.functions = nil
	invalid := `400 ValidationException {"message":"1 validation error detected: Value `
	for query, want := range map[string]string{
		"":                  `200  {"NextMarker":null,"Functions":[]}`,
		"MaxItems=0":        invalid + `'0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"}`,
		"Marker=%21":        `400 InvalidParameterValueException {"Type":"User","message":"Invalid Marker: give the NextMarker of an answer as it is."}`,
		"FunctionVersion=1": invalid + `'1' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"}`,
	} {
		if got := errorOf(r.ask("GET", "/2015-03-31/functions/?"+query, "")); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

func TestAccountSettings(t *testing.T) {
	r := newRig(t)
	r.reserved["f"] = 7
	want := `{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,` +
		`"ConcurrentExecutions":107,"UnreservedConcurrentExecutions":100},"AccountUsage":{"TotalCodeSize":0,"FunctionCount":2}}`
	if got := r.ask("GET", "/2016-08-19/account-settings/", "").Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRevision(t *testing.T) {
	fn := config.Function{Name: "f", Runtime: "python3.12"}
	before := revision(fn)
	if revision(fn) != before {
		t.Error("two revisions of one description")
	}
	fn.Environment.Variables = map[string]string{"A": "b"}
	if revision(fn) == before {
		t.Error("one revision of two descriptions")
	}
}

func TestUnsupportedOperations(t *testing.T) {
	r := newRig(t)
	for _, tt := range []struct{ method, path, want string }{
		{"DELETE", "/2015-03-31/functions/f", "DeleteFunction is not served. The functions of this engine are those of its mappings file: change them there, and restart the engine."},
		{"POST", "/2015-03-31/functions/f/aliases", "CreateAlias is not served. The functions of this engine have one version, $LATEST, and no aliases."},
	} {
		want, _ := json.Marshal(tt.want)
		full := `400 InvalidParameterValueException {"Type":"User","message":` + string(want) + `}`
		if got := errorOf(r.ask(tt.method, tt.path, strings.Repeat(" ", 300<<10))); got != full {
			t.Errorf("%s %s: got %s, want %s", tt.method, tt.path, got, full)
		}
	}
	for _, route := range functionRoutes {
		if found, _, err := find(route.method, strings.ReplaceAll(route.path, "*", "x")); err != nil || found.operation != route.operation {
			t.Errorf("%s: found %s, %v", route.operation, found.operation, err)
		}
	}
}
