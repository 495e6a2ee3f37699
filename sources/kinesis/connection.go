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

// connection is an open subscription. The service ends it after five minutes.
type connection struct {
	events  *sdk.SubscribeToShardEventStream
	cancel  context.CancelFunc
	since   time.Time
	records int // received so far
}

// connect makes one SubscribeToShard. The connection outlives ctx, which limits the call only.
func (s *Stream) connect(ctx context.Context, shard string, start start) (*connection, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ends := context.AfterFunc(ctx, cancel)
	out, err := s.reads.SubscribeToShard(silence.Allow(life, maxSilence), &sdk.SubscribeToShardInput{
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
	c := &connection{events: out.GetStream(), cancel: cancel, since: time.Now()}
	if !ends() { // ctx ended just after the call succeeded
		c.close()
		return nil, ctx.Err()
	}
	return c, nil
}

// ownCodec gives a connection its own decoder. A client's decoder is shared by all its connections, but is not safe for
// concurrent use (github.com/aws/smithy-go issue 714).
func ownCodec(o *sdk.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) }

func (c *connection) close() {
	c.cancel()
	_ = c.events.Close() // nothing more is read, so an error loses nothing
}

// hashesOf returns a shard's range of hash keys from the last listing, or from a new one. An unlisted shard counts as gone
// only if the service also refuses an iterator for it: a wrong verdict would lose its records.
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
	return hashes{}, errors.New("the shard can be read but is not listed")
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
