package ddbstreams

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/silence"
)

// TableConfig describes a [Table].
type TableConfig struct {
	// Client, IdlePoll and Calls are those of [Config].
	Client   *sdk.Client
	IdlePoll time.Duration
	Calls    *Calls

	// ARN names the table, without a stream.
	ARN config.ARN

	// First is the identity of a table that was read before; empty for any other.
	First string
}

// Table reads the streams of a table as one: the stream that was current at the first listing, and all that have replaced
// it since. The first shards of a stream are children of the last shards of the stream before it. So an old stream is
// drained as far as it can still be read, and then the next one is read from its beginning.
type Table struct {
	each   Config // of the streams, without their ARN
	client *sdk.Client
	name   string

	mu      sync.Mutex
	first   string              // the label of the first stream; empty before the first listing
	streams map[string]*Stream  // by label
	shards  map[string]location // by shard, from the last listing
}

// location is the stream that listed a shard.
type location struct {
	stream        *Stream
	mayNeverClose bool // the shard is open, but its stream was replaced, so nothing is written to it any more
}

var _ esm.Stream = (*Table)(nil)

// NewTable returns a Table. It makes no calls: the table need not exist yet.
func NewTable(c TableConfig) (*Table, error) {
	name := strings.TrimPrefix(c.ARN.Resource, "table/")
	if err := config.DynamoDBStream.Check(c.ARN); err != nil {
		return nil, fmt.Errorf("ddbstreams: %q %w", c.ARN, err)
	}
	if strings.Contains(name, "/") {
		return nil, fmt.Errorf("ddbstreams: %q is the ARN of a stream, not of its table", c.ARN)
	}
	if c.Calls == nil {
		c.Calls = &Calls{}
	}
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	return &Table{
		each: Config{Client: c.Client, IdlePoll: c.IdlePoll, Calls: c.Calls}, client: sdk.New(options),
		name: name, first: c.First, streams: map[string]*Stream{}, shards: map[string]location{},
	}, nil
}

// List implements [esm.Stream] by ListStreams, and one DescribeStream for each hundred shards of each stream. The identity
// is the label of the first stream. It returns [esm.ErrNoStream] for a table without a stream.
func (t *Table) List(ctx context.Context) (esm.Listing, error) {
	arns, err := t.listStreams(ctx)
	if err != nil {
		return esm.Listing{}, fmt.Errorf("ddbstreams: list the streams of %s: %w", t.name, codes.Wrap(err))
	}
	identity, streams := t.follow(arns)
	listing := esm.Listing{Identity: identity, Retention: retention}
	var last []string // shards of the stream before
	for i, stream := range streams {
		shards, err := stream.shards(ctx)
		replaced := i < len(streams)-1
		if awserr.NotFound(err) && replaced {
			continue // it can no longer be read
		}
		if err != nil {
			return esm.Listing{}, stream.failed("list", err)
		}
		t.recordLocations(stream, shards, replaced)
		last = chain(shards, last)
		for j := range shards {
			shards[j].Source = stream.arn.text
		}
		listing.Shards = append(listing.Shards, shards...)
		listing.Ahead = time.Duration(stream.ahead.Load())
	}
	return listing, nil
}

// follow returns the streams to read, oldest first, and the label of the first one. A table that was never listed begins
// with its latest stream.
func (t *Table) follow(arns []arn) (first string, streams []*Stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == "" {
		t.first = arns[len(arns)-1].label
	}
	for _, a := range arns {
		if a.label < t.first {
			continue
		}
		if t.streams[a.label] == nil {
			t.streams[a.label] = newStream(t.each, a)
		}
		streams = append(streams, t.streams[a.label])
	}
	return t.first, streams
}

// listStreams pages through ListStreams. It returns at least one stream, oldest first: labels are timestamps.
func (t *Table) listStreams(ctx context.Context) (arns []arn, err error) {
	for last := ""; ; {
		in := &sdk.ListStreamsInput{TableName: &t.name}
		if last != "" {
			in.ExclusiveStartStreamArn = &last
		}
		page, err := t.client.ListStreams(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range page.Streams {
			text := aws.ToString(page.Streams[i].StreamArn)
			parsed, err := config.ParseARN(text)
			if err != nil {
				return nil, fmt.Errorf("ddbstreams: %q %w", text, err)
			}
			a, err := newARN(parsed)
			if err != nil {
				return nil, err
			}
			if a.name == t.name {
				arns = append(arns, a)
			}
		}
		next := aws.ToString(page.LastEvaluatedStreamArn)
		switch {
		case next == "" && len(arns) == 0:
			return nil, fmt.Errorf("%w: there is no such table, or it has no stream yet: enable one (StreamSpecification)", esm.ErrNoStream)
		case next == "":
			slices.SortFunc(arns, func(x, y arn) int { return cmp.Compare(x.label, y.label) })
			return arns, nil
		case next == last:
			return nil, errPageRepeats
		}
		last = next
	}
}

// recordLocations stores which stream listed the shards.
func (t *Table) recordLocations(stream *Stream, shards []esm.Shard, replaced bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range shards {
		t.shards[shards[i].ID] = location{stream, replaced && !shards[i].Closed}
	}
}

// chain makes the first shards of a stream children of the last shards of the stream before it. It returns the stream's own
// last shards: those without children.
func chain(shards []esm.Shard, before []string) (last []string) {
	if len(shards) == 0 {
		return before
	}
	own, parents := map[string]bool{}, map[string]bool{}
	for i := range shards {
		own[shards[i].ID] = true
		for _, parent := range shards[i].Parents {
			parents[parent] = true
		}
	}
	for i := range shards {
		if !slices.ContainsFunc(shards[i].Parents, func(id string) bool { return own[id] }) {
			shards[i].Parents = slices.Concat(shards[i].Parents, before)
		}
		if !parents[shards[i].ID] {
			last = append(last, shards[i].ID)
		}
	}
	return last
}

func (t *Table) location(shard string) (at location, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, known = t.shards[shard]
	return at, known
}

// Open implements [esm.Stream] on the stream that listed the shard last. If none did, it lists the streams once more before
// it returns [esm.ErrNoShard].
func (t *Table) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	at, known := t.location(shard)
	if !known {
		if _, err := t.List(ctx); err != nil {
			return nil, err
		}
		at, known = t.location(shard)
	}
	if !known {
		return nil, fmt.Errorf("ddbstreams: open %s of %s: %w", shard, t.name, esm.ErrNoShard)
	}
	r, err := at.stream.Open(ctx, shard, from)
	if err != nil {
		return nil, err
	}
	return &tableReader{Reader: r, table: t, shard: shard}, nil
}

// tableReader reads a shard whose stream may be replaced. Some services never close such a shard, so Read returns io.EOF
// when no record was read for drainedAfter.
type tableReader struct {
	esm.Reader
	table      *Table
	shard      string
	emptySince time.Time // zero unless the shard may never close
}

// drainedAfter is long because many reads may be empty before the next record of a sparse shard.
const drainedAfter = 30 * time.Second

// Read implements [esm.Reader].
func (r *tableReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.Reader.Read(ctx, limit)
	at, _ := r.table.location(r.shard)
	switch {
	case err != nil || len(recs) > 0 || !at.mayNeverClose:
		r.emptySince = time.Time{}
	case r.emptySince.IsZero():
		r.emptySince = time.Now()
	case time.Since(r.emptySince) > drainedAfter:
		return nil, io.EOF
	}
	return recs, err
}
