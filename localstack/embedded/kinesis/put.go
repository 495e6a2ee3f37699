package kinesis

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

const (
	maxRecord  = 10 << 20 // bytes of data
	maxEntries = 500      // of a PutRecords
	maxPut     = 10 << 20 // bytes of data and keys of a PutRecords
)

// An entry is a record to put.
type entry struct {
	Data            []byte // not nil
	PartitionKey    string
	ExplicitHashKey string
	hash            hash
}

func (e *entry) size() int { return len(e.Data) + len(e.PartitionKey) }

// check refuses what Kinesis does not accept, and sets the hash key. Where is the path of the entry in the request.
func (e *entry) check(where string) error {
	key := utf8.RuneCountInString(e.PartitionKey)
	switch {
	case e.Data == nil:
		return malformed(nil, where+"data", "Member must not be null")
	case len(e.Data) > maxRecord:
		return malformed("", where+"data", "Member must have length less than or equal to %d", maxRecord)
	case key < 1:
		return malformed(e.PartitionKey, where+"partitionKey", "Member must have length greater than or equal to 1")
	case key > 256:
		return malformed(e.PartitionKey, where+"partitionKey", "Member must have length less than or equal to 256")
	case e.ExplicitHashKey == "":
		e.hash = hashOf(e.PartitionKey)
		return nil
	}
	var ok bool
	if e.hash, ok = parseHash(e.ExplicitHashKey); !ok {
		return invalid("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s", e.ExplicitHashKey)
	}
	return nil
}

// encode returns the record as an element of Records in a GetRecords response.
func (e *entry) encode(number string, arrived millis) []byte {
	key, _ := json.Marshal(e.PartitionKey) // strings always encode
	b := make([]byte, 0, 160+len(key)+base64.StdEncoding.EncodedLen(len(e.Data)))
	b = append(append(b, `{"SequenceNumber":"`...), number...)
	b = arrived.append(append(b, `","ApproximateArrivalTimestamp":`...))
	b = base64.StdEncoding.AppendEncode(append(b, `,"Data":"`...), e.Data)
	b = append(append(b, `","PartitionKey":`...), key...)
	return append(b, '}')
}

// placed says where a record is.
type placed struct{ SequenceNumber, ShardId string }

// put puts records, in order.
func (st *stream) put(entries []entry) []placed {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := now()
	out := make([]placed, len(entries))
	for i := range entries {
		sh := st.openShardOf(entries[i].hash)
		sh.trim(st.horizon(now))
		out[i] = placed{sh.put(now, &entries[i]), sh.id()}
	}
	return out
}

type putRecordInput struct {
	ref
	entry
	SequenceNumberForOrdering string
}

func (s *Server) putRecord(in putRecordInput) (placed, error) {
	if err := in.check(""); err != nil {
		return placed{}, err
	}
	st, err := s.find(in.ref)
	if err != nil {
		return placed{}, err
	}
	if n := in.SequenceNumberForOrdering; n != "" { // sequence numbers always grow
		if _, ok := parseNumber(n); !ok {
			return placed{}, invalid("ExclusiveMinimumSequenceNumber %s used in PutRecord on stream %s under account %s is invalid.", n, st.name, s.account())
		}
	}
	return st.put([]entry{in.entry})[0], nil
}

type putRecordsInput struct {
	ref
	Records []entry
}

type putRecordsOutput struct {
	FailedRecordCount int
	Records           []placed
}

func (s *Server) putRecords(in putRecordsInput) (putRecordsOutput, error) {
	if n := len(in.Records); n < 1 || n > maxEntries {
		return putRecordsOutput{}, malformed("", "records", "Member must have length between 1 and %d", maxEntries)
	}
	size := 0
	for i := range in.Records {
		if err := in.Records[i].check("records.member."); err != nil {
			return putRecordsOutput{}, err
		}
		size += in.Records[i].size()
	}
	if size > maxPut {
		return putRecordsOutput{}, invalid("Records size exceeds %d MB limit", maxPut>>20)
	}
	st, err := s.find(in.ref)
	if err != nil {
		return putRecordsOutput{}, err
	}
	return putRecordsOutput{Records: st.put(in.Records)}, nil
}
