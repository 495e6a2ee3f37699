package ddbstreams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/internal/awserr"
	"github.com/esm-run/esm/sources/internal/silence"
)

// TableConfig is what a [Table] is made from.
type TableConfig struct {
	// Client, IdlePoll and Calls are those of [Config].
	Client   *sdk.Client
	IdlePoll time.Duration
	Calls    *Calls

	// ARN names the table, without a stream.
	ARN string

	// First is the identity by which the table was followed before; empty for a table that never was.
	First string
}

// Table is a table's streams as one: the stream that was its current one when it was first listed, and all that have
// taken its place since. The shards of each come behind those of the one before it, so that an old stream is drained as
// far as it can still be read, and then the new one is read from its beginning.
type Table struct {
	each   Config // of the streams, without their ARN
	client *sdk.Client
	name   string

	mu      sync.Mutex
	first   string
	streams map[string]*Stream // by label
	homes   map[string]home    // by shard
}

// home is where a shard was listed.
type home struct {
	stream *Stream
	silent bool // nothing is written to the shard any more, but it is open: its stream is not the table's current one
}

var _ esm.Stream = (*Table)(nil)

// NewTable makes a Table. It does not talk to the network: the table need not exist yet.
func NewTable(c TableConfig) (*Table, error) {
	a, err := config.ParseARN(c.ARN)
	name, isTable := strings.CutPrefix(a.Resource, "table/")
	if err != nil || a.Service != "dynamodb" || !isTable || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("ddbstreams: %q is not the ARN of a table (arn:aws:dynamodb:region:account:table/name)", c.ARN)
	}
	if c.Calls == nil {
		c.Calls = &Calls{}
	}
	options := c.Client.Options()
	options.HTTPClient = silence.Client(options.HTTPClient)
	return &Table{
		each: Config{Client: c.Client, IdlePoll: c.IdlePoll, Calls: c.Calls}, client: sdk.New(options),
		name: name, first: c.First, streams: map[string]*Stream{}, homes: map[string]home{},
	}, nil
}

// List is [esm.Stream].List by a ListStreams, and a DescribeStream for each hundred shards of each stream. The identity
// is the label of the first stream. A table without a stream is [esm.ErrNoStream].
func (t *Table) List(ctx context.Context) (esm.Listing, error) {
	followed, err := t.followed(ctx)
	if err != nil {
		return esm.Listing{}, fmt.Errorf("ddbstreams: list the streams of %s: %w", t.name, codes.Wrap(err))
	}
	listing := esm.Listing{Identity: t.identity(), Retention: retention}
	var ends []string // the last shards of the stream before
	for i, stream := range followed {
		shards, err := stream.shards(ctx)
		if awserr.NotFound(err) && i < len(followed)-1 {
			continue // it has ceased to be readable
		}
		if err != nil {
			return esm.Listing{}, stream.failed("list", err)
		}
		t.settle(stream, shards, i < len(followed)-1)
		behind(shards, ends)
		if len(shards) > 0 {
			ends = lastOf(shards)
		}
		for j := range shards {
			shards[j].Source = stream.arn.text
		}
		listing.Shards = append(listing.Shards, shards...)
		listing.Ahead = time.Duration(stream.ahead.Load())
	}
	return listing, nil
}

// followed lists the table's streams from the first on, oldest first. A table that was never listed begins with its
// latest.
func (t *Table) followed(ctx context.Context) ([]*Stream, error) {
	listed, err := t.listed(ctx)
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		return nil, fmt.Errorf("%w: there is no such table, or it has none yet: enable one (StreamSpecification)", esm.ErrNoStream)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == "" {
		t.first = listed[len(listed)-1].label
	}
	var followed []*Stream
	for _, a := range listed {
		if a.label < t.first {
			continue
		}
		if t.streams[a.label] == nil {
			t.streams[a.label] = newStream(t.each, a)
		}
		followed = append(followed, t.streams[a.label])
	}
	return followed, nil
}

