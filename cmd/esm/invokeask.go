package main

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
	"time"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/usage"
)

// functionsPath is where Lambda's API has its functions.
const functionsPath = "/2015-03-31/functions/"

// mostAnswer is how much of an answer is read: above what a handler's may have.
const mostAnswer = 16 << 20 // bytes

// invoked is what came of an invocation.
type invoked struct {
	payload []byte
	log     []byte
	failed  bool
}

// ask invokes a function and waits for the answer, however long the function takes.
func (i *invoking) ask(ctx context.Context, name string, event []byte) (got invoked, err error) {
	if _, _, err := net.SplitHostPort(i.listen); err != nil {
		return got, usage.Errorf("--listen %q is not host:port, such as %s", i.listen, defaultListen)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+i.listen+functionsPath+url.PathEscape(name)+"/invocations", bytes.NewReader(event))
	if err != nil {
		return got, usage.Errorf("--listen %q: %w", i.listen, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if i.event {
		req.Header.Set("X-Amz-Invocation-Type", "Event")
	}
	if i.tail {
		req.Header.Set("X-Amz-Log-Type", "Tail")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got, fmt.Errorf("no engine answers on %s (is `esm run` running, with that Engine.Listen?): %w", i.listen, err)
	}
	defer resp.Body.Close()
	if got.payload, err = io.ReadAll(io.LimitReader(resp.Body, mostAnswer)); err != nil {
		return got, fmt.Errorf("the answer broke off, and %s may have run: %w", name, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return got, refusedInvocation(i.listen, resp, got.payload)
	}
	got.failed = resp.Header.Get("X-Amz-Function-Error") != ""
	got.log, err = base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
	return got, err
}

// write writes an answer and its log. Its error is that the function failed.
func (i invoked) write(stdout, stderr io.Writer) error {
	if len(i.log) > 0 { // in which runtimes part the lines of one entry by \r
		fmt.Fprintf(stderr, "%s\n", bytes.ReplaceAll(bytes.TrimSuffix(i.log, []byte("\n")), []byte("\r"), []byte("\n")))
	}
	if len(i.payload) > 0 {
		if _, err := fmt.Fprintf(stdout, "%s\n", i.payload); err != nil {
			return err
		}
	}
	if i.failed {
		return errors.New("the function failed: its answer says why")
	}
	return nil
}

// refusedInvocation is the error of an answer that is Lambda's exception.
func refusedInvocation(address string, resp *http.Response, body []byte) error {
	var said struct{ Message, Reason string } // the case of keys does not matter here
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

// remedy helps with what is usually behind an exception.
func remedy(code string) string {
	switch code {
	case "ResourceNotFoundException":
		return ": `esm status` lists the functions"
	case "InvalidRequestContentException":
		return ": --payload wants JSON"
	}
	return ""
}

// completeFunction lets shells offer the functions of a running engine.
func completeFunction(cmd *cobra.Command, args []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
	listen, err := cmd.Flags().GetString("listen")
	if len(args) > 0 || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	status, _, err := askStatus(ctx, listen)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, fn := range status.Functions {
		found = append(found, fn.Name)
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
