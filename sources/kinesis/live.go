package kinesis

import (
	"context"
	"errors"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/silence"
)

// live is one subscription that is open.
type live struct {
	events  *sdk.SubscribeToShardEventStream
	cancel  context.CancelFunc
	since   time.Time
	records int // that came so far
}

// subscribe makes one SubscribeToShard. The subscription outlives ctx, which ends only the call.
func (s *Stream) subscribe(ctx context.Context, shard string, start start) (*live, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ends := context.AfterFunc(ctx, cancel)
	out, err := s.reads.SubscribeToShard(silence.Allow(life, heartbeat), &sdk.SubscribeToShardInput{
		ConsumerARN: &s.arn.text,
		ShardId:     &shard,
		StartingPosition: &types.StartingPosition{
			Type: start.kind(), SequenceNumber: start.number(), Timestamp: start.timestamp(),
		},
	}, ownCodec)
	if err != nil {
		cancel()
		return nil, err
	}
	l := &live{events: out.GetStream(), cancel: cancel, since: time.Now()}
	if !ends() { // ctx has ended the call just after it went well
		l.end()
		return nil, ctx.Err()
	}
	return l, nil
}

// ownCodec gives a subscription a decoder of its own. The one that a client has is used by all its subscriptions at once,
// which are not prepared for that (github.com/aws/smithy-go issue 714).
func ownCodec(o *sdk.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) }

func (l *live) end() {
	l.cancel()
	_ = l.events.Close() // nothing is lost by an error: nothing more is read
}

// hashesOf is the range of hash keys of a shard, from the last listing. One that is not listed now is looked for besides:
// a shard that is believed to be gone costs its records.
func (s *Stream) hashesOf(ctx context.Context, shard string, start start) (hashes, error) {
	if h, known := s.known(shard); known {
		return h, nil
	}
	if _, err := s.list(ctx); err != nil {
		return hashes{}, gone(err, esm.ErrNoStream)
	}
	if h, known := s.known(shard); known {
		return h, nil
	}
	if _, err := s.iterator(ctx, shard, start); err != nil {
		return hashes{}, err
	}
	return hashes{}, errors.New("it can be read, but is not listed")
}

func (s *Stream) known(shard string) (hashes, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, known := s.ranges[shard]
	return h, known
}

func (s *Stream) know(ranges map[string]hashes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranges = ranges
}
