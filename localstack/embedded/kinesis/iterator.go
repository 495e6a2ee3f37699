package kinesis

import (
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// An iterator is a reader's position.
type iterator struct {
	Issued  millis
	Stream  string
	Created millis // of the stream
	Shard   int
	Next    int64 // index of the record
}

const iteratorLifetime = 5 * time.Minute

func (it iterator) String() string { return encodeOpaque(opaqueIterator, it) }

// parseIterator parses what String returned.
func parseIterator(text string) (it iterator, ok bool) {
	return it, decodeOpaque(opaqueIterator, text, &it) && it.Next > 0
}

// checkAge refuses an iterator that has expired.
func (it iterator) checkAge(now millis) error {
	const form = "Mon Jan 02 15:04:05 UTC 2006"
	lifetime := iteratorLifetime.Milliseconds()
	if int64(now-it.Issued) <= lifetime {
		return nil
	}
	return wire.Errorf("ExpiredIteratorException", "Iterator expired. The iterator was created at time %s while right now it is %s "+
		"which is further in the future than the tolerated delay of %d milliseconds.",
		it.Issued.time().UTC().Format(form), now.time().UTC().Format(form), lifetime)
}

// A position says where to begin in a shard.
type position struct {
	Type           string
	SequenceNumber string
	Timestamp      *millis
}

const (
	atNumber    = "AT_SEQUENCE_NUMBER"
	afterNumber = "AFTER_SEQUENCE_NUMBER"
	trimHorizon = "TRIM_HORIZON"
	latest      = "LATEST"
	atTimestamp = "AT_TIMESTAMP"
)

// seek returns the index of the first record at a position. The stream is locked.
func (st *stream) seek(sh *shard, p position, now millis) (int64, error) {
	numbered := p.Type == atNumber || p.Type == afterNumber
	switch {
	case numbered != (p.SequenceNumber != ""):
		return 0, mismatched(p)
	case p.Type == atNumber:
		index, err := st.indexOf(sh, p.SequenceNumber)
		return min(max(index, 1), sh.next), err
	case p.Type == afterNumber:
		index, err := st.indexOf(sh, p.SequenceNumber)
		return min(index, sh.next-1) + 1, err
	case p.Type == trimHorizon:
		return sh.oldest(), nil
	case p.Type == latest:
		return sh.next, nil
	case p.Type != atTimestamp:
		return 0, malformed(p.Type, "shardIteratorType", "Member must satisfy enum value set: "+
			"[AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")
	case p.Timestamp == nil:
		return 0, invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.")
	case *p.Timestamp > now:
		return 0, invalid("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "+
			"timestampInMillis: %d, currentTimestampInMillis: %d", *p.Timestamp, now)
	}
	return sh.at(*p.Timestamp), nil
}

func mismatched(p position) error {
	and := "no"
	if p.SequenceNumber != "" {
		and = "also a"
	}
	return invalid("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "+
		"(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified %s and %s StartingSequenceNumber.", p.Type, and)
}

// indexOf returns the index of the record with a sequence number of the shard.
func (st *stream) indexOf(sh *shard, text string) (int64, error) {
	used := "StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s under account %s is invalid"
	n, ok := parseNumber(text)
	switch {
	case !ok:
		return 0, invalid(used+".", text, sh.id(), st.name, st.account)
	case n.shard != sh.index:
		return 0, invalid("Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to a shard with %s", shardID(n.shard), sh.id())
	case n.epoch != sh.created.epoch, n.index >= sh.next && (sh.open() || n.index != lastIndex):
		return 0, invalid(used+" because it did not come from this stream.", text, sh.id(), st.name, st.account)
	}
	return n.index, nil
}

type iteratorInput struct {
	ref
	ShardId                string
	ShardIteratorType      string
	StartingSequenceNumber string
	Timestamp              *millis
}

type iteratorOutput struct{ ShardIterator string }

func (s *Server) shardIterator(st *stream, in iteratorInput) (out iteratorOutput, err error) {
	now := now()
	sh, err := st.named(in.ShardId, now)
	if err != nil {
		return out, err
	}
	next, err := st.seek(sh, position{in.ShardIteratorType, in.StartingSequenceNumber, in.Timestamp}, now)
	if err != nil {
		return out, err
	}
	return iteratorOutput{iterator{now, st.name, st.created.at, sh.index, next}.String()}, nil
}
