package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// streams makes the function write a response in parts, with a second between them, and end as given.
func (r *rig) streams(contentType string, end esm.Response, parts ...string) {
	r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		if c.Stream == nil {
			return esm.Response{Payload: []byte(strings.Join(parts, ""))}, nil
		}
		c.Stream.Begin(contentType)
		for _, p := range parts {
			if n, err := c.Stream.Write([]byte(p)); err == nil && n != len(p) {
				return esm.Response{}, errors.New("a short write without an error")
			}
			time.Sleep(time.Second)
		}
		end.Streamed = true
		return end, nil
	}
}

func TestStreamedURL(t *testing.T) {
	const nul = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for _, tt := range []struct {
		name, media string
		end         esm.Response
		parts       []string
		want        string // status, media type, header x-a, cookie, body; ! is a connection that is cut
	}{
		{"of a type", "text/plain", esm.Response{}, []string{"Hello, ", "world!"}, "200 text/plain   Hello, world!"},
		{"of no type", "", esm.Response{}, []string{"a"}, "200 application/octet-stream   a"},
		{"empty", "text/html", esm.Response{}, nil, "200 text/html   "},
		{"described", integrationResponse, esm.Response{}, []string{`{"statusCode":201,"headers":{"x-a":"b","Content-Type":"text/html"},"cookies":["c=d"]}` + nul + "<p>", "more"}, "201 text/html b c=d <p>more"},
		{"described in pieces", integrationResponse, esm.Response{}, []string{`{"statusC`, `ode":202}`, nul[:3], nul[3:], "x"}, "202 application/octet-stream   x"},
		{"described, without a status", integrationResponse, esm.Response{}, []string{"{}" + nul + "x"}, "200 application/octet-stream   x"},
		{"badly described", integrationResponse, esm.Response{}, []string{"{" + nul + "x"}, "502 application/json   Internal Server Error"},
		{"never described", integrationResponse, esm.Response{}, []string{"{}"}, "502 application/json   Internal Server Error"},
		{"described without end", integrationResponse, esm.Response{}, []string{strings.Repeat("x", maxPrelude+1)}, "502 application/json   Internal Server Error"},
		{"failing before its body", integrationResponse, esm.Response{Fault: "Unhandled"}, nil, "502 application/json   Internal Server Error"},
		{"failing in its body", "text/plain", esm.Response{Fault: "Unhandled"}, []string{"Hello"}, "200 text/plain   Hello!"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
			r.streams(tt.media, tt.end, tt.parts...)
			conn := r.serveURL(t)
			fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			cut := ""
			if err != nil {
				cut = "!"
			}
			got := fmt.Sprintf("%d %s %s %s %s%s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("X-A"), resp.Header.Get("Set-Cookie"), body, cut)
			if got != tt.want || resp.Header.Get("X-Amzn-Requestid") == "" || resp.Header.Get("Content-Security-Policy") != sandbox {
				t.Errorf("%s: got %q, want %q, headers %v", tt.name, got, tt.want, resp.Header)
			}
		})
	}
}

// serveURL serves r behind its guard, and returns a connection.
func (r *rig) serveURL(t *testing.T) io.ReadWriteCloser {
	return serve(t, r.guarded())()
}

// TestStreamArrivesInParts tests that a part reaches the client before the next is written.
func TestStreamArrivesInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
		r.streams("text/plain", esm.Response{}, "one", "two", "six")
		conn := r.serveURL(t)
		began := time.Now()
		fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"one", "two", "six"} {
			part := make([]byte, 3)
			if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != want || time.Since(began) != time.Duration(i)*time.Second {
				t.Errorf("got %q, %v after %v", part, err, time.Since(began))
			}
		}
		r.Close(t.Context())
	})
}

// TestStreamEndsLate tests that a response whose handler writes nothing for long before it ends is complete.
func TestStreamEndsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
		r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
			c.Stream.Begin("text/plain")
			c.Stream.Write([]byte("slow"))
			time.Sleep(2 * answerWithin)
			return esm.Response{Streamed: true}, nil
		}
		conn := r.serveURL(t)
		fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "slow" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
	})
}

// TestStreamWithoutReader tests that a client that stops reading delays the function for a bounded time, and that the invocation
// continues.
func TestStreamWithoutReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.giveURL(t, config.FunctionURLConfig{InvokeMode: "RESPONSE_STREAM"})
		var took time.Duration
		over := make(chan struct{})
		r.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
			defer close(over)
			began := time.Now()
			c.Stream.Begin("text/plain")
			for range 10 {
				c.Stream.Write(make([]byte, 1<<20))
			}
			took = time.Since(began)
			return esm.Response{Streamed: true}, nil
		}
		conn := r.serveURL(t)
		fmt.Fprint(conn, "GET /url/f/ HTTP/1.1\r\nHost: x\r\n\r\n")
		<-over
		if took != answerWithin {
			t.Errorf("the function was delayed by %v, want %v", took, answerWithin)
		}
	})
}
