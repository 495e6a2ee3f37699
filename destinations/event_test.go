package destinations

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/esm-run/esm"
)

const (
	thumbsARN = "arn:aws:lambda:eu-west-1:111122223333:function:thumbs"
	traceID   = "Root=1-69a7bb47-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
)

// givenUp is an event whose retries are exhausted. Its bytes and those of the response have white space.
func givenUp() esm.Notice {
	return esm.Notice{
		ID: "0e5f7a52-9c1d-4b3a-8f60-1a2b3c4d5e6f", Time: discarded.In(time.FixedZone("elsewhere", 3600)),
		RequestID: "c2d1e0f9-8a7b-4c6d-9e5f-4a3b2c1d0e9f", FunctionArn: thumbsARN + ":$LATEST", Condition: esm.RetriesExhausted, Invokes: 3,
		Response: &esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"},
		Event: &esm.EventEnd{
			Response:    json.RawMessage(`{"errorMessage": "<no> & \u003cnever\u003e",  "errorType":"ValueError"}`),
			Error:       "<no> & <never>",
			TraceHeader: traceID,
		},
		Payload: json.RawMessage("{\"key\": \"a/<b>&c.png\",\n\t\"size\":1.0}"),
	}
}

// made returns givenUp with changes.
func made(change func(*esm.Notice)) esm.Notice {
	n := givenUp()
	change(&n)
	return n
}

// succeeded is an event of an alias.
func succeeded() esm.Notice {
	return made(func(n *esm.Notice) {
		n.FunctionArn, n.Condition, n.Invokes = thumbsARN+":live", esm.Success, 1
		n.Response = &esm.NoticeResponse{Status: 200, Version: "4"}
		n.Event.Response, n.Event.Error = json.RawMessage(`{"written": ["<a>"]}`), ""
	})
}

// notRun is an event that ended without a try that ran.
func notRun(condition esm.Condition, response *esm.NoticeResponse) esm.Notice {
	return made(func(n *esm.Notice) {
		n.Condition, n.Invokes, n.Response, n.Event.Response, n.Event.Error = condition, 0, response, nil, ""
	})
}

func deadLettered() esm.Notice { return made(func(n *esm.Notice) { n.Event.DeadLetter = true }) }

// eventShapes are notices of asynchronous events by the golden file of their record.
var eventShapes = map[string]esm.Notice{
	"exhausted":   givenUp(),
	"succeeded":   succeeded(),
	"aged":        made(func(n *esm.Notice) { n.Condition, n.Invokes = esm.EventAgeExceeded, 1 }),
	"unanswered":  notRun(esm.EventAgeExceeded, nil),
	"throttled":   notRun(esm.EventAgeExceeded, &esm.NoticeResponse{Status: 429}),
	"switchedoff": notRun(esm.ZeroReservedConcurrency, nil),
	"recursive":   notRun(esm.RecursiveInvocation, &esm.NoticeResponse{Status: 400}),
	"gone": made(func(n *esm.Notice) {
		n.FunctionArn, n.Response, n.Event.Response = thumbsARN, &esm.NoticeResponse{Status: 404}, nil // without a qualifier
	}),
	"timedout": made(func(n *esm.Notice) { n.Response.Fault = "Sandbox.Timedout" }),
	"nobody":   made(func(n *esm.Notice) { n.Payload = nil }),
	"null":     made(func(n *esm.Notice) { n.Payload, n.Event.Response = json.RawMessage("null"), json.RawMessage(" null ") }),
	"notjson":  made(func(n *esm.Notice) { n.Event.Response = json.RawMessage("done\n") }),
	"notutf8":  made(func(n *esm.Notice) { n.Event.Response = json.RawMessage("\"\xff\"") }),
	"empty":    made(func(n *esm.Notice) { n.Event.Response = nil }),
}

// The golden files are compared byte for byte: records have the white space of the event and of the response.
func TestGoldenEvents(t *testing.T) {
	for name, n := range eventShapes {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/events/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.TrimSuffix(text, []byte("\n"))
			for _, payload := range []bool{false, true} {
				if got, err := document(n, payload); err != nil || !bytes.Equal(got, want) {
					t.Errorf("got  %s, %v\nwant %s", got, err, want)
				}
			}
		})
	}
}

