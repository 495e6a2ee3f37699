package kinesis

import (
	"bytes"
	"crypto/md5"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

// packed is one record to be aggregated; an empty hash is none.
type packed struct{ key, hash, data string }

// seal makes an aggregate of a message.
func seal(message []byte) []byte {
	sum := md5.Sum(message)
	return slices.Concat(magic, message, sum[:])
}

// pack makes the message of an aggregate.
func pack(records ...packed) []byte {
	var keys, hashes []string
	place := func(table *[]string, text string) uint64 {
		if i := slices.Index(*table, text); i >= 0 {
			return uint64(i)
		}
		*table = append(*table, text)
		return uint64(len(*table) - 1)
	}
	var list []byte
	for _, r := range records {
		one := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), place(&keys, r.key))
		if r.hash != "" {
			one = protowire.AppendVarint(protowire.AppendTag(one, 2, protowire.VarintType), place(&hashes, r.hash))
		}
		one = protowire.AppendString(protowire.AppendTag(one, 3, protowire.BytesType), r.data)
		tag := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "name")
		one = protowire.AppendBytes(protowire.AppendTag(one, 4, protowire.BytesType), tag)
		list = protowire.AppendBytes(protowire.AppendTag(list, 3, protowire.BytesType), one)
	}
	var out []byte
	for number, table := range map[protowire.Number][]string{1: keys, 2: hashes} {
		for _, text := range table {
			out = protowire.AppendString(protowire.AppendTag(out, number, protowire.BytesType), text)
		}
	}
	return append(out, list...)
}

