package provision

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile/configfiletest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// fakeServices is an HTTP transport that implements the calls of Kinesis, DynamoDB, SNS and S3 that create resources.
type fakeServices struct {
	creating  int // how many descriptions of a new resource return CREATING
	resources map[string]*fakeResource
	bodies    []string // of the calls that create
}

// fakeResource is a resource of fakeServices.
type fakeResource struct {
	statuses []string // of successive descriptions; the last is repeated, and "GONE" deletes the resource
	shards   int
	table    map[string]any // as CreateTable had it
	contents []string
}

// creation is a call of any service that creates a resource.
type creation struct {
	StreamName, TableName string
	ShardCount            int
}

// put is a call of any service that puts a record or an item.
type put struct {
	StreamName, TableName string
	PartitionKey, Data    string
	Item                  map[string]any
}

func (s *fakeServices) RoundTrip(r *http.Request) (*http.Response, error) {
	r, action, err := actionOf(r)
	if err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	status, answer := s.answer(action, r.URL.Path, body)
	return answered(r, status, answer), nil
}

func answered(r *http.Request, status int, answer string) *http.Response {
	return &http.Response{
		StatusCode: status, Body: io.NopCloser(strings.NewReader(answer)), Request: r,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, ContentLength: int64(len(answer)),
	}
}

func (s *fakeServices) answer(action, path string, body []byte) (status int, answer string) {
	switch action {
	case "DescribeStreamSummary", "DescribeTable":
		return s.describe(body)
	case "CreateStream", "CreateTable":
		return s.create(body)
	case "PutRecord", "PutItem":
		return s.put(body)
	case "GetTopicAttributes", "CreateTopic":
		form, _ := url.ParseQuery(string(body))
		name := form.Get("Name") + form.Get("TopicArn")
		return s.topic(action, name[strings.LastIndexByte(name, ':')+1:])
	case http.MethodHead, http.MethodPut:
		return s.bucket(action, path, body)
	}
	return refusal("UnknownOperationException", action)
}

func refusal(code, message string) (status int, answer string) {
	return http.StatusBadRequest, fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message)
}

// find returns a resource and its status, and advances it to the next status.
func (s *fakeServices) find(name string) (*fakeResource, string) {
	t := s.resources[name]
	if t == nil {
		return nil, "GONE"
	}
	status := t.statuses[0]
	if len(t.statuses) > 1 {
		t.statuses = t.statuses[1:]
	}
	if status == "GONE" {
		delete(s.resources, name)
		return nil, status
	}
	return t, status
}

func (s *fakeServices) describe(body []byte) (int, string) {
	var in creation
	_ = json.Unmarshal(body, &in)
	t, status := s.find(in.StreamName + in.TableName)
	if t == nil {
		return refusal("ResourceNotFoundException", "there is none")
	}
	if in.StreamName != "" {
		return 200, fmt.Sprintf(`{"StreamDescriptionSummary":{"StreamName":%q,"StreamStatus":%q,"OpenShardCount":%d}}`, in.StreamName, status, t.shards)
	}
	table := map[string]any{"TableStatus": status}
	for _, name := range []string{"TableName", "KeySchema", "AttributeDefinitions", "StreamSpecification"} {
		table[name] = t.table[name]
	}
	answer, _ := json.Marshal(map[string]any{"Table": table})
	return 200, string(answer)
}

func (s *fakeServices) create(body []byte) (int, string) {
	var in creation
	_ = json.Unmarshal(body, &in)
	name := in.StreamName + in.TableName
	if s.resources[name] != nil {
		return refusal("ResourceInUseException", "there is one")
	}
	t := s.add(name, body)
	t.shards = in.ShardCount
	_ = json.Unmarshal(body, &t.table)
	for range s.creating {
		t.statuses = append([]string{"CREATING"}, t.statuses...)
	}
	return 200, "{}"
}

func (s *fakeServices) add(name string, body []byte) *fakeResource {
	if s.resources == nil {
		s.resources = map[string]*fakeResource{}
	}
	t := &fakeResource{statuses: []string{"ACTIVE"}}
	s.resources[name] = t
	s.bodies = append(s.bodies, string(body))
	return t
}

func (s *fakeServices) put(body []byte) (int, string) {
	var in put
	_ = json.Unmarshal(body, &in)
	t := s.resources[in.StreamName+in.TableName]
	if t == nil || t.statuses[0] != "ACTIVE" {
		return refusal("ResourceNotFoundException", "there is none that is ACTIVE")
	}
	content, _ := json.Marshal(in.Item)
	if in.StreamName != "" {
		data, _ := base64.StdEncoding.DecodeString(in.Data)
		content = append([]byte(in.PartitionKey+":"), data...)
	}
	t.contents = append(t.contents, string(content))
	return 200, `{"SequenceNumber":"1","ShardId":"shardId-000000000000"}`
}

func (s *fakeServices) topic(action, name string) (int, string) {
	if action == "CreateTopic" {
		s.add(name, nil)
	}
	if s.resources[name] == nil {
		return http.StatusNotFound, `<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>there is none</Message></Error></ErrorResponse>`
	}
	return 200, fmt.Sprintf(`<%[1]sResponse><%[1]sResult><TopicArn>arn:aws:sns:eu-west-1:111122223333:%s</TopicArn></%[1]sResult></%[1]sResponse>`, action, name)
}

func (s *fakeServices) bucket(method, path string, body []byte) (int, string) {
	name := strings.Trim(path, "/")
	switch there := s.resources[name] != nil; {
	case method == http.MethodHead && !there:
		return http.StatusNotFound, ""
	case method == http.MethodPut && there:
		return http.StatusConflict, `<Error><Code>BucketAlreadyOwnedByYou</Code><Message>there is one</Message></Error>`
	case method == http.MethodPut:
		s.add(name, body)
	}
	return 200, ""
}

// clientsTo returns clients that send all calls to one transport.
func clientsTo(to http.RoundTripper) *awsclient.Clients {
	c := &awsclient.Clients{Region: "eu-west-1"}
	c.Use("http://aws", aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://aws"), HTTPClient: &http.Client{Transport: to},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	return c
}

// resourcesFile returns a file with Resources, for the clients of clientsTo.
func resourcesFile(t *testing.T, resources string) *configfile.File {
	t.Helper()
	return configfiletest.Load(t, "Aws: {Region: eu-west-1, Endpoint: 'http://aws'}\nResources:\n"+resources)
}
