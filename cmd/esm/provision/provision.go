package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	sdkretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm/engine/retry"
)

const (
	retryAfter = 5 * time.Second        // the pause after a service did not answer
	pollEvery  = 100 * time.Millisecond // the pause between descriptions of a resource that is being created
)

// provisioner creates one resource. A step whose outcome is unknown is repeated: creating twice changes nothing, and putting
// contents twice is better than losing them.
type provisioner struct {
	resource
	log Log

	creating bool // the resource did not exist: this run creates it and puts its contents
	created  bool
	put      int // items of the contents that were put
}

// run returns once the resource is usable and, if this run creates it, has its contents.
func (p *provisioner) run(ctx context.Context) error {
	waiting := false
	for {
		err := p.step(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			p.warnIncomplete()
			return context.Cause(ctx)
		case !temporary(err):
			p.warnIncomplete()
			return err
		case !waiting:
			waiting = true
			p.log.Warn("%s: %v; trying again until it answers", p.name, err)
		}
		retry.Sleep(ctx, retryAfter)
	}
}

// step does the remaining work until an error. It gives a new resource some time to become usable.
func (p *provisioner) step(ctx context.Context) error {
	for began := time.Now(); ; retry.Sleep(ctx, pollEvery) {
		is, err := p.describe(ctx)
		if err == nil && !is.exists {
			is, err = p.begin(ctx)
		}
		switch {
		case err != nil:
			return err
		case is.exists && is.pending == "":
			return p.fill(ctx, is)
		case time.Since(began) >= retryAfter:
			return pendingError(is.pending)
		}
	}
}

// begin creates the resource and describes it. The contents of an earlier resource of that name, which this run created, are
// gone with it.
func (p *provisioner) begin(ctx context.Context) (state, error) {
	p.creating, p.put = true, 0
	if err := p.create(ctx); err != nil {
		return state{}, fmt.Errorf("create: %w", err)
	}
	p.created = true
	is, err := p.describe(ctx)
	if err == nil && !is.exists {
		is.pending = "created but not visible"
	}
	return is, err
}

// fill puts the remaining contents into a resource that this run created. For an existing resource it reports how that
// differs from the file.
func (p *provisioner) fill(ctx context.Context, is state) error {
	if !p.creating {
		if len(is.differs) > 0 {
			p.log.Warn("%s: exists and is left as it is: %s", p.name, strings.Join(is.differs, "; "))
		}
		return nil
	}
	for ; p.put < p.count; p.put++ {
		if err := p.resource.put(ctx, p.put); err != nil {
			return fmt.Errorf("put %s %d: %w", p.content, p.put, err)
		}
	}
	with := ""
	if p.count > 0 {
		with = fmt.Sprintf(", with %d %s%s", p.count, p.content, map[bool]string{false: "s"}[p.count == 1])
	}
	p.log.Info("%s: %s%s", p.name, cmp.Or(p.made, "created"), with)
	return nil
}

// warnIncomplete reports contents that will be missing: the next run finds the resource and puts nothing into it.
func (p *provisioner) warnIncomplete() {
	if p.created && p.put < p.count {
		p.log.Warn("%s: created with only %d of its %d %ss: the next run finds it and adds none; delete it to start over", p.name, p.put, p.count, p.content)
	}
}

// pendingError is the status of a resource that exists and does not become usable.
type pendingError string

func (p pendingError) Error() string { return "its status is " + string(p) }

// temporary reports whether err means that the service does not answer, is failing or is busy, perhaps because it is
// starting. Any other response is final.
func temporary(err error) bool {
	if _, pending := errors.AsType[pendingError](err); pending {
		return true
	}
	if _, unanswered := errors.AsType[*smithyhttp.RequestSendError](err); unanswered {
		return true
	}
	response, answered := errors.AsType[*smithyhttp.ResponseError](err)
	return answered && (response.HTTPStatusCode() >= http.StatusInternalServerError || throttled(err))
}

// throttled reports whether err means too many calls. A limit that is reached, such as the number of shards, is not
// temporary.
func throttled(err error) bool {
	refusal, refused := errors.AsType[smithy.APIError](err)
	if !refused || refusal.ErrorCode() == "LimitExceededException" {
		return false
	}
	_, throttles := sdkretry.DefaultThrottleErrorCodes[refusal.ErrorCode()]
	return throttles
}
