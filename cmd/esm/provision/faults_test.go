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

// unsteady is a transport that loses some requests or answers.
type unsteady struct {
	http.RoundTripper
	fails func(action string) fault
	calls []string
}

type fault int

const (
	none        fault = iota
	undone            // the request is lost
	done              // the answer is lost
	unavailable       // the service answers 503
)

// faults maps names to all faults.
var faults = map[string]fault{"undone": undone, "done": done, "unavailable": unavailable}

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
	case unavailable:
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(strings.NewReader("<html>")), Request: r}, nil
	}
	return u.RoundTripper.RoundTrip(r)
}

// actionOf returns the name of a request's operation, or the method for S3, and an equivalent request with an unread body.
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

// noFaults never fails.
func noFaults(string) fault { return none }

// failing fails the calls of one action after the first from, up to call number to.
func failing(action string, from, to int, how fault) func(string) fault {
	seen := 0
	return func(a string) fault {
		if a != action {
			return none
		}
		seen++
		if seen > from && seen <= to {
			return how
		}
		return none
	}
}

// recorded is a Log that keeps its lines.
type recorded struct{ strings.Builder }

func (r *recorded) Info(format string, args ...any) { fmt.Fprintf(r, "info: "+format+"\n", args...) }
func (r *recorded) Warn(format string, args ...any) { fmt.Fprintf(r, "warning: "+format+"\n", args...) }
