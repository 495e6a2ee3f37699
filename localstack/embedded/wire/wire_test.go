package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// A counter is a service with a few operations.
type counter struct{ total int }

type addInput struct {
	By    int
	Named struct{ Label *string }
	Odd   odd
}

type odd int

// UnmarshalJSON refuses even numbers.
func (o *odd) UnmarshalJSON(b []byte) error {
	if strings.ContainsAny(string(b[len(b)-1:]), "02468") {
		return Errorf("counter#EvenException", "%s is even.", b)
	}
	return nil
}

func (c *counter) add(in addInput) (map[string]int, error) {
	switch in.By {
	case 0:
		return nil, fmt.Errorf("add: %w", &Error{Status: 409, Type: "counter#ZeroException", Message: "No.", Code: "Counter.Zero", More: map[string]any{"Total": c.total}})
	case -1:
		return nil, errors.New("disk full")
	}
	c.total += in.By
	return map[string]int{"Total": c.total}, nil
}

func (c *counter) watch(w http.ResponseWriter, _ *http.Request, body []byte) error {
	if len(body) > 0 {
		return Errorf("counter#BusyException", "Busy.")
	}
	_, err := io.WriteString(w, "raw")
	return err
}

func (c *counter) reset(Empty) error { return nil }

var counterAPI = API[*counter]{
	Name: "Counter", Target: "Counter_2026.", Version: "1.1",
	Operations:  map[string]Operation[*counter]{"Add": Call((*counter).add), "Reset": Do((*counter).reset)},
	Raw:         map[string]RawOperation[*counter]{"Watch": (*counter).watch},
	Unsupported: []string{"Subtract"},
}

func post(api API[*counter], target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	w := httptest.NewRecorder()
	api.Serve(new(counter), w, r)
	return w
}

func TestServe(t *testing.T) {
	ids := make(map[string]bool)
	for _, test := range []struct {
		target, body string
		status       int
		want         string
	}{
		{"Counter_2026.Add", `{"By":2,"Unknown":{}}`, 200, `{"Total":2}`},
		{"Counter_2026.Add", ``, 409, `{"Total":0,"__type":"counter#ZeroException","message":"No."}`},
		{"Counter_2026.Add", `{"By":-1}`, 500, `{"__type":"com.amazon.coral.service#InternalFailure","message":"disk full"}`},
		{"Counter_2026.Add", `{"By":"2"}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"By: string can not be converted to int."}`},
		{"Counter_2026.Add", `{"Named":{"Label":1}}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"Named.Label: number can not be converted to string."}`},
		{"Counter_2026.Add", `{"By":1}{}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"The request could not be decoded: invalid character '{' after top-level value."}`},
		{"Counter_2026.Add", `{"By":1,"Odd":12}`, 400, `{"__type":"counter#EvenException","message":"12 is even."}`},
		{"Counter_2026.Reset", `{}`, 200, `{}`},
		{"Counter_2026.Watch", ``, 200, `raw`},
		{"Counter_2026.Watch", `{}`, 400, `{"__type":"counter#BusyException","message":"Busy."}`},
		{"Counter_2026.Subtract", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"Subtract is not supported by the embedded Counter."}`},
		{"Counter_2026.Dance", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"Counter has no operation \"Dance\"."}`},
		{"Clock.Add", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"\"Clock.Add\" is not an operation of Counter."}`},
		{"Add", `{"By":2}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"\"Add\" is not an operation of Counter."}`},
	} {
		w := post(counterAPI, test.target, test.body)
		if w.Code != test.status || w.Body.String() != test.want {
			t.Errorf("%s %s: got %d %s, want %d %s", test.target, test.body, w.Code, w.Body, test.status, test.want)
		}
		if test.want == "raw" {
			continue
		}
		h := w.Header()
		if h.Get("Content-Type") != "application/x-amz-json-1.1" || h.Get("X-Amzn-Query-Error") != "" || ids[h.Get("X-Amzn-RequestId")] {
			t.Errorf("%s %s: got the headers %v", test.target, test.body, h)
		}
		ids[h.Get("X-Amzn-RequestId")] = true
	}
	w := post(counterAPI, "Counter_2026.Add", strings.Repeat(" ", MaxBody+1))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "SerializationException") {
		t.Errorf("body over the limit: got %d %s", w.Code, w.Body)
	}
}

func TestQueryErrors(t *testing.T) {
	api := counterAPI
	api.QueryErrors = true
	for body, want := range map[string]string{`{}`: "Counter.Zero;Sender", `{"By":-1}`: "InternalFailure;Receiver", `{"Odd":2}`: "EvenException;Sender"} {
		if got := post(api, "Counter_2026.Add", body).Header().Get("X-Amzn-Query-Error"); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestPage(t *testing.T) {
	all := []int{1, 2, 3, 4, 5}
	for _, test := range []struct {
		after string
		limit int
		want  string
	}{
		{"", 5, "[1 2 3 4 5] "}, {"", 2, "[1 2] 2"}, {"2", 2, "[3 4] 4"}, {"4", 2, "[5] "}, {"21", 2, "[3 4] 4"}, {"9", 2, "[] "}, {"", 0, "[] "},
	} {
		page, last := Page(all, test.after, test.limit, strconv.Itoa)
		if got := fmt.Sprintf("%v %s", page, last); got != test.want {
			t.Errorf("after %q, limit %d: got %s, want %s", test.after, test.limit, got, test.want)
		}
	}
}

// FuzzServe sends anything: the response is always JSON, and an error is the caller's fault.
func FuzzServe(f *testing.F) {
	f.Add("Add", `{"By":1}`)
	f.Add("Subtract", `{`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if operation == "Watch" || strings.Contains(body, "-") {
			t.Skip("does not respond with JSON, or fails on purpose")
		}
		w := post(counterAPI, "Counter_2026."+operation, body)
		if !json.Valid(w.Body.Bytes()) || w.Code >= http.StatusInternalServerError {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