func TestAggregates(t *testing.T) {
	want := []packed{{"a", "", "one"}, {"b", "77", "two"}, {"a", "", ""}, {"a", "77", "\x00\xff"}}
	a, ok := parseAggregate(seal(pack(want...)))
	if !ok {
		t.Fatal("no aggregate")
	}
	var got []packed
	for _, r := range a.records {
		p := packed{key: a.keys[r.key], data: string(r.data)}
		if r.hash >= 0 {
			p.hash = a.hashes[r.hash]
		}
		got = append(got, p)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInvalidAggregates(t *testing.T) {
	sound := seal(pack(packed{"a", "", "one"}))
	damaged := slices.Clone(sound)
	damaged[8] ^= 1
	varint := func(number protowire.Number, value uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
	}
	text := func(number protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	for name, data := range map[string][]byte{
		"empty":               nil,
		"the magic alone":     magic,
		"without its end":     sound[:len(sound)-1],
		"damaged":             damaged,
		"without the magic":   sound[1:],
		"no records":          seal(text(1, "a")),
		"nothing":             seal(nil),
		"no protobuf":         seal([]byte("{}")),
		"a key out of range":  seal(slices.Concat(text(1, "a"), text(3, string(slices.Concat(varint(1, 1), text(3, "x")))))),
		"a hash out of range": seal(slices.Concat(text(1, "a"), text(3, string(slices.Concat(varint(1, 0), varint(2, 0), text(3, "x")))))),
		"no key":              seal(slices.Concat(text(1, "a"), text(3, string(text(3, "x"))))),
		"no data":             seal(slices.Concat(text(1, "a"), text(3, string(varint(1, 0))))),
		"a huge index":        seal(slices.Concat(text(1, "a"), text(3, string(slices.Concat(varint(1, 1<<63), text(3, "x")))))),
		"a key as a number":   seal(slices.Concat(varint(1, 0), text(3, string(slices.Concat(varint(1, 0), text(3, "x")))))),
		"a hash of letters":   seal(slices.Concat(text(2, "x"), pack(packed{"a", "", "one"}))),
		"cut":                 seal(pack(packed{"a", "", "one"})[:5]),
	} {
		if a, ok := parseAggregate(data); ok {
			t.Errorf("%s: taken apart: %+v", name, a)
		}
		r := recordOf("k", string(data))
		recs := streamOf(t, &awstest.Service{}, consumerARN, "", nil).expand(firstShard, hashes{"0", "9"}, "", &r)
		if len(recs) != 1 || recs[0].Receipt != recs[0].ID || !bytes.Equal(decode(t, recs[0].Event).Kinesis.Data, data) {
			t.Errorf("%s: became %v", name, recs)
		}
	}
}

func TestDeaggregatedRecords(t *testing.T) {
	s := streamOf(t, &awstest.Service{}, consumerARN, "", nil)
	r := recordOf("outer", string(seal(pack(packed{"a", "5", "one"}, packed{"b", "", "two"}))))
	recs := s.expand(firstShard, hashes{"5", "9"}, "", &r)
	if len(recs) != 2 {
		t.Fatalf("%d records", len(recs))
	}
	for i, rec := range recs {
		e := decode(t, rec.Event)
		if rec.ID != *r.SequenceNumber || rec.Receipt != rec.ID+"/"+string(rune('0'+i)) || e.EventID != firstShard+":"+rec.ID {
			t.Errorf("record %d: %+v, %+v", i, rec, e)
		}
		if want := []string{"a", "b"}[i]; rec.Group != want || e.Kinesis.PartitionKey != want {
			t.Errorf("record %d has the key %q and %q", i, rec.Group, e.Kinesis.PartitionKey)
		}
		if want := []string{"one", "two"}[i]; string(e.Kinesis.Data) != want || !rec.Arrived.Equal(*r.ApproximateArrivalTimestamp) {
			t.Errorf("record %d: %+v", i, e)
		}
	}
	for _, h := range []hashes{{"6", "9"}, {"0", "4"}, {"10", "100"}} {
		if recs := s.expand(firstShard, h, "", &r); len(recs) != 0 {
			t.Errorf("an aggregate of another shard than %v became %d records", h, len(recs))
		}
	}
}

func TestResumeWithinAggregate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		r.Memory.Put("k", string(seal(pack(packed{"a", "", "0"}, packed{"b", "", "1"}, packed{"c", "", "2"}))))
		r.Put("after")
		reader := r.Open(esm.From{})
		recs, err := reader.Read(t.Context(), 10)
		reader.Close()
		if err != nil || len(recs) != 4 {
			t.Fatalf("%d records, %v", len(recs), err)
		}
		for i, want := range [][]string{{"1", "2", "after"}, {"2", "after"}, {"after"}} {
			reader := r.Open(esm.From{After: recs[i].Receipt})
			if got := r.Collect(reader, len(want)); !slices.Equal(got, want) {
				t.Errorf("after %s: %q, want %q", recs[i].Receipt, got, want)
			}
			reader.Close()
		}
	})
}

func TestAggregateWithoutConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		whole := string(seal(pack(packed{"a", "", "0"}, packed{"b", "", "1"})))
		_, seq := r.Memory.Put("k", whole)
		for _, from := range []esm.From{{}, {After: seq + "/0"}} {
			reader := r.Open(from)
			if got := r.Read(reader, 10); !slices.Equal(got, []string{whole}) {
				t.Errorf("from %v: %q", from, got)
			}
			reader.Close()
		}
	})
}

func FuzzAggregate(f *testing.F) {
	f.Add(pack(packed{"a", "77", "one"}, packed{"b", "", "two"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, message []byte) {
		start := time.Now()
		a, ok := parseAggregate(seal(message))
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s", took)
		}
		for _, r := range a.records {
			if ok && (strings.ToValidUTF8(a.keys[r.key], "?") != a.keys[r.key] || r.hash >= 0 && !isNumber(a.hashes[r.hash])) {
				t.Errorf("a record with key %q", a.keys[r.key])
			}
		}
	})
}

func TestIsNumber(t *testing.T) {
	for text, want := range map[string]bool{"": false, "None": false, "12": true, "-1": false, "1.0": false} {
		if got := isNumber(text); got != want {
			t.Errorf("%q is a number: %t", text, got)
		}
	}
}
