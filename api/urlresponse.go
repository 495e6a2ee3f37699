package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// endOfPrelude ends the description of a streamed response, before its body (AWS: "Building a custom runtime for AWS Lambda",
// response streaming).
var endOfPrelude = make([]byte, 8)

// httpResponse is a handler's description of an HTTP response (AWS: "Invoking Lambda function URLs", response payload format
// 2.0).
type httpResponse struct {
	status  json.RawMessage // nil if there is none
	headers map[string]json.RawMessage
	cookies []string
	body    json.RawMessage
	encoded bool // the body is base64
}

// urlResponse returns the HTTP response that a handler's response stands for. An object with a statusCode describes one; any
// other value is the body of one, without white space, and a string without its quotes.
func urlResponse(payload json.RawMessage) (answer, error) {
	if prelude, body, ok := bytes.Cut(payload, endOfPrelude); ok { // a stream that was collected
		a, err := readPrelude(prelude)
		a.body = body
		return a, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil || !isSet(members["statusCode"]) {
		return answer{status: http.StatusOK, body: plain(payload)}, nil // no object, or another one
	}
	r, err := parseResponse(members)
	if err != nil {
		return answer{}, err
	}
	a, err := r.head()
	if err != nil {
		return answer{}, err
	}
	if a.body = plain(r.body); r.encoded {
		if a.body, err = base64.StdEncoding.DecodeString(string(a.body)); err != nil {
			return answer{}, fmt.Errorf("body is not base64: %w", err)
		}
	}
	return a, nil
}

// readPrelude returns the status and headers that begin a streamed response.
func readPrelude(text []byte) (answer, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return answer{}, err
	}
	r, err := parseResponse(members)
	if err != nil {
		return answer{}, err
	}
	if r.status == nil {
		r.status = json.RawMessage("200")
	}
	return r.head()
}

// parseResponse reads the members of a description, whose names match exactly.
func parseResponse(members map[string]json.RawMessage) (r httpResponse, err error) {
	for name, to := range map[string]any{
		"statusCode": &r.status, "headers": &r.headers, "cookies": &r.cookies, "body": &r.body, "isBase64Encoded": &r.encoded,
	} {
		if !isSet(members[name]) {
			continue
		}
		if err := json.Unmarshal(members[name], to); err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

// isSet reports whether a member is neither absent nor null.
func isSet(value json.RawMessage) bool { return value != nil && string(value) != "null" }

// head returns the status and headers of a response.
func (r httpResponse) head() (answer, error) {
	status, err := strconv.Atoi(string(plain(r.status)))
	if err != nil || status < 200 || status > 599 {
		return answer{}, errors.New("statusCode is not a number from 200 to 599")
	}
	a := answer{status: status, header: http.Header{}}
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		switch value := r.headers[name]; {
		case value[0] == '[' || value[0] == '{':
			return answer{}, fmt.Errorf("the header %q is not a string", name)
		case isSet(value):
			a.header.Set(name, string(plain(value)))
		}
	}
	for _, name := range ownHeaders {
		a.header.Del(name)
	}
	for _, cookie := range r.cookies {
		a.header.Add("Set-Cookie", cookie)
	}
	return a, nil
}

// ownHeaders are headers of responses that handlers do not decide about.
var ownHeaders = []string{
	"Connection", "Content-Length", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Amzn-Requestid", "X-Amzn-Trace-Id",
}

// plain returns a JSON value as text: a string without its quotes, anything else without white space. What is not JSON stays as
// it is.
func plain(value json.RawMessage) []byte {
	if bytes.HasPrefix(bytes.TrimSpace(value), []byte(`"`)) {
		var text string
		if json.Unmarshal(value, &text) == nil {
			return []byte(text)
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return value
	}
	return compact.Bytes()
}
