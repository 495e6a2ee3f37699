// Command esm runs AWS Lambda's pollers (event source mappings) on your own machine or server: it polls queues and streams,
// batches and filters their records by Lambda's rules, and invokes Lambda handlers with them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/usage"
)

// Exit codes that scripts may rely on.
const (
	exitFailed = 1 // anything that is not listed here
	exitUsage  = 2 // the file or a flag is wrong
)

// errReported is an error that has been reported to the user already; it has no text.
var errReported = errors.New("")

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command and returns its exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.InitDefaultCompletionCmd() // which remembers where to write
	usageArgs(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "esm:", text)
	}
	if errors.As(err, new(usage.Error)) {
		return exitUsage
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "esm",
		Short: "Run AWS Lambda's pollers (event source mappings) on your own machine or server",
		Long: `esm runs AWS Lambda's pollers (event source mappings) on your own machine or server. It
reads SQS queues, Kinesis streams and DynamoDB Streams, on AWS, LocalStack or any compatible
endpoint, batches and filters their records by Lambda's rules, and invokes your handlers
unmodified.

One file describes everything, in AWS's own names:

  Aws: {Endpoint: embedded}
  Resources: {Queues: [{QueueName: orders, Messages: ['{"id": 1}']}]}
  Functions:
    orders: {Runtime: python3.12, Handler: app.lambda_handler, CodeUri: ./src}
  EventSourceMappings:
    - FunctionName: orders
      EventSourceArn: arn:aws:sqs:us-east-1:000000000000:orders

  esm validate mappings.yaml     checks the file, and warns of settings that often cause trouble
  esm run mappings.yaml          runs it until you press Ctrl-C`,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage.Errorf("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(runCommand(), validateCommand(), statusCommand(), logsCommand(), invokeCommand(), positionCommand(), undeliveredCommand(), eventsCommand(), versionCommand())
	return root
}

// usageArgs makes usage errors of errors about the arguments of cmd and the commands below it.
func usageArgs(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		usageArgs(below)
	}
	check := cmd.Args
	if check == nil {
		return
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage.Errorf("%w (see %s --help)", err, cmd.CommandPath())
		}
		return nil
	}
}
