package runtimeapi_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/invoker/telemetry"
)

// Any registered extension may subscribe, also an internal one. The path may end with a slash.
func TestSubscriptions(t *testing.T) {
	bubble(t, func(r *rig) {
		var got []string
		r.session.Subscribe = func(name string, api telemetry.API, body []byte) *telemetry.Problem {
			if len(body) == 0 {
				return &telemetry.Problem{Status: 400, Type: "ValidationError", Message: "no <body>"}
			}
			got = append(got, name, string(api), string(body))
			return nil
		}
		id := identified(r.register("internal", `{"events":[]}`))
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry/", strings.NewReader("a"), id), 200, "\"OK\"\n")
		r.want(r.do(http.MethodPut, "/2020-08-15/logs", strings.NewReader("b"), id), 200, "\"OK\"\n")
		if want := []string{"internal", "Telemetry", "a", "internal", "Logs", "b"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		const other = "b8e1b1a4-3f5a-4d0c-9f05-5f1b3b0f5a11"
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry", nil, id), 400, extensionError("ValidationError", "no <body>"))
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry", nil, identified(other)), 403,
			extensionError("Extension.UnknownExtensionIdentifier", "Unknown extension "+other))
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry", nil), 403,
			extensionError("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
		r.want(r.do(http.MethodPut, "/2020-08-15/logs", nil, identified("x")), 403,
			extensionError("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
		r.want(r.do(http.MethodPut, "/2020-08-15/logs", bytes.NewReader(make([]byte, 1<<20+1)), id), 400,
			extensionError("ValidationError", "http: request body too large"))
		time.Sleep(time.Second) // the server leaves the client time to read that
		if got := r.do(http.MethodPost, "/2022-07-01/telemetry", nil, id); got.status != 405 {
			t.Errorf("POST: got %d", got.status)
		}
	})
}

// The owner learns when the answer began and ended and what it weighs, and when the runtime asks for more, while extensions
// still work.
func TestTimes(t *testing.T) {
	bubble(t, func(r *rig) {
		began := time.Now()
		id := r.register("ext", `{"events":["INVOKE"]}`)
		r.poll(r.Context(), id)
		c := r.park(r.Context())
		r.idle()
		r.dispatch(idA)
		<-c
		time.Sleep(time.Second)
		body, write := io.Pipe()
		go func() { // the bubble waits for it
			_, _ = io.WriteString(write, "12345")
			time.Sleep(time.Second)
			_ = write.Close()
		}()
		r.want(r.do(http.MethodPost, response(idA), body), 202, okay)
		a := r.answer()
		if a.Began.Sub(began) != time.Second || a.Ended.Sub(began) != 2*time.Second || a.Produced != 5 {
			t.Errorf("the answer of %d bytes took from %v to %v", a.Produced, a.Began.Sub(began), a.Ended.Sub(began))
		}
		time.Sleep(time.Second)
		r.park(r.Context())
		r.wantBusy()
		select {
		case at := <-r.session.Asked():
			if at.Sub(began) != 3*time.Second {
				t.Errorf("the runtime asked at %v", at.Sub(began))
			}
		default:
			t.Error("it is not known that the runtime has asked")
		}
	}, "ext")
}
