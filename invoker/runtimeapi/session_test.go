package runtimeapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

func TestNext(t *testing.T) {
	bubble(t, func(r *rig) {
		c := r.park(r.Context())
		r.idle()
		time.Sleep(24 * time.Hour) // in the bubble: nothing gives up
		ev := event(idA)
		ev.ClientContext = `{"client":{}}`
		if err := r.session.Dispatch(ev); err != nil {
			r.Fatal(err)
		}
		got := <-c
		r.want(got, 200, "{\"a\": 1}\n ")
		for name, want := range map[string]string{
			"Lambda-Runtime-Aws-Request-Id":       idA,
			"Lambda-Runtime-Deadline-Ms":          "1542409706888",
			"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:0:function:f:live",
			"Lambda-Runtime-Trace-Id":             "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
			"Lambda-Runtime-Client-Context":       `{"client":{}}`,
			"Lambda-Runtime-Cognito-Identity":     "",
			"Content-Type":                        "application/json",
			"Content-Length":                      "10",
		} {
			if got := got.header.Get(name); got != want {
				r.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		// It is handed out again until it is answered.
		r.want(r.get(next), 200, "{\"a\": 1}\n ")
		r.want(r.post(response(idA), "1"), 202, okay)
		r.answer()
		if got := r.give(idB); got.header.Get("Lambda-Runtime-Aws-Request-Id") != idB || got.header["Lambda-Runtime-Client-Context"] != nil {
			r.Errorf("got headers %v", got.header)
		}
	})
}

func TestDispatchNeedsAnIdleRuntime(t *testing.T) {
	bubble(t, func(r *rig) {
		r.wantNotReady() // before its first request
		r.give(idA)
		r.wantNotReady() // while it works
		r.post(response(idA), "1")
		r.wantNotReady() // before it asks again
	})
}

func TestNewestConnectionGetsTheEvent(t *testing.T) {
	bubble(t, func(r *rig) {
		first := r.park(r.Context())
		r.idle()
		ctx, cancel := context.WithCancel(r.Context())
		second := r.park(ctx)
		third := r.park(r.Context())
		select {
		case <-r.session.Idle():
			r.Error("waiting twice is being idle once")
		default:
		}
		r.dispatch(idA)
		r.want(<-third, 200, "{\"a\": 1}\n ")
		r.want(r.post(response(idA), "1"), 202, okay)
		r.answer()
		fourth := r.park(r.Context())
		r.idle()
		cancel() // between the other two
		<-second
		synctest.Wait()
		r.dispatch(idB)
		r.want(<-fourth, 200, "{\"a\": 1}\n ")
		if len(first) > 0 {
			r.Error("the oldest request was answered too")
		}
	})
}

func TestLostConnectionDoesNotLoseTheEvent(t *testing.T) {
	bubble(t, func(r *rig) {
		ctx, cancel := context.WithCancel(r.Context())
		r.park(ctx)
		r.idle()
		cancel()
		synctest.Wait()
		r.dispatch(idA)
		r.want(r.get(next), 200, "{\"a\": 1}\n ")

		// The connection is lost at the very moment of dispatch.
		r.post(response(idA), "1")
		r.answer()
		ctx, cancel = context.WithCancel(r.Context())
		older := r.park(r.Context())
		r.park(ctx)
		r.idle()
		cancel()
		r.dispatch(idB)
		synctest.Wait()
		if len(older) == 0 { // it went to the lost one, or was on its way
			r.want(r.get(next), 200, "{\"a\": 1}\n ")
		}
		r.want(r.post(response(idB), "2"), 202, okay)
	})
}

// trailers declares and sends the two trailers of Lambda; the body is given in base64.
func trailers(kind, body string) edit {
	return func(r *http.Request) {
		r.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {kind}, "Lambda-Runtime-Function-Error-Body": {body}}
	}
}

// chunked sends the body without its length.
func chunked(r *http.Request) {
	r.Body, r.ContentLength = io.NopCloser(struct{ io.Reader }{r.Body}), -1
}

func TestAnswers(t *testing.T) {
	const (
		tooLarge    = `{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}` + "\n"
		sizeFailure = `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`
		badMode     = `{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}` + "\n"
		late        = `{"errorMessage":"late"}`
		cause       = "application/vnd.aws.lambda.error.cause+json"
	)
	large := string(make([]byte, esm.MaxResponse))
	inBase64 := base64.StdEncoding.EncodeToString([]byte(late))
	typed := func(contentType, errorType string) []edit {
		return []edit{header("Content-Type", contentType), header("Lambda-Runtime-Function-Error-Type", errorType)}
	}
	stream := header("Lambda-Runtime-Function-Response-Mode", "streaming")
	for _, tt := range []struct {
		name                      string
		path                      func(id string) string
		body                      string
		edits                     []edit
		status                    int
		reply                     string
		payload, fault, errorType string
	}{
		{"with a length", response, `{"a":"<é>"}`, nil, 202, okay, `{"a":"<é>"}`, "", ""},
		{"chunked", response, `[1]`, []edit{chunked}, 202, okay, `[1]`, "", ""},
		{"empty trailers", response, `[1]`, []edit{chunked, trailers("", "")}, 202, okay, `[1]`, "", ""},
		{"empty", response, "", nil, 202, okay, "", "", ""},
		{"no JSON", response, "\x00\xff", nil, 202, okay, "\x00\xff", "", ""},
		{"streamed", response, `[1]`, []edit{chunked, stream}, 202, okay, `[1]`, "", ""},
		{"largest", response, large, nil, 202, okay, large, "", ""},
		{"largest, chunked", response, large, []edit{chunked}, 202, okay, large, "", ""},
		{"too large", response, large + "x", nil, 413, tooLarge, sizeFailure, "Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge"},
		{"too large, chunked", response, large + "x", []edit{chunked}, 413, tooLarge, sizeFailure, "Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge"},
		{"invalid mode", response, "1", []edit{header("Lambda-Runtime-Function-Response-Mode", "quick")}, 400, badMode, "", "Runtime.InvalidResponseModeHeader", "Runtime.InvalidResponseModeHeader"},
		{"error trailers", response, "half", []edit{chunked, trailers("Function.Late", inBase64)}, 202, okay, late, "Unhandled", "Function.Late"},
		{"error trailers of a stream", response, "half", []edit{chunked, stream, trailers("", inBase64)}, 202, okay, late, "Unhandled", "Runtime.Unknown"},
		{"error type alone", response, "half", []edit{chunked, trailers("*errors.errorString", "")}, 202, okay, `{"errorType":"*errors.errorString","errorMessage":""}`, "Unhandled", "Runtime.Unknown"},
		{"error body that is not base64", response, "half", []edit{chunked, trailers("Function.Late", "no!")}, 202, okay, `{"errorType":"Function.Late","errorMessage":""}`, "Unhandled", "Function.Late"},
		{"error", failure, late, typed("application/json", "Runtime.NoSuchHandler"), 202, okay, late, "Unhandled", "Runtime.NoSuchHandler"},
		{"error that is not JSON", failure, " no JSON ", typed("application/json", "xFunction.Bad<"), 202, okay, " no JSON ", "Unhandled", "xFunction.Bad<"},
		{"unknown error type of a function", failure, "{}", typed("application/json", "Function.bad"), 202, okay, "{}", "Unhandled", "Function.Unknown"},
		{"unknown error type", failure, "{}", typed("application/json", "unhandled"), 202, okay, "{}", "Unhandled", "Runtime.Unknown"},
		{"long error type", failure, "{}", typed("application/json", "Runtime.A"+strings.Repeat("x", 300)), 202, okay, "{}", "Unhandled", "Runtime.Unknown"},
		{"error with nothing", failure, "", nil, 202, okay, "", "Unhandled", "Runtime.Unknown"},
		{"error with a cause", failure, `{"errorMessage":"m","errorType":"t","stackTrace":["a","b"],"errorCause":{"x":1}}`, typed(cause, ""), 202, okay,
			`{"errorMessage":"m","errorType":"t","stackTrace":["a","b"]}`, "Unhandled", "Runtime.Unknown"},
		{"bad error with a cause", failure, `no`, typed(cause+"; charset=utf-8", ""), 202, okay, `Invalid error body`, "Unhandled", "Runtime.Unknown"},
		{"large header", failure, "{}", []edit{header("Lambda-Runtime-Function-XRay-Error-Cause", strings.Repeat("x", 2<<20))}, 202, okay, "{}", "Unhandled", "Runtime.Unknown"},
	} {
		check := func(r *rig, path string) {
			r.want(r.post(path, tt.body, tt.edits...), tt.status, tt.reply)
			a := r.answer()
			if string(a.Response.Payload) != tt.payload || a.Response.Fault != tt.fault || a.ErrorType != tt.errorType {
				r.Errorf("got %.1000q, fault %q, type %q", a.Response.Payload, a.Response.Fault, a.ErrorType)
			}
			if a.Response.Status != 200 || a.Response.Version != "$LATEST" || a.Truncated {
				r.Errorf("got %+v", a)
			}
		}
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				for range 2 { // the runtime lives on
					r.give(idA)
					check(r, tt.path(idA))
					r.want(r.post(failure(idA), "{}"), 403, forbidden("RuntimeResponseSentState", "InvocationErrorResponse"))
				}
			})
			if tt.path(idA) == failure(idA) {
				bubble(t, func(r *rig) { check(r, initE) })
			}
		})
	}
}

