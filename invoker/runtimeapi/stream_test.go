package runtimeapi_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// receiver is a caller's ResponseStream.
type receiver struct {
	begun string // the media type, once it began, and "none" if that is empty
	got   strings.Builder
	pause time.Duration // of each Write
	fails int           // the Write with this number, counted from 1
	calls int
	size  int // counted instead of kept, if it is not negative
}

func (r *receiver) Begin(contentType string) {
	if r.begun != "" {
		panic("begun twice")
	}
	r.begun = contentType
	if contentType == "" {
		r.begun = "none"
	}
}

func (r *receiver) Write(p []byte) (int, error) {
	if r.begun == "" || len(p) == 0 {
		panic("written before it began, or nothing")
	}
	time.Sleep(r.pause)
	if r.calls++; r.calls == r.fails {
		return 0, errors.New("the client is gone")
	}
	if r.size >= 0 {
		r.size += len(p)
		return len(p), nil
	}
	return r.got.Write(p)
}

func newReceiver() *receiver { return &receiver{size: -1} }

// giveTo is give with a receiver for the response.
func (r *rig) giveTo(id string, to esm.ResponseStream) {
	r.Helper()
	c := r.park(r.Context())
	r.idle()
	ev := event(id)
	ev.Stream = to
	if err := r.session.Dispatch(ev); err != nil {
		r.Fatal(err)
	}
	<-c
}

var streams = header("Lambda-Runtime-Function-Response-Mode", "streaming")

func (r *rig) wantStreamed(payload, fault, errorType string) {
	r.Helper()
	a := r.answer()
	if got := a.Response; string(got.Payload) != payload || got.Fault != fault || a.ErrorType != errorType || !got.Streamed || got.Status != 200 {
		r.Errorf("got %s %+v, want fault %q, type %q, payload %s", got.Payload, a, fault, errorType, payload)
	}
}

// Each part is passed on when it arrives, while the rest is not there yet.
func TestStreamPassesPartsOn(t *testing.T) {
	bubble(t, func(r *rig) {
		to := newReceiver()
		r.giveTo(idA, to)
		read, write := io.Pipe()
		done := make(chan reply, 1)
		go func() {
			done <- r.do(http.MethodPost, response(idA), read, streams, header("Content-Type", "text/event-stream"))
		}()
		var want string
		for _, part := range []string{"one\n", "two\n", strings.Repeat("x", 100_000)} {
			if _, err := io.WriteString(write, part); err != nil {
				r.Fatal(err)
			}
			want += part
			synctest.Wait()
			if to.begun != "text/event-stream" || to.got.String() != want {
				r.Fatalf("got %s %.100q after %.100q", to.begun, to.got.String(), want)
			}
			r.noAnswer()
		}
		r.want(r.get(next), 403, forbidden("InvocationResponse", "Ready"))
		write.Close()
		r.want(<-done, 202, okay)
		r.wantStreamed("", "", "")
		r.give(idB) // the runtime lives on
	})
}

func TestStreamEnds(t *testing.T) {
	const late = `{"errorMessage":"late"}`
	inBase64 := base64.StdEncoding.EncodeToString([]byte(late))
	for _, tt := range []struct {
		name                      string
		body                      string
		edits                     []edit
		begun, got                string
		payload, fault, errorType string
	}{
		{"success", "[1]", []edit{chunked, header("Content-Type", "text/plain")}, "text/plain", "[1]", "", "", ""},
		{"without a type", "[1]", []edit{chunked}, "none", "[1]", "", "", ""},
		{"with a length", "[1]", nil, "none", "[1]", "", "", ""},
		{"empty", "", []edit{chunked}, "none", "", "", "", ""},
		{"empty trailers", "[1]", []edit{chunked, trailers("", "")}, "none", "[1]", "", "", ""},
		{"failure", "half", []edit{chunked, trailers("Function.Late", inBase64)}, "none", "half", late, "Unhandled", "Function.Late"},
		{"failure before the first byte", "", []edit{chunked, trailers("Function.Late", inBase64)}, "none", "", late, "Unhandled", "Function.Late"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				to := newReceiver()
				r.giveTo(idA, to)
				r.want(r.post(response(idA), tt.body, append(tt.edits, streams)...), 202, okay)
				if to.begun != tt.begun || to.got.String() != tt.got {
					r.Errorf("the caller got %q of type %s", to.got.String(), to.begun)
				}
				r.wantStreamed(tt.payload, tt.fault, tt.errorType)
				r.want(r.post(failure(idA), "{}"), 403, forbidden("RuntimeResponseSentState", "InvocationErrorResponse"))
			})
		})
	}
}

