// Package invoke invokes a function of a running engine through its HTTP API.
package invoke

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/usage"
)

// functionsPath is the path of functions in Lambda's API.
const functionsPath = "/2015-03-31/functions/"

// maxResponse bounds how much of a response is read. It is above the limit of a handler's response.
const maxResponse = 16 << 20 // bytes

// Request is one invocation.
type Request struct {
	Address  string // the engine's host:port
	Function string // a name or an ARN, with or without :qualifier
	Event    []byte
	Tail     bool // ask for the end of the log
	Async    bool // do not wait for a response
}

// Response is the response of a function that ran, or that an event is stored for.
type Response struct {
	Payload []byte
	Log     []byte
	Failed  bool
	Stored  string // the request ID of an asynchronous invocation
}

// Send invokes the function and waits for its response, however long it takes.
func (r Request) Send(ctx context.Context) (got Response, err error) {
	if _, _, err := net.SplitHostPort(r.Address); err != nil {
		return got, usage.Errorf("--listen %q is not host:port, such as 127.0.0.1:9001", r.Address)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+r.Address+functionsPath+url.PathEscape(r.Function)+"/invocations", bytes.NewReader(r.Event))
	if err != nil {
		return got, usage.Errorf("--listen %q: %w", r.Address, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.Async {
		req.Header.Set("X-Amz-Invocation-Type", "Event")
	}
	if r.Tail {
		req.Header.Set("X-Amz-Log-Type", "Tail")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", r.Address, err)
	}
	defer resp.Body.Close()
	if got.Payload, err = io.ReadAll(io.LimitReader(resp.Body, maxResponse)); err != nil {
		return got, fmt.Errorf("the response broke off, and %s may have run: %w", r.Function, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return got, refused(r.Address, resp, got.Payload)
	}
	if r.Async {
		got.Stored = resp.Header.Get("X-Amzn-Requestid")
	}
	got.Failed = resp.Header.Get("X-Amz-Function-Error") != ""
	got.Log, err = base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
	return got, err
}

// Write writes the payload to stdout and the log to stderr. It returns an error if the function failed.
func (r Response) Write(stdout, stderr io.Writer) error {
	if len(r.Log) > 0 { // runtimes separate the lines of one entry by \r
		fmt.Fprintf(stderr, "%s\n", bytes.ReplaceAll(bytes.TrimSuffix(r.Log, []byte("\n")), []byte("\r"), []byte("\n")))
	}
	if len(r.Payload) > 0 {
		if _, err := fmt.Fprintf(stdout, "%s\n", r.Payload); err != nil {
			return err
		}
	}
	if r.Stored != "" {
		_, err := fmt.Fprintln(stdout, r.Stored)
		return err
	}
	if r.Failed {
		return errors.New("the function failed: its response says why")
	}
	return nil
}

// refused returns the error for a response that is one of Lambda's exceptions.
func refused(address string, resp *http.Response, body []byte) error {
	var said struct{ Message, Reason string } // keys are matched without regard to case
	code := resp.Header.Get("X-Amzn-Errortype")
	if code == "" || json.Unmarshal(body, &said) != nil {
		return fmt.Errorf("no engine answers on %s, but something else does (HTTP %d)", address, resp.StatusCode)
	}
	switch text := logging.OneLine(said.Message, 1000); resp.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge:
		return usage.Errorf("%s (%s)%s", text, code, remedy(code))
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s (%s): every permit of the function is in use, or none is left for it: wait, or raise "+
			"ReservedConcurrentExecutions or Engine.Concurrency", text, said.Reason)
	default:
		return fmt.Errorf("%s (%s)", text, code)
	}
}

// remedy returns advice on the usual cause of an exception.
func remedy(code string) string {
	switch code {
	case "ResourceNotFoundException":
		return ": `esm status` lists the functions"
	case "InvalidRequestContentException":
		return ": --payload wants JSON"
	}
	return ""
}
