package configfile

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

// loadText loads text as if it were a file in testdata. env is the whole environment: NAME=value.
func loadText(t testing.TB, text string, env ...string) (*File, Report) {
	t.Helper()
	return loadWith(t, text, Overrides{}, env...)
}

func loadWith(t testing.TB, text string, over Overrides, env ...string) (*File, Report) {
	t.Helper()
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return hermetic(env...).load([]byte(text), dir, over)
}

// hermetic returns a decoder that does not see the machine's environment.
func hermetic(env ...string) *decoder {
	d := newDecoder("mappings.yaml")
	d.profileRegion = func() string { return "" }
	d.now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	d.lookup = func(name string) (string, bool) {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
	return d
}

func full(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func mustLoad(t testing.TB, text string, env ...string) *File {
	t.Helper()
	f, report := loadText(t, text, env...)
	if err := report.Err(); err != nil {
		t.Fatalf("not valid:\n%v", err)
	}
	return f
}

func TestFullFile(t *testing.T) {
	f, report := loadText(t, full(t), "TABLE=orders-table")
	if want := "mappings.yaml:142:5: Functions.steps.MemorySize: warning: is passed to the function, but not enforced for processes\n" +
		"mappings.yaml is valid, 1 warning\n"; report.String() != want {
		t.Errorf("report:\n%s\nwant:\n%s", report, want)
	}
	if f == nil {
		t.FailNow()
	}
	dir, _ := filepath.Abs("testdata")

	endpoints := Endpoints{
		config.SQS: "http://localhost:9324", config.Kinesis: "http://localhost:4568", config.DynamoDB: "http://localhost:8000",
		config.DynamoDBStreams: "http://localhost:8001", config.SNS: "http://localhost:4575", config.S3: "http://localhost:9000",
		config.EventBridge: "http://localhost:4587", config.Lambda: "http://localhost:4574",
	}
	if got, want := f.Aws, (Aws{"eu-west-1", "embedded:4566", endpoints, "123456789012"}); !reflect.DeepEqual(got, want) {
		t.Errorf("Aws = %+v, want %+v", got, want)
	}
	if got, want := f.Engine, (Engine{filepath.Join(dir, "data"), "127.0.0.1:9100", 90 * time.Second, 50, 0.5, "http://host.docker.internal:9100", 250 * time.Millisecond, "172.30.0.0/16"}); got != want {
		t.Errorf("Engine = %+v, want %+v", got, want)
	}
	var queues []string
	for _, q := range f.Resources.Queues {
		queues = append(queues, q.QueueName)
	}
	if want := []string{"orders-dlq", "orders", "steps-dlq.fifo", "steps.fifo"}; !slices.Equal(queues, want) {
		t.Errorf("queues are made in the order %v, want %v", queues, want)
	}
	if got, want := f.Resources.Queues[1].Facts(), (QueueFacts{200 * time.Second, 5}); got != want {
		t.Errorf("facts of orders = %+v, want %+v", got, want)
	}
	if got, want := f.Resources.Queues[1].Messages[1], (Message{MessageBody: "{\"id\": 2}\n", DelaySeconds: 5, MessageAttributes: map[string]MessageAttribute{
		"tenant": {DataType: "String", StringValue: "acme"}, "thumb": {DataType: "Binary.png", BinaryValue: "AAH+/w=="},
	}}); !reflect.DeepEqual(got, want) {
		t.Errorf("second message = %+v, want %+v", got, want)
	}
	if got := f.Resources.Queues[2].Attributes["FifoQueue"]; got != "true" {
		t.Errorf("FifoQueue of %s = %q, want it filled in", queues[2], got)
	}

	var names []string
	for _, fn := range f.Functions {
		names = append(names, fn.Name)
	}
	if want := []string{"orders", "steps", "remote", "again", "image", "packaged", "shared"}; !slices.Equal(names, want) {
		t.Errorf("functions = %v, want %v", names, want)
	}
	orders, again := f.Functions[0], f.Functions[3]
	if got, want := orders.FunctionArn, "arn:aws:lambda:eu-west-1:123456789012:function:orders"; got != want {
		t.Errorf("FunctionArn = %s, want %s", got, want)
	}
	if got, want := orders.Environment.Variables, (map[string]string{"TABLE": "orders-table", "MODE": "quick", "LITERAL": "${HOME}"}); !reflect.DeepEqual(got, want) {
		t.Errorf("variables = %v, want %v", got, want)
	}
	if got, want := orders.CodeUri, filepath.Join(dir, "src"); got != want {
		t.Errorf("CodeUri = %s, want %s", got, want)
	}
	if again.Timeout != 5 || again.Handler != "app.handler" || again.Role != orders.Role {
		t.Errorf("<< gave %+v", again)
	}
	if got, want := f.Functions[1].Role, "arn:aws:iam::123456789012:role/steps"; got != want {
		t.Errorf("default Role = %s, want %s", got, want)
	}

	image, packaged := f.Functions[4], f.Functions[5]
	if want := (config.ImageConfig{EntryPoint: []string{"/lambda-entrypoint.sh"}, Command: []string{"app.handler"}, WorkingDirectory: "/var/task"}); !reflect.DeepEqual(image.ImageConfig, want) {
		t.Errorf("ImageConfig = %+v, want %+v", image.ImageConfig, want)
	}
	if want := (config.ContainerSettings{User: "1000:1000", Internal: true, CPULimit: true}); image.Container != want {
		t.Errorf("Container = %+v, want %+v", image.Container, want)
	}
	if image.ImageUri != "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/orders:v1" || image.EphemeralStorage.Size != 1024 ||
		image.Spares != 1 || !image.Freeze || image.CodeUri != "" || !image.InContainer() {
		t.Errorf("image = %+v", image)
	}
	if packaged.Run != "container" || packaged.BaseImage != "public.ecr.aws/lambda/python:3.12" || !packaged.InContainer() ||
		!slices.Equal(packaged.Layers, []string{filepath.Join(dir, "src"), filepath.Join(dir, "bin")}) {
		t.Errorf("packaged = %+v", packaged)
	}

	if shared := f.Functions[6]; shared.PerEnvironment() != 16 || !shared.MultiConcurrent() || packaged.MultiConcurrent() || !shared.Logging().JSON() {
		t.Errorf("shared = %+v", shared)
	}

	first, second, third := f.Mappings[0], f.Mappings[1], f.Mappings[2]
	if *first.BatchSize != 100 || !first.ReportsFailures() || *first.ScalingConfig.MaximumConcurrency != 10 || first.Region != "eu-west-1" {
		t.Errorf("first mapping = %+v", first)
	}
	if got, want := second.FunctionName, "steps:live"; got != want {
		t.Errorf("an ARN is resolved to %q, want %q", got, want)
	}
	if *second.BatchSize != 10 || *second.MaximumBatchingWindowInSeconds != 0 || !*second.Enabled || second.FunctionResponseTypes == nil {
		t.Errorf("second mapping lacks defaults: %+v", second)
	}
	if *third.Enabled || *third.ProvisionedPollerConfig.MinimumPollers != 3 || third.Region != "us-east-1" {
		t.Errorf("third mapping = %+v", third)
	}
	if q := f.QueueOf(third); q != nil {
		t.Errorf("a mapping with its own endpoint reads %s", q.QueueName)
	}
}

const smallest = `
Functions:
  orders: {Command: [./bootstrap]}
EventSourceMappings:
  - FunctionName: orders
    EventSourceArn: arn:aws:sqs:eu-central-1:000000000000:orders
`

func TestDefaults(t *testing.T) {
	f := mustLoad(t, smallest)
	dir, _ := filepath.Abs("testdata")
	if got, want := f.Aws, (Aws{Region: "eu-central-1", AccountId: "000000000000"}); !reflect.DeepEqual(got, want) {
		t.Errorf("Aws = %+v, want %+v", got, want)
	}
	if got, want := f.Engine, (Engine{filepath.Join(dir, ".esm"), "127.0.0.1:9001", 30 * time.Second, 1000, 1, "", 0, ""}); got != want {
		t.Errorf("Engine = %+v, want %+v", got, want)
	}
	fn := f.Functions[0]
	if fn.Timeout != 3 || fn.MemorySize != 128 || fn.LoggingConfig.LogFormat != "Text" || fn.CodeUri != dir || fn.ReservedConcurrentExecutions != nil {
		t.Errorf("function = %+v", fn)
	}
	// It must never change: the data directory stores state under it.
	if got, want := f.Mappings[0].UUID, "40f2951d-1e5b-5827-b2f5-4b172dd9895b"; got != want {
		t.Errorf("UUID = %s, want %s", got, want)
	}
}

func TestRegion(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  []string
		want string
	}{
		"the file's":           {"Aws: {Region: ap-south-1}\n" + smallest, []string{"AWS_REGION=eu-west-3"}, "ap-south-1"},
		"AWS_REGION":           {smallest, []string{"AWS_REGION=eu-west-3", "AWS_DEFAULT_REGION=eu-west-2"}, "eu-west-3"},
		"AWS_DEFAULT_REGION":   {smallest, []string{"AWS_DEFAULT_REGION=eu-west-2"}, "eu-west-2"},
		"the first mapping's":  {smallest, nil, "eu-central-1"},
		"nothing known at all": {"Functions: {}", nil, "us-east-1"},
	} {
		if got := mustLoad(t, c.text, c.env...).Aws.Region; got != c.want {
			t.Errorf("%s: region = %s, want %s", name, got, c.want)
		}
	}
}

func TestIdentity(t *testing.T) {
	uuids := map[string]string{}
	for name, text := range map[string]string{
		"plain":     smallest,
		"qualified": strings.Replace(smallest, "FunctionName: orders", "FunctionName: orders:live", 1),
		"source":    strings.Replace(smallest, "0:orders", "0:others", 1),
		"endpoint":  smallest + "    Endpoint: http://localhost:1\n",
	} {
		uuid := mustLoad(t, text).Mappings[0].UUID
		if other, twice := uuids[uuid]; twice {
			t.Errorf("%s and %s have the same UUID", name, other)
		}
		uuids[uuid] = name
	}
	same := mustLoad(t, "Aws: {Region: eu-north-1, Endpoint: http://localhost:1}\n"+smallest+"    BatchSize: 3\n").Mappings[0].UUID
	if uuids[same] != "plain" {
		t.Errorf("the UUID depends on more than function and source")
	}
}

func TestOverrides(t *testing.T) {
	text := "Aws: {Endpoint: http://localhost:1}\nEngine: {DataDir: a, Listen: '127.0.0.1:1'}\n"
	f, report := loadWith(t, text, Overrides{Endpoint: "embedded:7", DataDir: "here", Listen: "localhost:2"})
	if f == nil {
		t.Fatal(report)
	}
	cwd, _ := os.Getwd()
	if f.Aws.Endpoint != "embedded:7" || f.Engine.Listen != "localhost:2" || f.Engine.DataDir != filepath.Join(cwd, "here") {
		t.Errorf("Aws = %+v, Engine = %+v", f.Aws, f.Engine)
	}
	if port, asked := f.Aws.Embedded(); port != "7" || !asked {
		t.Errorf("Embedded = %s, %v", port, asked)
	}
	_, report = loadWith(t, text, Overrides{Endpoint: "ftp://x", Listen: "nowhere"})
	want := "mappings.yaml: --endpoint: \"ftp://x\" is neither a URL such as http://localhost:4566 nor embedded nor embedded:<port>\n" +
		"mappings.yaml: --listen: \"nowhere\" is not host:port, such as 127.0.0.1:9001"
	if err := report.Err(); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestUnreadableFile(t *testing.T) {
	f, report := Load("testdata/absent.yaml", Overrides{})
	if got, want := report.Err().Error(), "testdata/absent.yaml: no such file or directory"; f != nil || got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, report := Load("testdata", Overrides{}); report.Err() == nil {
		t.Error("a directory was loaded")
	}
}

// A value of the environment may be a password. No finding contains it, even if it is invalid.
func TestErrorsHideEnvironmentValues(t *testing.T) {
	const secret = "hunter2 {\"s3cret\": 1}"
	text := `
Aws: {Region: "${S}", Endpoint: "${S}", Endpoints: {sqs: "${S}"}, AccountId: "${S}"}
Engine: {Listen: "${S}", GracePeriod: "${S}", ContainerNetworks: "${S}"}
Resources: {Queues: [{QueueName: "${S}", Attributes: {VisibilityTimeout: "${S}", RedrivePolicy: "${S}", Policy: "${S}"}, Messages: ["${S}"]}], Streams: [{StreamName: "${S}", Records: [{PartitionKey: "${S}${S}${S}${S}${S}${S}${S}${S}${S}${S}${S}${S}${S}${S}", Data: "${S}"}]}],
  Tables: [{TableName: "${S}", KeySchema: [{AttributeName: "${S}", KeyType: "${S}"}], Items: [{"${S}": {N: "${S}", B: "${S}"}}]}], Topics: [{Name: "${S}"}, {Name: t, Subscriptions: [{Protocol: "${S}", Endpoint: "${S}", FilterPolicy: "${S}"}, {Protocol: lambda, Endpoint: "${K}"}, {Protocol: sqs, Endpoint: "${S}", FilterPolicy: "{\"${K}\": 1}"}, {Protocol: http, Endpoint: "${S}"}]}],
  Buckets: [{Bucket: "${S}"}, {Bucket: bbb, NotificationConfiguration: {LambdaFunctionConfigurations: [{LambdaFunctionArn: "${S}", Events: ["${S}"]}, {LambdaFunctionArn: "${K}", Events: [s3:ObjectAcl:Put], Id: "${K}"}], QueueConfigurations: [{QueueArn: "${S}", Events: [s3:ObjectAcl:Put], Id: "${K}"}]}}],
  EventBuses: [{Name: "${S}"}], Rules: [{Name: "${S}", ScheduleExpression: "${S}", Targets: []}, {Name: r, EventBusName: "${S}", EventPattern: "{\"${K}\": 1}", ScheduleExpression: "cron(${S})", Targets: [{Id: "${S}", Arn: "${S}", Input: "${S}", InputPath: "${S}"}, {Id: a, Arn: "${K}"}]}, {Name: q, ScheduleExpression: "cron(${S})", Targets: [{Id: a, Arn: "${K}"}]}]}
Functions:
  a: {Runtime: "${S}", Handler: "${S}", CodeUri: "${S}", Role: "${S}", Environment: {Variables: {AWS_REGION: "${S}"}}, LoggingConfig: {LogFormat: "${S}"}}
  b: {InvokeEndpoint: "${S}", Architectures: ["${S}"]}
  c: {Command: ["${S}"], CodeUri: "src/${S}", Timeout: "${S}"}
  d: {ImageUri: "${S}", ImageConfig: {WorkingDirectory: "${S}"}, Run: "${S}", Container: {User: "${S}"}}
  e: {Runtime: python3.12, Handler: a.b, Run: container, BaseImage: "${S}", Layers: ["${S}"]}
EventSourceMappings:
  - {FunctionName: "${S}", EventSourceArn: "${S}", UUID: "${S}", Endpoint: "${S}", Region: "${S}", FunctionResponseTypes: ["${S}"], BatchSize: "${S}"}
  - {FunctionName: a, EventSourceArn: "arn:aws:dynamodb:us-east-1:000000000000:table/${K}", StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: "${S}", DestinationConfig: {OnFailure: {Destination: "${S}"}}}
  - {FunctionName: b, EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/${K}", StartingPosition: "${S}", FilterCriteria: {Filters: [{Pattern: "{\"data\": [\"${K}\"]}"}]}}
  - {FunctionName: c, EventSourceArn: "arn:aws:sqs:${S}:${S}:${S}", FilterCriteria: {Filters: [{Pattern: "${S}"}, {Pattern: "{\"body\": {\"${S}\": 1}}"}, {Pattern: "{\"${K}\": [1]}"}]}, MetricsConfig: {Metrics: ["${S}"]}}
`
	f, report := loadText(t, text, "S="+secret, "K=s3cret")
	if f != nil || len(report.Errors) < 20 {
		t.Fatalf("%d errors, want more:\n%s", len(report.Errors), report)
	}
	for _, word := range []string{"hunter2", "s3cret"} {
		if strings.Contains(report.String(), word) {
			t.Errorf("the report has %s:\n%s", word, report)
		}
	}
}

func TestArchitectureMustMatchMachine(t *testing.T) {
	here := machines[runtime.GOARCH]
	for _, one := range machines {
		_, report := loadText(t, "Functions:\n  a: {Command: [x], Architectures: ["+one+"]}\n")
		want := "mappings.yaml:2:21: Functions.a.Architectures: does not match this machine, which is " + here
		if err := report.Err(); (err == nil) != (one == here) || err != nil && err.Error() != want {
			t.Errorf("%s on %s: %v", one, here, err)
		}
	}
}
