package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// maxTargets is how many targets a rule has. AWS: "Amazon EventBridge quotas".
const maxTargets = 5

// A target gets the events that a rule matches. It does not change.
type target struct {
	Id, Arn          string
	RoleArn          string            `json:",omitempty"`
	Input            string            `json:",omitempty"`
	InputPath        string            `json:",omitempty"`
	SqsParameters    *sqsParameters    `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
	RetryPolicy      json.RawMessage   `json:",omitempty"` // without effect

	path path // of InputPath
}

type sqsParameters struct{ MessageGroupId string }

type deadLetterConfig struct {
	Arn string `json:",omitempty"`
}

// A targetInput is a target as requests have it.
type targetInput struct {
	target

	InputTransformer, KinesisParameters, EcsParameters, BatchParameters, HttpParameters json.RawMessage
	RunCommandParameters, RedshiftDataParameters, SageMakerPipelineParameters           json.RawMessage
	AppSyncParameters                                                                   json.RawMessage
}

type putTargetsInput struct {
	Rule, EventBusName string
	Targets            []targetInput
}

type failedTarget struct{ TargetId, ErrorCode, ErrorMessage string }

type targetsOutput struct {
	FailedEntryCount int
	FailedEntries    []failedTarget
}

// putTargets adds targets to a rule, or replaces those with the same IDs. A target that is wrong refuses all.
func (s *Server) putTargets(in putTargetsInput) (out targetsOutput, err error) {
	out.FailedEntries = []failedTarget{}
	if len(in.Targets) == 0 || len(in.Targets) > 100 {
		return out, malformed(len(in.Targets), "targets", "Member must have length between 1 and 100")
	}
	for i := range in.Targets {
		if err := in.Targets[i].check(); err != nil {
			return out, err
		}
	}
	defer s.lock()()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return out, err
	}
	next := slices.Clone(r.targets)
	for _, t := range in.Targets {
		next = slices.DeleteFunc(next, func(known target) bool { return known.Id == t.Id })
		next = append(next, t.target)
	}
	if len(next) > maxTargets {
		return out, wire.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed: a rule has at most %d targets.", maxTargets)
	}
	slices.SortFunc(next, func(a, b target) int { return strings.Compare(a.Id, b.Id) })
	r.targets = next
	return out, nil
}

// check checks a target, which need not exist, and parses its path.
func (t *targetInput) check() error {
	err := refuse(member{"InputTransformer", t.InputTransformer}, member{"KinesisParameters", t.KinesisParameters},
		member{"EcsParameters", t.EcsParameters}, member{"BatchParameters", t.BatchParameters}, member{"HttpParameters", t.HttpParameters},
		member{"RunCommandParameters", t.RunCommandParameters}, member{"RedshiftDataParameters", t.RedshiftDataParameters},
		member{"SageMakerPipelineParameters", t.SageMakerPipelineParameters}, member{"AppSyncParameters", t.AppSyncParameters})
	if err != nil {
		return err
	}
	if err := checkName(t.Id, "targets.member.id", 64); err != nil {
		return err
	}
	switch service := relay.ServiceOf(t.Arn); {
	case service == "":
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.Arn)
	case service != "lambda" && service != "sqs" && service != "sns":
		return unsupported(fmt.Sprintf("A target of the service %s (%s)", service, t.Arn))
	case service == "sqs" && strings.HasSuffix(t.Arn, ".fifo") && (t.SqsParameters == nil || t.SqsParameters.MessageGroupId == ""):
		return invalid("Parameter(s) SqsParameters must be specified for target: %s.", t.Id)
	case t.Input != "" && t.InputPath != "":
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.Id)
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return invalid("JSON syntax error in input for target %s.", t.Id)
	case t.DeadLetterConfig != nil && t.DeadLetterConfig.Arn != "" && relay.ServiceOf(t.DeadLetterConfig.Arn) != "sqs":
		return invalid("Parameter %s is not valid. Reason: The dead-letter queue of a target is an SQS queue.", t.DeadLetterConfig.Arn)
	}
	if t.InputPath == "" {
		return nil
	}
	if t.path, err = parsePath(t.InputPath); err != nil {
		return invalid("Invalid InputPath for target %s: %v.", t.Id, err)
	}
	return nil
}

type removeTargetsInput struct {
	Rule, EventBusName string
	Ids                []string
}

func (s *Server) removeTargets(in removeTargetsInput) (out targetsOutput, err error) {
	out.FailedEntries = []failedTarget{}
	if len(in.Ids) == 0 || len(in.Ids) > 100 {
		return out, malformed(len(in.Ids), "ids", "Member must have length between 1 and 100")
	}
	defer s.lock()()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return out, err
	}
	next := slices.Clone(r.targets)
	for _, id := range in.Ids {
		before := len(next)
		if next = slices.DeleteFunc(next, func(t target) bool { return t.Id == id }); len(next) == before {
			out.FailedEntries = append(out.FailedEntries, failedTarget{id, "ResourceNotFoundException", "Rule " + r.name + " has no target with the ID " + id + "."})
		}
	}
	r.targets, out.FailedEntryCount = next, len(out.FailedEntries)
	return out, nil
}

type listTargetsInput struct {
	Rule, EventBusName, NextToken string
	Limit                         *int
}

type listTargetsOutput struct {
	Targets   []target
	NextToken string `json:",omitempty"`
}

func (s *Server) listTargets(in listTargetsInput) (out listTargetsOutput, err error) {
	defer s.lock()()
	r, err := s.rule(in.EventBusName, in.Rule)
	if err != nil {
		return out, err
	}
	targets, next, err := page(r.targets, in.NextToken, in.Limit, func(t target) string { return t.Id })
	return listTargetsOutput{append([]target{}, targets...), next}, err
}
