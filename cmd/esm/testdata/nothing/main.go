// Command nothing is a handler that does nothing, or writes BENCH_LINE for each event, as a static program for images.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	line := os.Getenv("BENCH_LINE")
	lambda.Start(func(json.RawMessage) error {
		if line != "" {
			fmt.Println(line)
		}
		return nil
	})
}
