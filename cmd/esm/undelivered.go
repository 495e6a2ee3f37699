package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

func undeliveredCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undelivered",
		Short: "Show, resend and drop failure notices that no destination took",
		Long: `Shows, sends again and drops notices of records that stream mappings gave up and that
their on-failure destination did not take. The engine keeps them in Engine.DataDir,
which must not be in use: stop the engine first.

Exits with 0; with 2 when the file, a flag or an ID is wrong; with 1 otherwise, also
when some notices could not be sent.`,
		Example: `  esm undelivered list mappings.yaml
  esm undelivered resend mappings.yaml --all
  esm undelivered drop mappings.yaml 7a5dac56-af38-4a4a-994a-72c61767da8f`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(undeliveredListCommand(), undeliveredResendCommand(), undeliveredDropCommand())
	return cmd
}

// picked says which notices a command is about: all of them, or those with some IDs.
type picked struct {
	all bool
	ids map[string]bool
}

// pick takes the IDs behind the file among a command's arguments. Without any and without all, nothing is picked.
func pick(cmd *cobra.Command, ids []string, all bool) (picked, error) {
	if all && len(ids) > 0 {
		return picked{}, wrongUse(cmd, "give IDs or --all, not both")
	}
	p := picked{all: all, ids: map[string]bool{}}
	for _, id := range ids {
		p.ids[id] = true
	}
	return p, nil
}

func (p picked) has(id string) bool { return p.all || p.ids[id] }

// find lists the IDs of the notices that are picked, oldest first. An ID that is not kept is an error.
func (p picked) find(ctx context.Context, s *store) (found []string, err error) {
	for u, err := range s.undelivered(ctx) {
		if err != nil {
			return nil, err
		}
		if p.has(u.Notice.ID) {
			found = append(found, u.Notice.ID)
		}
	}
	known := map[string]bool{}
	for _, id := range found {
		known[id] = true
	}
	for id := range p.ids {
		if !known[id] {
			return nil, usageError{fmt.Errorf("no notice %s is kept: `esm undelivered list` shows those that are", id)}
		}
	}
	return found, nil
}

// endpointFlag adds the flag that stands for another Aws.Endpoint than the file's.
func endpointFlag(cmd *cobra.Command, over *configfile.Overrides) {
	cmd.Flags().StringVar(&over.Endpoint, "endpoint", "", "in place of Aws.Endpoint: a URL")
	completeFlag(cmd, "endpoint", "http://localhost:4566")
}
