package subscriber

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/esm-run/esm"
)

func TestNotificationBecomesTheEventOfASubscription(t *testing.T) {
	r := newRig(t)
	m := notification("<hello> & \u2028").with("Subject", "s").with("MessageAttributes", map[string]any{"kind": map[string]string{"Type": "String", "Value": "x"}})
	if got := r.post("/esm/v1/sns/orders", m.sign("1")); got != 200 {
		t.Fatalf("status %d: %s", got, r.warnings)
	}
	signature, _ := json.Marshal(m["Signature"])
	want := `{"Records":[{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"` + topic + `:21be56ed","Sns":{"Type":"Notification",` +
		`"MessageId":"95df01b4-ee98-5cb9-9903-4c221d41eb5e","TopicArn":"` + topic + `","Subject":"s","Message":"<hello> & \u2028","Timestamp":"` + timestamp + `",` +
		`"SignatureVersion":"1","Signature":` + string(signature) + `,"SigningCertUrl":"` + certURL + `",` +
		`"UnsubscribeUrl":"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe","MessageAttributes":{"kind":{"Type":"String","Value":"x"}}}}]}`
	e := r.events[0]
	if string(e.Payload) != want {
		t.Errorf("got\n%s\nwant\n%s", e.Payload, want)
	}
	var decoded events.SNSEvent
	if err := json.Unmarshal(e.Payload, &decoded); err != nil || decoded.Records[0].SNS.Message != "<hello> & \u2028" || decoded.Records[0].SNS.Timestamp.Year() != 2026 {
		t.Errorf("aws-lambda-go reads %+v: %v", decoded, err)
	}
	if e.Function != "orders" || e.TraceHeader != "Root=1-5759e988-bd862e3fe1be46a994272793" || !e.Accepted.IsZero() {
		t.Errorf("event %+v", e)
	}
	if id, err := uuid.Parse(e.ID); err != nil || id.Version() != 4 {
		t.Errorf("the request ID is %s", e.ID)
	}
}

func TestAbsentSubjectAndAttributes(t *testing.T) {
	r := newRig(t)
	if got := r.post("/esm/v1/sns/orders:live", notification("hello").sign("2")); got != 200 {
		t.Fatalf("status %d: %s", got, r.warnings)
	}
	if got := string(r.events[0].Payload); !strings.Contains(got, `"Subject":null,`) || !strings.Contains(got, `"MessageAttributes":{}`) {
		t.Errorf("got %s", got)
	}
	if r.events[0].Function != "orders:live" {
		t.Errorf("function %s", r.events[0].Function)
	}
}

