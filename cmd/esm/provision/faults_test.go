package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// unsteady is a service that some calls do not reach, or whose answers get lost.
type unsteady struct {
	http.RoundTripper
	fails func(action string) fault
	calls []string
}

type fault int

const (
	fine   fault = iota
	undone       // the call never arrives
	done         // it does, and its answer is lost
	sick         // the service answers that it is not well
)

// faults are all that is not fine, by their names.
var faults = map[string]fault{"undone": undone, "done": done, "sick": sick}

func (u *unsteady) RoundTrip(r *http.Request) (*http.Response, error) {
	r, action, err := actionOf(r)
	if err != nil {
		return nil, err
	}
	u.calls = append(u.calls, action)
	switch u.fails(action) {
	case undone:
		return nil, errors.New("connection refused")
	case done:
		if _, err := u.RoundTripper.RoundTrip(r); err != nil {
			return nil, err
		}
		return nil, errors.New("connection reset")
	case sick:
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(strings.NewReader("<html>")), Request: r}, nil
	}
	return u.RoundTripper.RoundTrip(r)
}

// actionOf is what a request asks for: an operation's name, for S3 the method. The request comes back as it was.
func actionOf(r *http.Request) (*http.Request, string, error) {
	if _, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return r, action, nil
	}
	if r.Body == nil {
		return r, r.Method, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, "", err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") == "" {
		return r, r.Method, nil
	}
	return r, form.Get("Action"), nil
}

// steady never fails.
func steady(string) fault { return fine }

// failing fails calls of one action: those from one number on to another.
func failing(action string, from, to int, how fault) func(string) fault {
	seen := 0
	return func(a string) fault {
		if a != action {
			return fine
		}
		seen++
		if seen > from && seen <= to {
			return how
		}
		return fine
	}
}

// recorded is a Log that can be read.
type recorded struct{ strings.Builder }

func (r *recorded) Info(format string, args ...any) { fmt.Fprintf(r, "info: "+format+"\n", args...) }
func (r *recorded) Warn(format string, args ...any) { fmt.Fprintf(r, "warning: "+format+"\n", args...) }
