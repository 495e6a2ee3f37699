package checkpoint

import (
	"bytes"
	"encoding/json"
	"reflect"
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

// FuzzUnpackEvent reads any bytes as an event, its times and a notice, as FuzzUnpack does.
func FuzzUnpackEvent(f *testing.F) {
	e := esm.Event{
		ID: "id", Function: "f:live", Payload: json.RawMessage("1"), TraceHeader: "Root=1", Accepted: time.Unix(-1, 5), Crashes: 2,
		Last: &esm.EventResult{NoticeResponse: esm.NoticeResponse{Status: 200}, Payload: json.RawMessage("null"), Error: "e"},
	}
	o := esm.OwedNotice{Destination: "arn", Notice: esm.Notice{ID: "n", Event: &esm.EventEnd{DeadLetter: true, Error: "e"}}}
	f.Add(packEvent(e).fields)
	f.Add(pack(esm.Key{}, func(w *wire) { w.times(&e) }).fields)
	f.Add(pack(esm.Key{}, func(w *wire) { w.owedNotice(&o) }).fields)
	f.Fuzz(func(t *testing.T, fields []byte) {
		var e esm.Event
		var o esm.OwedNotice
		for name, each := range map[string]func(*wire){
			"event": func(w *wire) { w.event(&e) }, "times": func(w *wire) { w.times(&e) }, "notice": func(w *wire) { w.owedNotice(&o) },
		} {
			functionOf(fields)
			if _, err := unpack(packed{fields, sumUnder(esm.Key{}, fields)}.seal(7), esm.Key{}, each); err != nil {
				continue
			}
			p := pack(esm.Key{}, each)
			if place, err := unpack(p.seal(7), esm.Key{}, each); err != nil || place != 7 || !bytes.Equal(pack(esm.Key{}, each).fields, p.fields) {
				t.Errorf("%s of %x: %+v, %+v (%v)", name, fields, e, o, err)
			}
		}
	})
}

// TestANoticeOfAnOlderSchema reads a notice as schema 3 stored it: without the last field.
func TestANoticeOfAnOlderSchema(t *testing.T) {
	u := esm.UndeliveredNotice{Destination: "arn", Notice: esm.Notice{ID: "n", Payload: json.RawMessage("1")}}
	fields := pack(esm.Key{}, func(w *wire) { w.undelivered(&u) }).fields
	fields = fields[:len(fields)-1] // no event
	got, err := unpackUndelivered(packed{fields, sumUnder(esm.Key{}, fields)}.seal(0))
	if err != nil || !reflect.DeepEqual(got, u) {
		t.Errorf("got %+v (%v), want %+v", got, err, u)
	}
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
