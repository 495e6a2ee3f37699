package dynamodb

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// The limits of a GetRecords (API reference: "GetRecords").
const (
	maxRecords     = 1000
	maxRecordBytes = 1 << 20
)

type recordsInput struct {
	ShardIterator string
	Limit         *int
}

type recordsOutput struct {
	Records           []recordOutput
	NextShardIterator string `json:",omitempty"`
}

type recordOutput struct {
	EventID      string       `json:"eventID"`
	EventName    string       `json:"eventName"`
	EventVersion string       `json:"eventVersion"`
	EventSource  string       `json:"eventSource"`
	AwsRegion    string       `json:"awsRegion"`
	Dynamodb     changeOutput `json:"dynamodb"`
	UserIdentity *identity    `json:"userIdentity,omitempty"`
}

type changeOutput struct {
	ApproximateCreationDateTime int64 // seconds since 1970
	Keys                        item
	NewImage                    item `json:",omitempty"`
	OldImage                    item `json:",omitempty"`
	SequenceNumber              string
	SizeBytes                   int
	StreamViewType              string
}

type identity struct{ PrincipalId, Type string }

func (in recordsInput) limit() (int, error) {
	if in.Limit != nil && *in.Limit > maxRecords {
		return 0, wire.Errorf(namespace+"LimitExceededException", "The Limit %d is greater than %d.", *in.Limit, maxRecords)
	}
	return limitOf(in.Limit, maxRecords)
}

func (s *Server) records(now time.Time, in recordsInput) (recordsOutput, error) {
	limit, err := in.limit()
	if err != nil {
		return recordsOutput{}, err
	}
	it, ok := parseIterator(in.ShardIterator)
	if !ok || it.next > s.last+1 {
		return recordsOutput{}, invalid("Invalid ShardIterator")
	}
	if now.Sub(it.issued) >= iteratorLifetime {
		return recordsOutput{}, wire.Errorf(namespace+"ExpiredIteratorException", "Shard iterator has expired")
	}
	st, err := s.stream(it.stream, now)
	if err != nil {
		return recordsOutput{}, err
	}
	sh, err := st.shard(it.shard, now)
	if err != nil || sh.trimmed >= it.next {
		return recordsOutput{}, trimmed() // the shard existed when the iterator was issued
	}
	out, next := s.read(st, sh, it.next, limit)
	if !sh.isClosed() || sh.from(next) < len(sh.records) {
		out.NextShardIterator = iterator{st.arn, sh.id, next, now}.String()
	}
	return out, nil
}

// from returns the index of the first record whose number is n or greater.
func (sh *shard) from(n sequence) int {
	i, _ := slices.BinarySearchFunc(sh.records, n, func(r record, n sequence) int { return cmp.Compare(r.number, n) })
	return i
}

// read returns up to limit records from next on, and the number to continue at.
func (s *Server) read(st *stream, sh *shard, next sequence, limit int) (recordsOutput, sequence) {
	out, bytes := recordsOutput{Records: []recordOutput{}}, 0
	recs := sh.records[sh.from(next):]
	for i := range recs {
		shown := s.show(st, &recs[i])
		bytes += shown.Dynamodb.SizeBytes
		if i == limit || i > 0 && bytes > maxRecordBytes {
			break
		}
		out.Records = append(out.Records, shown)
		next = recs[i].number + 1
	}
	return out, next
}

// show returns a record with what the stream's view type includes.
func (s *Server) show(st *stream, r *record) recordOutput {
	out := recordOutput{
		EventID: st.eventID(r.number), EventName: r.eventName(), EventVersion: "1.1", EventSource: "aws:dynamodb", AwsRegion: s.Account.OrDefault().Region,
		Dynamodb: changeOutput{
			ApproximateCreationDateTime: r.created.Unix(),
			Keys:                        r.keys,
			SequenceNumber:              r.number.String(),
			StreamViewType:              st.view,
		},
	}
	if st.view == "NEW_IMAGE" || st.view == "NEW_AND_OLD_IMAGES" {
		out.Dynamodb.NewImage = r.new
	}
	if st.view == "OLD_IMAGE" || st.view == "NEW_AND_OLD_IMAGES" {
		out.Dynamodb.OldImage = r.old
	}
	out.Dynamodb.SizeBytes = r.keys.size() + out.Dynamodb.NewImage.size() + out.Dynamodb.OldImage.size()
	if r.expired {
		out.UserIdentity = &identity{PrincipalId: "dynamodb.amazonaws.com", Type: "Service"}
	}
	return out
}

// eventID returns the event ID of a record, which is always the same and unique.
func (st *stream) eventID(n sequence) string {
	sum := fnv.New128a()
	fmt.Fprint(sum, st.arn, n)
	return fmt.Sprintf("%x", sum.Sum(nil))
}
