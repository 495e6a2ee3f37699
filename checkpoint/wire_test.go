package checkpoint

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// FuzzUnpack reads any bytes as a value: never with a panic, nor with more memory than they are worth, and what can be
// read is written again as what can be read.
func FuzzUnpack(f *testing.F) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	f.Add(packCheckpoint(usual(1), k).fields)
	f.Add(packCheckpoint(esm.Checkpoint{
		Since: time.Unix(-1, 5), Lanes: []string{"1", ""}, Owed: []esm.Owed{{ID: "a", Lane: -3, Tries: 1 << 40}},
		Window: &esm.Window{State: json.RawMessage(`{}`), Final: true},
	}, k).fields)
	f.Add([]byte{1, 'x', 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, fields []byte) {
		cp, err := unpackCheckpoint(packed{fields, sumUnder(k, fields)}.seal(7), k)
		if err != nil {
			return
		}
		p := packCheckpoint(cp, k)
		again, err := unpackCheckpoint(p.seal(7), k)
		if err != nil || cp.Version != 7 || !bytes.Equal(packCheckpoint(again, k).fields, p.fields) {
			t.Errorf("%x: %+v, then %+v (%v)", fields, cp, again, err)
		}
	})
}

func TestAValueIsBoundToItsKey(t *testing.T) {
	k := esm.Key{Mapping: "m", Shard: "s"}
	value := packCheckpoint(usual(1), k).seal(3)
	if cp, err := unpackCheckpoint(value, k); err != nil || cp.Version != 3 {
		t.Errorf("got %+v, %v", cp, err)
	}
	for _, other := range []esm.Key{{Mapping: "m", Shard: "t"}, {Mapping: "n", Shard: "s"}} {
		if _, err := unpackCheckpoint(value, other); err == nil {
			t.Errorf("read under %+v", other)
		}
	}
	for end := range value {
		if _, err := unpackCheckpoint(value[:end], k); err == nil {
			t.Errorf("read when cut after %d bytes", end)
		}
	}
}