// The connection of a runtime that never ends its answer is closed.
func TestTooLargeWithoutEnd(t *testing.T) {
	bubble(t, func(r *rig) {
		r.give(idA)
		began := time.Now()
		body := io.MultiReader(bytes.NewReader(make([]byte, esm.MaxResponse+1)), stuck{r.Context()})
		got := r.do(http.MethodPost, response(idA), struct{ io.Reader }{body})
		if took := time.Since(began); took != 5*time.Second {
			r.Errorf("took %v, want 5 s", took)
		}
		if got.status != 413 && got.trouble == nil {
			r.Errorf("got %+v", got)
		}
		r.answer()
	})
}

type stuck struct{ ctx context.Context }

func (s stuck) Read([]byte) (int, error) {
	select {
	case <-s.ctx.Done():
	case <-time.After(time.Minute):
	}
	return 0, io.EOF
}

func TestTruncatedBodies(t *testing.T) {
	for name, head := range map[string]string{
		"length":          "Content-Length: 10\r\n\r\nhal",
		"chunked":         "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"malformed chunk": "Transfer-Encoding: chunked\r\n\r\nZ\r\n",
		"nothing":         "Content-Length: 10\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.give(idA)
				c, err := r.pipes.dial(r.Context(), "", "")
				if err != nil {
					r.Fatal(err)
				}
				if _, err := io.WriteString(c, "POST "+response(idA)+" HTTP/1.1\r\nHost: "+host+"\r\n"+head); err != nil {
					r.Fatal(err)
				}
				c.Close()
				a := r.answer()
				want := `{"errorType":"Runtime.TruncatedResponse","errorMessage":"RequestId: ` + idA + ` Error: HTTP request detected as truncated"}`
				if got := string(a.Response.Payload); got != want || !a.Truncated || a.Response.Fault != "Runtime.TruncatedResponse" {
					r.Errorf("got %s, %+v", got, a)
				}
			})
		})
	}
}

