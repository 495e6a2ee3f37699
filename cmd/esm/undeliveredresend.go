package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/destinations"
)

func undeliveredResendCommand() *cobra.Command {
	var over configfile.Overrides
	var all bool
	cmd := &cobra.Command{
		Use:   "resend FILE [ID... | --all]",
		Short: "Send failure notices again that no destination took",
		Long: `Sends notices again, some at a time: to the destination that their mapping has now or,
when the mapping was removed or has none, to the one they were for. With neither IDs nor
--all, all are sent.

A notice that was taken is dropped then, and not before: what is interrupted in between is
sent again the next time, and nothing is lost. One that was not taken stays. Ctrl-C stops it.`,
		Example: `  esm undelivered resend mappings.yaml
  esm undelivered resend mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f --endpoint http://localhost:4566`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted, err := pick(cmd, args[1:], all)
			if err != nil {
				return err
			}
			wanted.all = len(args) == 1
			file, err := loadFile(args[0], over, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			s, err := openKept(file.Engine.DataDir, false)
			if err != nil {
				return err
			}
			defer s.Close()
			ctx, end := untilSignal(cmd.Context())
			defer end()
			return resend(ctx, file, s, wanted, cmd.OutOrStdout())
		},
	}
	dataDirFlag(cmd, &over)
	endpointFlag(cmd, &over)
	cmd.Flags().BoolVar(&all, "all", false, "send all that are kept")
	return cmd
}

// untilSignal ends ctx at the first SIGINT or SIGTERM. The second is not caught, and ends the process.
func untilSignal(parent context.Context) (ctx context.Context, end func()) {
	ctx, stop := signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// resend sends the notices that are wanted, and tells of each what became of it.
func resend(ctx context.Context, file *configfile.File, s *store, wanted picked, w io.Writer) error {
	found, err := wanted.find(ctx, s)
	if err != nil || len(found) == 0 {
		return errors.Join(err, say(err == nil, w, "there are no undelivered notices"))
	}
	known, err := s.known(ctx, file)
	if err != nil {
		return err
	}
	to := &addresses{file: file, now: destinationsOf(known), clients: &awsclient.Clients{Region: file.Aws.Region}, made: map[string]address{}}
	r := &resender{to: to.of, drop: s.drop, w: &inTurn{w: w}}
	if err := r.run(ctx, s.undelivered(ctx), wanted); err != nil {
		return err
	}
	return r.verdict(ctx, len(found))
}

func say(do bool, w io.Writer, text string) error {
	if !do {
		return nil
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// drop drops one notice, which was sent: also when ctx has ended meanwhile.
func (s *store) drop(ctx context.Context, id string) error {
	return s.Drop(context.WithoutCancel(ctx), id)
}

// addresses makes the destinations of notices, each once. It belongs to one goroutine.
type addresses struct {
	file    *configfile.File
	now     map[string]string // the ARNs of the destinations that mappings have, by their UUIDs
	clients *awsclient.Clients
	made    map[string]address // by ARN
}

func destinationsOf(known []followed) map[string]string {
	arns := map[string]string{}
	for _, m := range known {
		if m.DestinationConfig != nil {
			arns[m.UUID] = m.DestinationConfig.OnFailure.Destination
		}
	}
	return arns
}

// address is a destination, or why there is none.
type address struct {
	arn         string
	destination esm.Destination
	err         error
}

// of is where a notice is sent now.
func (a *addresses) of(ctx context.Context, u checkpoint.Undelivered) address {
	arn := cmp.Or(a.now[u.Notice.Mapping], u.Destination)
	if known, ok := a.made[arn]; ok {
		return known
	}
	made := address{arn: arn}
	made.destination, made.err = a.make(ctx, arn)
	a.made[arn] = made
	return made
}

func (a *addresses) make(ctx context.Context, arn string) (esm.Destination, error) {
	service, err := destinations.Kind(arn)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", arn, err)
	}
	if endpoint := a.file.Aws.EndpointOf(service); strings.HasPrefix(endpoint, "embedded") {
		return nil, fmt.Errorf("Aws.Endpoint %s: the stand-in is only there while an engine runs: name another by --endpoint", endpoint)
	}
	return wiring.Destination(ctx, a.clients, a.file, arn)
}