// What is not streamed does not go to the receiver.
func TestReceiverOfAWholeResponse(t *testing.T) {
	bubble(t, func(r *rig) {
		for _, path := range []string{response(idA), failure(idA)} {
			to := newReceiver()
			r.giveTo(idA, to)
			r.want(r.post(path, "[1]"), 202, okay)
			if a := r.answer(); string(a.Response.Payload) != "[1]" || a.Response.Streamed || to.begun != "" {
				r.Errorf("got %+v, begun %q", a, to.begun)
			}
		}
	})
}

// A stream without a receiver is collected, and known as one.
func TestStreamIsCollected(t *testing.T) {
	bubble(t, func(r *rig) {
		for _, tt := range []struct{ kind, body, payload, fault string }{
			{"", "", "[1]", ""},
			{"Function.Late", "e30=", "{}", "Unhandled"},
		} {
			r.give(idA)
			r.want(r.post(response(idA), "[1]", streams, chunked, trailers(tt.kind, tt.body)), 202, okay)
			if a := r.answer(); string(a.Response.Payload) != tt.payload || a.Response.Fault != tt.fault || !a.Response.Streamed {
				r.Errorf("got %s %+v, want %s, fault %q", a.Response.Payload, a, tt.payload, tt.fault)
			}
		}
	})
}

// A receiver that is gone does not disturb the runtime; one that is slow holds it up.
func TestReceiverFails(t *testing.T) {
	bubble(t, func(r *rig) {
		to := newReceiver()
		to.fails = 2
		r.giveTo(idA, to)
		r.want(r.post(response(idA), strings.Repeat("x", 1<<20), streams, chunked), 202, okay)
		if got := to.got.Len(); got == 0 || got > 100_000 || to.calls != 2 {
			r.Errorf("%d bytes in %d calls", got, to.calls)
		}
		r.wantStreamed("", "", "")

		to = newReceiver()
		to.pause = time.Minute
		r.giveTo(idB, to)
		began := time.Now()
		r.want(r.post(response(idB), strings.Repeat("x", 1<<20), streams, chunked), 202, okay)
		if took := time.Since(began); took != time.Duration(to.calls)*time.Minute || to.got.Len() != 1<<20 {
			r.Errorf("%d calls took %v", to.calls, took)
		}
		r.wantStreamed("", "", "")
	})
}

// zeros are n bytes.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.n)
	clear(p[:n])
	z.n -= n
	return n, nil
}

func TestStreamIsLimited(t *testing.T) {
	const sizeFailure = `{"errorMessage":"Response payload size exceeded maximum allowed payload size (209715200 bytes).","errorType":"Function.ResponseSizeTooLarge"}`
	bubble(t, func(r *rig) {
		for more, status := range []int{202, 413} {
			to := &receiver{}
			r.giveTo(idA, to)
			got := r.do(http.MethodPost, response(idA), &zeros{esm.MaxStreamedResponse + more}, streams)
			if got.status != status || to.size != esm.MaxStreamedResponse {
				r.Errorf("got %+v, and %d bytes", got, to.size)
			}
			if status == 202 {
				r.wantStreamed("", "", "")
			} else {
				r.wantStreamed(sizeFailure, "Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge")
			}
		}
		r.give(idB) // the runtime lives on
	})
}

func TestStreamBreaksOff(t *testing.T) {
	bubble(t, func(r *rig) {
		to := newReceiver()
		r.giveTo(idA, to)
		c, err := r.pipes.dial(r.Context(), "", "")
		if err != nil {
			r.Fatal(err)
		}
		if _, err := io.WriteString(c, "POST "+response(idA)+" HTTP/1.1\r\nHost: "+host+
			"\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"); err != nil {
			r.Fatal(err)
		}
		c.Close()
		a := r.answer()
		if !a.Truncated || !a.Response.Streamed || a.Response.Fault != "Runtime.TruncatedResponse" || to.got.String() != "half" {
			r.Errorf("got %+v, and the caller %q", a, to.got.String())
		}
	})
}
