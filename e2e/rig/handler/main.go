// Command handler is the Lambda handler of the functions in end-to-end tests: it passes each event to the test, and
// returns the test's answer byte for byte.
package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() { lambda.Start(forward(target())) }

// target returns the URL of the test: as it is, or a path at the endpoint that a container reaches through the engine.
func target() string {
	if path := os.Getenv("E2E_PATH"); path != "" {
		return os.Getenv("AWS_ENDPOINT_URL") + path
	}
	return os.Getenv("E2E_URL")
}

// forward is the URL of the test that answers.
type forward string

// Invoke is [lambda.Handler].Invoke. An answer other than 200 OK is the text of the handler's error.
func (url forward) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(url), bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	if about, ok := lambdacontext.FromContext(ctx); ok {
		req.Header.Set("Lambda-Runtime-Aws-Request-Id", about.AwsRequestID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	meet(resp.Header.Get("E2e-Fate"))
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(string(answer))
	}
	return answer, err
}

// meet ends the handler in the way that the test wants, if it does.
func meet(fate string) {
	switch fate {
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "memory":
		for taken := [][]byte{}; ; {
			taken = append(taken, bytes.Repeat([]byte{1}, 16<<20))
		}
	}
}