func TestUnwrap(t *testing.T) {
	const s3 = `{"Records":[{"eventSource": "aws:s3"}]}`
	for _, c := range []struct {
		path, message string
		status        int
		want          string
	}{
		{"/esm/v1/sns/orders?unwrap=s3", s3, 200, s3},
		{"/esm/v1/sns/orders?unwrap=s3", `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, 200, ""},
		{"/esm/v1/sns/orders?unwrap=eventbridge", `{"version": "0"}`, 200, `{"version": "0"}`},
		{"/esm/v1/sns/orders?unwrap=eventbridge", `"input"`, 200, `"input"`},
		{"/esm/v1/sns/orders?unwrap=s3", "text", 400, ""},
		{"/esm/v1/sns/orders?unwrap=eventbridge", "", 400, ""},
		{"/esm/v1/sns/orders?unwrap=sqs", s3, 400, ""},
	} {
		r := newRig(t)
		got := r.post(c.path, notification(c.message).with("TopicArn", emulated))
		payload := ""
		if len(r.events) > 0 {
			payload = string(r.events[0].Payload)
		}
		if got != c.status || payload != c.want || len(r.events) != min(len(c.want), 1) {
			t.Errorf("%s %s: status %d and payload %q, want %d and %q", c.path, c.message, got, payload, c.status, c.want)
		}
	}
}

// A message that is delivered again has the same request ID, another message or function another one.
func TestRequestIDs(t *testing.T) {
	r := newRig(t)
	again := func(path, id string) { r.post(path, notification("x").with("MessageId", id).sign("1")) }
	again("/esm/v1/sns/orders", "a")
	again("/esm/v1/sns/orders", "a")
	again("/esm/v1/sns/orders:1", "a")
	again("/esm/v1/sns/orders", "b")
	var ids []string
	for _, e := range r.events {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	if got := len(slices.Compact(ids)); got != 3 || r.events[0].ID != r.events[1].ID {
		t.Errorf("%d IDs: %s", got, ids)
	}
	if got, want := r.events[0].ID, "6275d2d2-b27b-4a5d-bab2-bcb69c061fed"; got != want { // the same in every release
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	signed := func() fields { return notification("hello").sign("1") }
	for _, c := range []struct {
		name, path string
		message    fields
		status     int
		warning    string
	}{
		{"a function that does not exist", "/esm/v1/sns/nobody", signed(), 404, "no such function"},
		{"a name that is none", "/esm/v1/sns/a/b", signed(), 404, "no such function"},
		{"another type", "/esm/v1/sns/orders", notification("x").with("TopicArn", emulated).with("Type", "Other"), 400, "the Type is none of"},
		{"no signature", "/esm/v1/sns/orders", notification("hello"), 403, "no signature of version 1 or 2"},
		{"version 3", "/esm/v1/sns/orders", signed().with("SignatureVersion", "3"), 403, "no signature of version 1 or 2"},
		{"the other hash", "/esm/v1/sns/orders", signed().with("SignatureVersion", "2"), 403, "does not match"},
		{"not base64", "/esm/v1/sns/orders", signed().with("Signature", "?"), 403, "no signature of version 1 or 2"},
		{"another message", "/esm/v1/sns/orders", signed().with("Message", "bye"), 403, "does not match"},
		{"an added subject", "/esm/v1/sns/orders", signed().with("Subject", "s"), 403, "does not match"},
		{"another topic of the account", "/esm/v1/sns/orders", signed().with("TopicArn", topic+"2"), 403, "does not match"},
		{"a topic of another account", "/esm/v1/sns/orders", signed().with("TopicArn", "arn:aws:sns:us-east-1:111122223333:alerts").sign("1"), 403, "nor one of account 123456789012"},
		{"a queue", "/esm/v1/sns/orders", signed().with("TopicArn", "arn:aws:sqs:us-east-1:123456789012:alerts").sign("1"), 403, "nor one of account 123456789012"},
		{"a topic of the emulator that is not ours", "/esm/v1/sns/orders", notification("x").with("TopicArn", emulated+"2"), 403, "nor one of account 123456789012"},
		{"too large an event", "/esm/v1/sns/orders", notification(strings.Repeat("x", esm.MaxEvent)).sign("1"), 413, "above 1048576"},
		{"too large a body", "/esm/v1/sns/orders", notification(strings.Repeat("x", maxBody)).sign("1"), 413, "more than 2097152 bytes"},
		{"an unsigned end", "/esm/v1/sns/orders", fields{"Type": "UnsubscribeConfirmation", "TopicArn": topic}, 403, "no signature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			got := r.post(c.path, c.message)
			if got != c.status || len(r.events) > 0 || len(r.warnings) != 1 || !strings.Contains(r.warnings[0], c.warning) {
				t.Errorf("status %d, %d events, warnings %q, want %d and %q", got, len(r.events), r.warnings, c.status, c.warning)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, body string
		raw          bool
		want         int
	}{
		{http.MethodGet, "", false, 405},
		{http.MethodPost, "", false, 400},
		{http.MethodPost, "hello", false, 400},
		{http.MethodPost, "[]", false, 400},
		{http.MethodPost, "{}", false, 403},
		{http.MethodPost, "{}", true, 400},
	} {
		req := httptest.NewRequest(c.method, "/esm/v1/sns/orders", strings.NewReader(c.body))
		if c.raw {
			req.Header.Set("x-amz-sns-rawdelivery", "true")
		}
		if got := r.send(req); got != c.want {
			t.Errorf("%s %q: status %d, want %d", c.method, c.body, got, c.want)
		}
	}
	if len(r.events) > 0 {
		t.Errorf("%d events", len(r.events))
	}
}

// The URL of a certificate is only fetched from AWS, over TLS.
func TestCertificatesAreOfAWS(t *testing.T) {
	for _, address := range []string{
		"http://sns.us-east-1.amazonaws.com/a.pem", "https://sns.us-east-1.amazonaws.com.evil.example/a.pem", "https://evil.example/sns.us-east-1.amazonaws.com/a.pem",
		"https://sns.us-east-1.amazonaws.com:8443/a.pem", "https://sns.us-east-1.amazonaws.com@evil.example/a.pem", "https://evil@sns.us-east-1.amazonaws.com/a.pem",
		"https://s3.us-east-1.amazonaws.com/a.pem", "https://sns.us-east-1.amazonaws.com/a", "https://xsns.us-east-1.amazonaws.com/a.pem",
		"https://sns.a.b.amazonaws.com/a.pem", "https://sns.amazonaws.com/a.pem", "", ":",
		"file:///etc/a.pem", "https://sns.us-east-1.amazonaws.com%2eevil.example/a.pem", "https://127.0.0.1/a.pem",
	} {
		r := newRig(t)
		if got := r.post("/esm/v1/sns/orders", notification("x").sign("1").with("SigningCertURL", address)); got != 403 || len(r.fetched) > 0 {
			t.Errorf("%s: status %d, fetched %q", address, got, r.fetched)
		}
	}
	for _, address := range []string{certURL, "https://sns.cn-north-1.amazonaws.com.cn/a.pem"} {
		if !ofAWS(address) {
			t.Errorf("%s is refused", address)
		}
	}
}

// A certificate that cannot be had is a reason to deliver again, not to refuse.
func TestCertificateTrouble(t *testing.T) {
	for name, prepare := range map[string]func(*rig){
		"missing":    func(r *rig) { r.pem = nil },
		"no PEM":     func(r *rig) { r.pem = []byte("x") },
		"expired":    func(r *rig) { r.pem = certificatePEM(t, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)) },
		"not yet":    func(r *rig) { r.pem = certificatePEM(t, time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)) },
		"redirected": func(r *rig) { r.redirect = "https://evil.example/a.pem" },
	} {
		r := newRig(t)
		prepare(r)
		if got := r.post("/esm/v1/sns/orders", notification("x").sign("1")); got != 503 || len(r.events) > 0 || len(r.fetched) != 1 {
			t.Errorf("%s: status %d, fetched %q", name, got, r.fetched)
		}
	}
}

func TestCertificateIsFetchedOnce(t *testing.T) {
	r := newRig(t)
	for _, version := range []string{"1", "2", "1"} {
		if got := r.post("/esm/v1/sns/orders", notification("x").sign(version)); got != 200 {
			t.Fatalf("status %d: %s", got, r.warnings)
		}
	}
	if len(r.fetched) != 1 {
		t.Errorf("fetched %d times", len(r.fetched))
	}
}

func TestConfirmation(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		message fields
		want    int
	}{
		{confirmation("t1").sign("1"), 200},
		{confirmation("t2").with("TopicArn", emulated), 200},
		{confirmation("t3"), 403},
		{confirmation("t4").sign("1").with("Token", "t5"), 403},
		{confirmation("wrong").sign("2"), 503},
	} {
		if got := r.post("/esm/v1/sns/orders?unwrap=s3", c.message); got != c.want {
			t.Errorf("%v: status %d, want %d", c.message["Token"], got, c.want)
		}
	}
	if want := []string{topic + " t1", emulated + " t2"}; !slices.Equal(r.confirmed, want) {
		t.Errorf("confirmed %q, want %q", r.confirmed, want)
	}
	for _, address := range r.fetched {
		if address != certURL {
			t.Errorf("visited %s", address)
		}
	}
}

func TestUnsubscribeConfirmation(t *testing.T) {
	r := newRig(t)
	m := confirmation("t").with("Type", "UnsubscribeConfirmation").sign("1")
	if got := r.post("/esm/v1/sns/orders", m); got != 200 || len(r.confirmed) > 0 || len(r.warnings) != 1 {
		t.Errorf("status %d, confirmed %q, warnings %q", got, r.confirmed, r.warnings)
	}
}

// SNS delivers again what could not be stored. The function need not run for a message to be accepted.
func TestUnavailable(t *testing.T) {
	r := newRig(t)
	r.acceptErr = errors.New("no space left on device")
	if got := r.post("/esm/v1/sns/orders", notification("x").sign("1")); got != 503 {
		t.Errorf("status %d after an error", got)
	}
	r.acceptErr, r.starting = nil, true
	if got := r.post("/esm/v1/sns/orders", notification("x").sign("1")); got != 503 {
		t.Errorf("status %d while the engine starts", got)
	}
	if got := r.post("/esm/v1/sns/orders", confirmation("t").sign("1")); got != 200 {
		t.Errorf("status %d of a confirmation while the engine starts", got)
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct {
		base, function string
		unwrap         Unwrap
		want           string
	}{
		{"http://localhost:9001", "orders", Whole, "http://localhost:9001/esm/v1/sns/orders"},
		{"http://localhost:9001/", "orders:$LATEST", S3, "http://localhost:9001/esm/v1/sns/orders:$LATEST?unwrap=s3"},
	} {
		got := URL(c.base, c.function, c.unwrap)
		req := httptest.NewRequest(http.MethodPost, got, nil)
		to, err := (&Server{HasFunction: func(name string) bool { return name == "orders" }}).destination(req)
		if got != c.want || err != nil || to.function != c.function || to.unwrap != c.unwrap {
			t.Errorf("got %s, which leads to %+v (%v), want %s", got, to, err, c.want)
		}
	}
}

// A signed message that somebody has recorded is not accepted for long.
func TestOldMessages(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want int
	}{
		{-maxLead, 200}, {-maxLead - time.Second, 403}, {0, 200}, {time.Hour, 200}, {maxAge, 200}, {maxAge + time.Second, 403},
	} {
		r := newRig(t)
		r.now = r.now.Add(c.age - time.Second).Truncate(time.Millisecond)
		if got := r.post(Path+"orders", notification("hello").sign("2")); got != c.want || len(r.events) != map[int]int{200: 1}[got] {
			t.Errorf("after %v: got %d and %d events, want %d", c.age, got, len(r.events), c.want)
		}
	}
	r := newRig(t)
	if got := r.post(Path+"orders", notification("hello").with("Timestamp", "yesterday").sign("1")); got != 403 {
		t.Errorf("without a time: got %d", got)
	}
	r.now = r.now.Add(100 * time.Hour)
	if got := r.post(Path+"orders", notification("hello").with("TopicArn", emulated)); got != 200 {
		t.Errorf("of an emulator: got %d", got)
	}
}

// Anyone can send requests, and must not fill the log.
func TestWarningsAreLimited(t *testing.T) {
	r := newRig(t)
	for range 10 * maxWarnings {
		r.post(Path+"orders%0Aevil", fields{})
	}
	if n := len(r.warnings); n < maxWarnings || n > 2*maxWarnings || strings.Contains(r.warnings[0], "\n") {
		t.Errorf("%d warnings, the first %q", n, r.warnings[0])
	}
}
