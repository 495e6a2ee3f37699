package telemetry

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// API is the interface by which an extension subscribes.
type API string

// The values of API, which begin its error types.
const (
	Telemetry API = "Telemetry" // 2022-07-01
	Logs      API = "Logs"      // 2020-08-15
)

// Problem is a refusal of a subscription: the reply's HTTP status and what its body has.
type Problem struct {
	Status  int
	Type    string
	Message string
}

func (p *Problem) Error() string { return p.Type + ": " + p.Message }

// Limits of Lambda (AWS: "Lambda Telemetry API reference"). The page swaps the rows of maxItems and timeoutMs, so that
// both may have either range.
const (
	leastCount, mostCount = 25, 30_000
	leastBytes, mostBytes = 256 << 10, 1 << 20

	defaultItems   = 10_000
	defaultBytes   = 256 << 10
	defaultTimeout = 1000 // ms

	runtimeAPIPort = 9001
)

// versions are the values of schemaVersion.
var versions = map[API][]string{
	Telemetry: {"2022-07-01", "2022-12-13", "2025-01-29"},
	Logs:      {"2020-08-15", "2021-03-18"},
}

// request is the body of a subscription.
type request struct {
	Version   string   `json:"schemaVersion"`
	Types     []string `json:"types"`
	Buffering struct {
		Items   *int `json:"maxItems"`
		Bytes   *int `json:"maxBytes"`
		Timeout *int `json:"timeoutMs"`
	} `json:"buffering"`
	Destination struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     int    `json:"port"`
		Method   string `json:"method"`
		Encoding string `json:"encoding"`
	} `json:"destination"`
}

// subscription is a request that is valid.
type subscription struct {
	name     string // of the extension
	api      API
	types    []string
	schema   schema
	maxItems int // of a batch
	maxBytes int
	timeout  time.Duration // the age at which a batch is sent
	url      string        // for HTTP; empty for TCP
	method   string
	port     int
}

// parse returns the subscription that an extension asks for. objects says whether the function's log format is JSON.
func parse(name string, api API, body []byte, objects bool) (subscription, *Problem) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return subscription{}, invalid("the body is not a subscription: %v", err)
	}
	if !slices.Contains(versions[api], r.Version) {
		return subscription{}, invalid("schemaVersion is %q, want one of %s", r.Version, strings.Join(versions[api], ", "))
	}
	s := subscription{name: name, api: api, schema: schema{
		api: api, objects: objects && r.Version >= "2022-12-13", done: r.Version != "2020-08-15",
	}}
	for _, check := range []func(request) *Problem{s.readTypes, s.readBuffering, s.readDestination} {
		if p := check(r); p != nil {
			return subscription{}, p
		}
	}
	return s, nil
}

func invalid(format string, args ...any) *Problem {
	return &Problem{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

func (s *subscription) readTypes(r request) *Problem {
	known := []string{platform, function, extension}
	if len(r.Types) == 0 {
		return invalid("types is empty, want some of %s", strings.Join(known, ", "))
	}
	for _, t := range r.Types {
		if !slices.Contains(known, t) {
			return invalid("types has %q, want some of %s", t, strings.Join(known, ", "))
		}
	}
	s.types = r.Types
	return nil
}

func (s *subscription) readBuffering(r request) *Problem {
	timeout := 0
	for _, number := range []struct {
		name              string
		given             *int
		to                *int
		least, most, none int
	}{
		{"maxItems", r.Buffering.Items, &s.maxItems, leastCount, mostCount, defaultItems},
		{"maxBytes", r.Buffering.Bytes, &s.maxBytes, leastBytes, mostBytes, defaultBytes},
		{"timeoutMs", r.Buffering.Timeout, &timeout, leastCount, mostCount, defaultTimeout},
	} {
		*number.to = number.none
		if number.given == nil {
			continue
		}
		if *number.to = *number.given; *number.to < number.least || *number.to > number.most {
			return invalid("buffering.%s is %d, want %d to %d", number.name, *number.to, number.least, number.most)
		}
	}
	s.timeout = time.Duration(timeout) * time.Millisecond
	return nil
}

func (s *subscription) readDestination(r request) *Problem {
	d := r.Destination
	switch d.Protocol {
	case "TCP":
		s.port = d.Port
	case "HTTP":
		if p := s.readURI(d.URI); p != nil {
			return p
		}
		if s.method = cmp.Or(d.Method, http.MethodPost); s.method != http.MethodPost && s.method != http.MethodPut {
			return invalid("destination.method is %q, want POST or PUT", d.Method)
		}
		if d.Encoding != "" && d.Encoding != "JSON" {
			return invalid("destination.encoding is %q, want JSON", d.Encoding)
		}
	default:
		return invalid("destination.protocol is %q, want HTTP or TCP", d.Protocol)
	}
	if s.port < 1 || s.port > 65535 || s.port == runtimeAPIPort {
		return invalid("destination has port %d, want 1 to 65535 without %d, the Runtime API's", s.port, runtimeAPIPort)
	}
	return nil
}

func (s *subscription) readURI(uri string) *Problem {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.Hostname() != "sandbox.localdomain" && u.Hostname() != "sandbox" {
		return invalid("destination.URI is %q, want http://sandbox.localdomain:<port> with any path", uri)
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "80"))
	if err != nil {
		return invalid("destination.URI is %q, whose port is not a number", uri)
	}
	s.url, s.port = uri, port
	return nil
}