// listed are the streams of the table, by their age, of which a label tells.
func (t *Table) listed(ctx context.Context) (arns []arn, err error) {
	for last := (*string)(nil); ; {
		page, err := t.client.ListStreams(ctx, &sdk.ListStreamsInput{TableName: &t.name, ExclusiveStartStreamArn: last})
		if err != nil {
			return nil, err
		}
		for i := range page.Streams {
			a, err := streamOf(&page.Streams[i])
			if err != nil {
				return nil, err
			}
			if a.name == t.name {
				arns = append(arns, a)
			}
		}
		if aws.ToString(page.LastEvaluatedStreamArn) == aws.ToString(last) && aws.ToString(last) != "" {
			return nil, errors.New("a page that ends where it began")
		}
		if last = page.LastEvaluatedStreamArn; aws.ToString(last) == "" {
			slices.SortFunc(arns, func(x, y arn) int { return cmp.Compare(x.label, y.label) })
			return arns, nil
		}
	}
}

func streamOf(s *types.Stream) (arn, error) { return parseARN(aws.ToString(s.StreamArn)) }

func (t *Table) identity() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first
}

// settle notes where shards are at home.
func (t *Table) settle(stream *Stream, shards []esm.Shard, replaced bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range shards {
		t.homes[shards[i].ID] = home{stream, replaced && !shards[i].Closed}
	}
}

// behind makes shards that continue none of their own stream continue those of the stream before it.
func behind(shards []esm.Shard, ends []string) {
	own := map[string]bool{}
	for i := range shards {
		own[shards[i].ID] = true
	}
	for i := range shards {
		continues := slices.ContainsFunc(shards[i].Parents, func(id string) bool { return own[id] })
		if !continues && len(ends) > 0 {
			shards[i].Parents = slices.Concat(shards[i].Parents, ends)
		}
	}
}

// lastOf are the shards that none continues.
func lastOf(shards []esm.Shard) (last []string) {
	continued := map[string]bool{}
	for i := range shards {
		for _, parent := range shards[i].Parents {
			continued[parent] = true
		}
	}
	for i := range shards {
		if !continued[shards[i].ID] {
			last = append(last, shards[i].ID)
		}
	}
	return last
}

func (t *Table) home(shard string) (at home, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, known = t.homes[shard]
	return at, known
}

// silent reports whether a shard ought to be closed, and is not.
func (t *Table) silent(shard string) bool {
	at, _ := t.home(shard)
	return at.silent
}

// Open is [esm.Stream].Open on the stream that the shard is at home in, as it was listed last. One that was not listed, and
// is not now, is [esm.ErrNoShard].
func (t *Table) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	at, known := t.home(shard)
	if !known {
		if _, err := t.List(ctx); err != nil {
			return nil, err
		}
		at, known = t.home(shard)
	}
	if !known {
		return nil, fmt.Errorf("ddbstreams: open %s of %s: %w", shard, t.name, esm.ErrNoShard)
	}
	r, err := at.stream.Open(ctx, shard, from)
	if err != nil {
		return nil, err
	}
	return &drain{Reader: r, table: t, shard: shard}, nil
}

// drain reads a shard of a stream that may be replaced by another one. Nothing is written to it then, but some services
// never close it: it ends when nothing has come of it for a while. One that was closed ends by itself.
type drain struct {
	esm.Reader
	table *Table
	shard string
	quiet time.Time // since when nothing has come, and nothing more is written
}

// drainedAfter is how long a shard of a replaced stream is read without finding anything. A sparse shard may need many
// reads to be got through.
const drainedAfter = 30 * time.Second

func (d *drain) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := d.Reader.Read(ctx, limit)
	switch {
	case err != nil || len(recs) > 0 || !d.table.silent(d.shard):
		d.quiet = time.Time{}
	case d.quiet.IsZero():
		d.quiet = time.Now()
	case time.Since(d.quiet) > drainedAfter:
		return nil, io.EOF
	}
	return recs, err
}
