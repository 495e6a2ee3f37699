package kinesis

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPageIsTenMebibytes(t *testing.T) {
	const each = 3 << 20
	sh := &shard{next: 1}
	for _, size := range []int{each, each, each, each, maxReadBytes + 1} {
		sh.recs = append(sh.recs, record{arrived: 1000, size: size})
		sh.next++
	}
	next := int64(1)
	for _, want := range []page{{next: 4, behind: 7}, {next: 5, behind: 7}, {next: 6}, {next: 6}} {
		got := sh.read(next, maxRead, maxReadBytes, 1007)
		if got.next != want.next || got.behind != want.behind || len(got.recs) != int(want.next-next) {
			t.Errorf("from %d: %d records, then %d, %d ms behind; want then %d, %d ms", next, len(got.recs), got.next, got.behind, want.next, want.behind)
		}
		next = got.next
	}
}

// FuzzReading reads a shard from any index.
func FuzzReading(f *testing.F) {
	f.Add(int64(1), 3, 10)
	f.Add(int64(lastIndex), 1, 0)
	f.Fuzz(func(t *testing.T, from int64, limit, bytes int) {
		sh := &shard{next: 1}
		for range 5 {
			sh.put(1000, &entry{Data: []byte("abc")})
		}
		sh.recs = sh.recs[2:] // trimmed
		p := sh.read(max(1, from), max(1, min(limit, 10_000)), max(0, min(bytes, 100)), 2000)
		if len(p.recs) > 3 || p.next > sh.next || p.next <= int64(len(p.recs)) || p.end {
			t.Errorf("from %d: %d records, then %d", from, len(p.recs), p.next)
		}
	})
}

func TestLargestRecord(t *testing.T) {
	s := new(Server)
	post(s, "CreateStream", `{"StreamName":"s","ShardCount":1}`)
	put := func(size int) int {
		body, _ := json.Marshal(map[string]any{"StreamName": "s", "PartitionKey": strings.Repeat("k", 256), "Data": make([]byte, size)})
		return post(s, "PutRecord", string(body)).Code
	}
	if largest, larger := put(maxRecord), put(maxRecord+1); largest != 200 || larger != 400 {
		t.Fatalf("got %d for the largest record and %d for a larger one", largest, larger)
	}
	st, _ := s.find(ref{StreamName: "s"})
	it := iterator{Issued: now(), Stream: "s", Created: st.created.at, Next: 1}
	if w := post(s, "GetRecords", `{"ShardIterator":"`+it.String()+`"}`); w.Code != 200 || w.Body.Len() < maxRecord*4/3 {
		t.Errorf("got %d and %d bytes", w.Code, w.Body.Len())
	}
}
