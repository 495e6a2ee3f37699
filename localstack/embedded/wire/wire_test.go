package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A bell can be rung, unless it is gone.
type bell struct{ rung int }

type ringInput struct {
	Times int
	Named struct{ Tone *string }
	Odd   odd
}

type odd int

// UnmarshalJSON refuses even numbers.
func (o *odd) UnmarshalJSON(b []byte) error {
	if strings.ContainsAny(string(b[len(b)-1:]), "02468") {
		return Refuse("bells#EvenException", "%s is even.", b)
	}
	return nil
}

func (b *bell) ring(_ *http.Request, in ringInput) (map[string]int, error) {
	switch in.Times {
	case 0:
		return nil, fmt.Errorf("ring: %w", &Refusal{Status: 409, Type: "bells#SilenceException", Message: "No.", Code: "Bells.Silence", More: map[string]any{"Rung": b.rung}})
	case -1:
		return nil, errors.New("the rope broke")
	case -2:
		return nil, &Refusal{Status: 400, Type: "OddException", Message: "No.", More: map[string]any{"Loop": func() {}}}
	}
	b.rung += in.Times
	return map[string]int{"Rung": b.rung}, nil
}

func (b *bell) listen(w http.ResponseWriter, _ *http.Request, body []byte) error {
	if len(body) > 0 {
		return Refuse("bells#DeafException", "Hush.")
	}
	_, err := io.WriteString(w, "ding")
	return err
}

func (b *bell) stop(*http.Request, None) (None, error) { return None{}, nil }

var bells = API[*bell]{
	Name: "Bells", Target: "Bells_2026.", Version: "1.1",
	Operations: map[string]Operation[*bell]{"Ring": Call((*bell).ring), "Stop": Call((*bell).stop)},
	Streams:    map[string]Stream[*bell]{"Listen": (*bell).listen},
	Lacks:      []string{"Cast"},
}

func post(b *bell, api API[*bell], target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", target)
	w := httptest.NewRecorder()
	api.Serve(b, w, r)
	return w
}

func TestServe(t *testing.T) {
	tests := []struct {
		target, body string
		status       int
		want         string
	}{
		{"Bells_2026.Ring", `{"Times":2,"Nobody":{}}`, 200, `{"Rung":2}`},
		{"Bells_2026.Ring", ``, 409, `{"Rung":0,"__type":"bells#SilenceException","message":"No."}`},
		{"Bells_2026.Ring", `{"Times":-1}`, 500, `{"__type":"com.amazon.coral.service#InternalFailure","message":"the rope broke"}`},
		{"Bells_2026.Ring", `{"Times":-2}`, 400, `{"__type":"OddException","message":"No. (json: error calling MarshalJSON for type *wire.Refusal: json: unsupported type: func())"}`},
		{"Bells_2026.Ring", `{"Times":"2"}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"Times: string can not be converted to int."}`},
		{"Bells_2026.Ring", `{"Named":{"Tone":1}}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"Named.Tone: number can not be converted to string."}`},
		{"Bells_2026.Ring", `{"Times":1}{}`, 400, `{"__type":"com.amazon.coral.service#SerializationException","message":"The request is not JSON: invalid character '{' after top-level value."}`},
		{"Bells_2026.Ring", `{"Times":1,"Odd":12}`, 400, `{"__type":"bells#EvenException","message":"12 is even."}`},
		{"Bells_2026.Stop", `{}`, 200, `{}`},
		{"Bells_2026.Listen", ``, 200, `ding`},
		{"Bells_2026.Listen", `{}`, 400, `{"__type":"bells#DeafException","message":"Hush."}`},
		{"Bells_2026.Cast", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"Cast is not supported by the embedded Bells."}`},
		{"Bells_2026.Dance", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"Bells has no operation \"Dance\"."}`},
		{"Drums.Ring", `{}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"\"Drums.Ring\" is not an operation of Bells."}`},
		{"Ring", `{"Times":2}`, 400, `{"__type":"com.amazon.coral.service#UnknownOperationException","message":"\"Ring\" is not an operation of Bells."}`},
	}
	for _, test := range tests {
		w := post(new(bell), bells, test.target, test.body)
		if w.Code != test.status || w.Body.String() != test.want {
			t.Errorf("%s %s: got %d %s, want %d %s", test.target, test.body, w.Code, w.Body, test.status, test.want)
		}
		if got := w.Header().Get("X-Amzn-Query-Error"); got != "" {
			t.Errorf("%s %s: got the old name %q", test.target, test.body, got)
		}
		if got, want := w.Header().Get("Content-Type"), "application/x-amz-json-1.1"; got != want && test.want != "ding" {
			t.Errorf("%s %s: got %q, want %q", test.target, test.body, got, want)
		}
	}
}

func TestOldNames(t *testing.T) {
	api := bells
	api.OldNames = true
	for body, want := range map[string]string{
		`{}`: "Bells.Silence;Sender", `{"Times":-1}`: "InternalFailure;Receiver", `{"Times":-2}`: "OddException;Sender",
	} {
		if got := post(new(bell), api, "Bells_2026.Ring", body).Header().Get("X-Amzn-Query-Error"); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	first, second := post(new(bell), bells, "Bells_2026.Stop", ""), post(new(bell), bells, "Bells_2026.Cast", "")
	a, b := first.Header().Get("X-Amzn-RequestId"), second.Header().Get("X-Amzn-RequestId")
	if a == "" || b == "" || a == b {
		t.Errorf("got the request ids %q and %q", a, b)
	}
}

func TestTooLarge(t *testing.T) {
	w := post(new(bell), bells, "Bells_2026.Ring", strings.Repeat(" ", MaxBody+1))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "SerializationException") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestRefusalAsError(t *testing.T) {
	if got, want := Refuse("a#B", "no %d", 1).Error(), "B: no 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzServe sends anything: the answer is always JSON, and a refusal is the caller's fault.
func FuzzServe(f *testing.F) {
	f.Add("Ring", `{"Times":1}`)
	f.Add("Cast", `{`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if operation == "Listen" || strings.Contains(body, "-") {
			t.Skip("no JSON, and what breaks on purpose")
		}
		w := post(new(bell), bells, "Bells_2026."+operation, body)
		if !json.Valid(w.Body.Bytes()) || w.Code >= http.StatusInternalServerError {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}
