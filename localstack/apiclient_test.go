package localstack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
)

// members are those of a request or an answer, by AWS's names.
type members = map[string]any

// A client is one of AWS's own, which knows nothing of esm.
type client interface {
	// ask makes a call. The members are those of AWS's API; times are texts.
	ask(t *testing.T, operation string, with members) said
}

// said is what a client makes of an answer.
type said struct {
	status     int    // 0 where the client does not show it
	code, text string // of an exception
	body       members
}

// goClient is the AWS SDK for Go. What it says of bodies is what came, to the last key.
type goClient struct {
	*lambda.Client
	wire *wire
}

func newGoClient(url string) *goClient {
	w := &wire{}
	return &goClient{sdkOf(url, w), w}
}

// sdkOf is the SDK for Go, which tries nothing again.
func sdkOf(url string, over http.RoundTripper) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "us-east-1", BaseEndpoint: &url, RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: over},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// wire keeps what came last.
type wire struct {
	mu     sync.Mutex
	status int
	header http.Header
	body   []byte
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status, w.header, w.body = resp.StatusCode, resp.Header, body
	return resp, err
}

func (c *goClient) ask(t *testing.T, operation string, with members) said {
	t.Helper()
	if payload, is := with["Payload"].(string); is {
		with = document(with).with(members{"Payload": []byte(payload)})
	}
	method := reflect.ValueOf(c.Client).MethodByName(operation)
	in := reflect.New(method.Type().In(1).Elem())
	text, err := json.Marshal(with)
	if err == nil {
		err = json.Unmarshal(text, in.Interface())
	}
	if err != nil {
		t.Fatalf("%s %v: %v", operation, with, err)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
	got := said{status: c.wire.status}
	if err, _ := out[1].Interface().(error); err != nil {
		return c.refused(t, operation, err)
	}
	if invoked, is := out[0].Interface().(*lambda.InvokeOutput); is {
		got.body = invokedBody(invoked)
	} else if len(c.wire.body) > 0 {
		if err := json.Unmarshal(c.wire.body, &got.body); err != nil {
			t.Errorf("%s answered %s: %v", operation, c.wire.body, err)
		}
	}
	return got
}

// invokedBody is what an invocation answers, its headers too, as other clients show it.
func invokedBody(out *lambda.InvokeOutput) members {
	body := members{"StatusCode": float64(out.StatusCode), "Payload": string(out.Payload)}
	for key, value := range map[string]*string{"ExecutedVersion": out.ExecutedVersion, "FunctionError": out.FunctionError, "LogResult": out.LogResult} {
		if value != nil {
			body[key] = *value
		}
	}
	return body
}

// refused is an exception, whose form on the wire is checked too.
func (c *goClient) refused(t *testing.T, operation string, err error) said {
	t.Helper()
	exception, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Fatalf("%s: %v", operation, err)
	}
	got := said{c.wire.status, exception.ErrorCode(), exception.ErrorMessage(), nil}
	if name := c.wire.header.Get("X-Amzn-Errortype"); name != got.code {
		t.Errorf("%s: x-amzn-ErrorType is %q, for %s", operation, name, got.code)
	}
	if id := c.wire.header.Get("X-Amzn-Requestid"); !uuidText.MatchString(id) {
		t.Errorf("%s: x-amzn-RequestId is %q", operation, id)
	}
	var body members
	if err := json.Unmarshal(c.wire.body, &body); err != nil {
		t.Errorf("%s: the body of %s is %s", operation, got.code, c.wire.body)
	}
	if want := formOf(got); !reflect.DeepEqual(body, want) {
		t.Errorf("%s: the body of %s is %v, want %v", operation, got.code, body, want)
	}
	return got
}

// formOf is the body of an exception: whether its key is message or Message, and Type, are AWS's (AWS: API reference of
// Lambda).
func formOf(e said) members {
	capital := []string{"ResourceNotFoundException", "ServiceException", "ResourceInUseException", "RequestEntityTooLargeException"}
	switch {
	case e.code == "ValidationException":
		return members{"message": e.text}
	case e.code == "RequestEntityTooLargeException":
		return members{"Message": e.text}
	case e.code == "TooManyRequestsException":
		return members{"Type": "User", "message": e.text, "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
	case e.status >= 500:
		return members{"Type": "Service", "Message": e.text}
	case slices.Contains(capital, e.code):
		return members{"Type": "User", "Message": e.text}
	}
	return members{"Type": "User", "message": e.text}
}

// raw asks without any client.
func raw(t *testing.T, method, url, body string, header ...string) (status int, answer string, headers http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// lambdaURL is where an engine speaks Lambda's API.
func (e *engine) lambdaURL() string { return "http://" + e.listen }

// lambda is the SDK for Go for an engine.
func (e *engine) lambda() *lambda.Client { return sdkOf(e.lambdaURL(), http.DefaultTransport) }

// stateOf is the state of a mapping, "" when there is none.
func stateOf(t *testing.T, c *lambda.Client, uuid string) string {
	t.Helper()
	got, err := c.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: &uuid})
	if exception, ok := errors.AsType[smithy.APIError](err); ok && exception.ErrorCode() == "ResourceNotFoundException" {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(got.State)
}

// settles waits until a mapping is in a state.
func settles(t *testing.T, c *lambda.Client, uuid, state string) {
	t.Helper()
	eventually(t, "the mapping is "+state, func() bool { return stateOf(t, c, uuid) == state })
}