// Every call in every state.
func TestStates(t *testing.T) {
	bubble(t, func(r *rig) { // Started
		r.want(r.post(response(idA), "1"), 400, invalidID)
		r.want(r.post(failure(idA), "1"), 400, invalidID)
	})
	bubble(t, func(r *rig) { // InitError
		r.want(r.post(initE, "{}"), 202, okay)
		r.want(r.get(next), 403, forbidden("InitError", "Ready"))
		r.want(r.post(initE, "{}"), 403, forbidden("InitError", "InitError"))
		r.want(r.post(response(idA), "1"), 400, invalidID)
	})
	bubble(t, func(r *rig) { // Ready
		r.park(r.Context())
		r.want(r.post(initE, "{}"), 403, forbidden("Ready", "InitError"))
		r.want(r.post(response(idA), "1"), 400, invalidID)
		r.want(r.post(failure(idA), "1"), 400, invalidID)
	})
	bubble(t, func(r *rig) { // Running
		r.give(idA)
		r.want(r.post(initE, "{}"), 403, forbidden("Running", "InitError"))
		r.want(r.post(response(idB), "1"), 400, invalidID)
		r.want(r.post(failure(idB), "1"), 400, invalidID)
		r.noAnswer()
		r.want(r.post(response(idA), "1"), 202, okay)
		r.answer()
		// RuntimeResponseSentState
		r.want(r.post(response(idA), "2"), 403, forbidden("RuntimeResponseSentState", "InvocationResponse"))
		r.want(r.post(failure(idA), "2"), 403, forbidden("RuntimeResponseSentState", "InvocationErrorResponse"))
		r.want(r.post(initE, "{}"), 403, forbidden("RuntimeResponseSentState", "InitError"))
		r.want(r.post(response(idB), "1"), 400, invalidID)
		r.noAnswer()
		r.park(r.Context())
		r.idle()
		r.want(r.post(response(idA), "2"), 400, invalidID) // no longer the current one
	})
	bubble(t, func(r *rig) { // InvocationResponse
		r.give(idA)
		read, write := io.Pipe()
		done := make(chan reply, 1)
		go func() { done <- r.do(http.MethodPost, response(idA), read) }()
		if _, err := io.WriteString(write, "half"); err != nil {
			r.Fatal(err)
		}
		synctest.Wait()
		r.want(r.get(next), 403, forbidden("InvocationResponse", "Ready"))
		r.want(r.post(response(idA), "2"), 403, forbidden("InvocationResponse", "InvocationResponse"))
		r.want(r.post(failure(idA), "2"), 403, forbidden("InvocationResponse", "InvocationErrorResponse"))
		write.Close()
		r.want(<-done, 202, okay)
		r.answer()
	})
}

