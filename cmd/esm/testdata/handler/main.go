// Command handler is a handler that does nothing.
package main

import (
	"encoding/json"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(json.RawMessage) error { return nil }) }
