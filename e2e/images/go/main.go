// Command go is a handler with Lambda's client for Go. It does what the event says, like the handlers in the other
// languages beside it: see [order].
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is an event.
type order struct {
	// Do is echo, error, exit, sleep, size, environment, context, count, allocate or stream.
	Do      string          `json:"do"`
	Value   json.RawMessage `json:"value"`   // what echo returns
	Text    string          `json:"text"`    // of an error; of a stream, whose words are written one at a time
	Code    int             `json:"code"`    // of an exit
	Seconds float64         `json:"seconds"` // of a sleep
	Bytes   int             `json:"bytes"`   // the size of the response; of allocate, the memory that is used
	Name    string          `json:"name"`    // of a variable of the environment
}

func main() {
	switch os.Getenv("INIT") {
	case "error":
		log.Fatal("no beans at all")
	case "exit":
		os.Exit(7)
	}
	lambda.Start(handle)
}

var count int // of invocations of this process

func handle(ctx context.Context, o order) (any, error) {
	count++
	switch o.Do {
	case "echo":
		return o.Value, nil
	case "error":
		return nil, errors.New(o.Text)
	case "exit":
		os.Exit(o.Code)
	case "sleep":
		time.Sleep(time.Duration(o.Seconds * float64(time.Second)))
	case "size":
		return strings.Repeat("x", o.Bytes-len(`""`)), nil
	case "environment":
		if value, found := os.LookupEnv(o.Name); found {
			return value, nil
		}
	case "context":
		return about(ctx)
	case "count":
		return count, nil
	case "allocate":
		return allocate(o.Bytes), nil
	case "stream":
		return stream(o.Text), nil
	default:
		return nil, errors.New("unknown: " + o.Do)
	}
	return nil, nil
}

func about(ctx context.Context) (any, error) {
	c, found := lambdacontext.FromContext(ctx)
	deadline, limited := ctx.Deadline()
	if !found || !limited {
		return nil, errors.New("no context")
	}
	return map[string]any{
		"id": c.AwsRequestID, "arn": c.InvokedFunctionArn, "name": lambdacontext.FunctionName,
		"version": lambdacontext.FunctionVersion, "memory": lambdacontext.MemoryLimitInMB,
		"group": lambdacontext.LogGroupName, "stream": lambdacontext.LogStreamName,
		"remaining": time.Until(deadline).Milliseconds(), "trace": ctx.Value("x-amzn-trace-id"),
	}, nil
}

// allocate uses as much memory, and returns how much.
func allocate(bytes int) int {
	memory := make([]byte, bytes)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	return len(memory)
}

// stream returns a reader of text by its words. Lambda's client streams what it reads.
func stream(text string) io.Reader {
	r, w := io.Pipe()
	go func() {
		for _, word := range strings.SplitAfter(text, " ") {
			_, _ = io.WriteString(w, word)
		}
		_ = w.Close()
	}()
	return r
}