func TestClosedSession(t *testing.T) {
	bubble(t, func(r *rig) {
		r.give(idA)
		read, write := io.Pipe()
		done := make(chan reply, 1)
		go func() { done <- r.do(http.MethodPost, response(idA), read) }()
		synctest.Wait()
		r.session.Close() // in the midst of the answer
		write.Close()
		r.want(<-done, 400, invalidID)
		r.want(r.post(response(idA), "1"), 400, invalidID)
		c := r.park(r.Context())
		time.Sleep(time.Hour)
		if len(c) > 0 {
			r.Error("a request for an event was answered")
		}
		r.noAnswer()
		r.wantNotReady()
	})
}

func TestPathsAndMethods(t *testing.T) {
	bubble(t, func(r *rig) {
		r.want(r.get("/2018-06-01/ping"), 200, "pong")
		for _, tt := range []struct {
			method, path string
			status       int
		}{
			{"POST", next, 405},
			{"GET", response(idA), 405},
			{"PUT", failure(idA), 405},
			{"GET", initE, 405},
			{"DELETE", "/2018-06-01/ping", 405},
			{"GET", "/2020-01-01/extension/register", 405},
			{"POST", "/2020-01-01/extension/event/next", 405},
			{"GET", "/2022-07-01/telemetry", 405},
			{"GET", "/", 404},
			{"GET", "/2018-06-01/runtime/restore/next", 404},
			{"POST", "/2018-06-01/runtime/restore/error", 404},
			{"POST", "/2018-06-01/runtime/invocation/" + idA, 404},
			{"POST", response(idA) + "/more", 404},
			{"GET", "/2021-04-23/credentials", 404},
		} {
			if got := r.do(tt.method, tt.path, nil); got.status != tt.status {
				r.Errorf("%s %s: got %d, want %d", tt.method, tt.path, got.status, tt.status)
			}
		}
	})
}

func TestHosts(t *testing.T) {
	bubble(t, func(r *rig) {
		for _, h := range []string{"127.0.0.1:9001", "rt-0123456789abcdef.lambda.internal", "evil.example"} {
			if got := r.do(http.MethodGet, "/2018-06-01/ping", nil, func(q *http.Request) { q.Host = h }); got.status != 404 {
				r.Errorf("%s: got %d, want 404", h, got.status)
			}
		}
	})
}

func TestQuiet(t *testing.T) {
	bubble(t, func(r *rig) {
		r.host.Quiet(r.Context()) // no connection yet
		r.get("/2018-06-01/ping")
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		began := time.Now()
		r.host.Quiet(ctx)
		if took := time.Since(began); took != time.Second {
			r.Errorf("waited for %v with a connection open, want 1 s", took)
		}
		r.client.CloseIdleConnections()
		r.host.Quiet(r.Context())
	})
}