// FuzzEventRecord embeds arbitrary events and responses, which must stay as they are.
func FuzzEventRecord(f *testing.F) {
	f.Add([]byte(`{"a": 1}`), []byte(`"b" `), "Unhandled", 200)
	f.Add([]byte("[\n<]"), []byte("\xff"), "", 0)
	f.Add([]byte(`1e400`), []byte(``), "", 429)
	f.Fuzz(func(t *testing.T, event, response []byte, fault string, status int) {
		if checkJSON(event) != nil {
			t.Skip("acceptors refuse it")
		}
		n := givenUp()
		n.Payload, n.Event.Response, n.Response = event, response, &esm.NoticeResponse{Status: status, Fault: fault, Version: "1"}
		text, err := document(n, true)
		if err != nil || !json.Valid(text) || !utf8.Valid(text) {
			t.Fatalf("%s of %q and %q: %v", text, event, response, err)
		}
		if !bytes.Contains(text, append([]byte(`"requestPayload":`), append(event, `,"responseContext":{`...)...)) {
			t.Errorf("%s lacks %q", text, event)
		}
		isJSON := json.Valid(response) && utf8.Valid(response)
		if ends := bytes.HasSuffix(text, append([]byte(`},"responsePayload":`), append(response, '}')...)); ends != isJSON {
			t.Errorf("%s of the response %q", text, response)
		}
		if bytes.HasSuffix(text, []byte(`"}}`)) && bytes.Contains(text, []byte(`"deliveryError":{"statusCode":400,`)) == isJSON {
			t.Errorf("%s of the response %q", text, response)
		}
	})
}

func TestEventObjectKeys(t *testing.T) {
	const at = "aws/lambda/async/thumbs/2026/03/04/2026-03-04T05.06.07-"
	for _, function := range []string{thumbsARN + ":live", thumbsARN} {
		n := givenUp()
		n.FunctionArn = function
		if got, err := objectKey(n); err != nil || got != at+n.ID {
			t.Errorf("%s: got %s, %v", function, got, err)
		}
	}
	n := givenUp()
	n.FunctionArn = "arn:aws:lambda"
	if got, err := objectKey(n); !errors.Is(err, esm.ErrUndeliverable) {
		t.Errorf("a notice of no function: %s, %v", got, err)
	}
}

// sized returns n with a response that makes its record size bytes long.
func sized(t *testing.T, n esm.Notice, size int) esm.Notice {
	t.Helper()
	fill := func(length int) []byte {
		n.Event.Response = json.RawMessage(`"` + strings.Repeat("x", length) + `"`)
		text, err := document(n, true)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	fill(size - len(fill(0)))
	return n
}

func TestRecordsForTopics(t *testing.T) {
	for name, c := range map[string]struct {
		notice          esm.Notice
		payloads, fails bool
	}{
		"a failure that fits":    {sized(t, givenUp(), topicLimit), true, false},
		"a failure too large":    {sized(t, givenUp(), topicLimit+1), false, false},
		"a success that fits":    {sized(t, succeeded(), topicLimit), true, false},
		"a success too large":    {sized(t, succeeded(), topicLimit+1), false, true},
		"a response not JSON":    {made(func(n *esm.Notice) { n.Event.Response = bytes.Repeat([]byte("x"), topicLimit) }), true, false},
		"one of many characters": {made(func(n *esm.Notice) { n.Payload = []byte(`"` + strings.Repeat("ä", topicLimit/2) + `"`) }), false, false},
	} {
		m, err := topicMessage(c.notice)
		if errors.Is(err, esm.ErrUndeliverable) != c.fails || (err != nil) != c.fails {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		whole, _ := document(c.notice, true)
		var record map[string]json.RawMessage
		switch {
		case c.fails:
		case c.payloads && m.body != string(whole):
			t.Errorf("%s: got %.300s", name, m.body)
		case json.Unmarshal([]byte(m.body), &record) != nil, len(m.body) > topicLimit, (record["requestPayload"] != nil) != c.payloads,
			record["responseContext"] == nil, !c.payloads && record["responsePayload"] != nil:
			t.Errorf("%s: got %.300s", name, m.body)
		}
	}
}
