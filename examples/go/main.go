// Command go is an unmodified aws-lambda-go handler, as it is deployed to Lambda.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	for _, message := range event.Records {
		fmt.Printf("%s: %s\n", lc.InvokedFunctionArn, message.Body)
	}
	return events.SQSEventResponse{}, nil
}
