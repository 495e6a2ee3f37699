package mappings

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
)

// TestRead tests the order and the origins. That Read predicts what Open has is checked wherever a rig is opened.
func TestRead(t *testing.T) {
	f, g := inFile(uuid2, ofStream("f")), inFile(uuid1, ofStream("g"))
	smaller := inFile(uuid1, ofStream("g"), size(5))
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &checkpointtest.Memory{}, f, g).open()
		made := r.create(ofQueue("h"))
		r.update(f.UUID, size(7))
		synctest.Wait()
		r.runner.setInHand(time.Hour)
		if _, err := r.Delete(t.Context(), g.UUID); err != nil {
			t.Fatal(err)
		}
		r.Close() // before the batches in hand are settled and g is forgotten
		defer r.runner.stop()
		fromHTTP := Expected{Mapping: made.Mapping, Origin: OriginHTTP}
		changedF := Expected{Mapping: inFile(f.UUID, f, size(7)), Origin: OriginFile, Changed: true}
		for _, test := range []struct {
			file []config.Mapping
			want []Expected
		}{
			{[]config.Mapping{f, g}, []Expected{changedF, fromHTTP}},
			{[]config.Mapping{smaller, f}, []Expected{{Mapping: smaller, Origin: OriginFile, Restarts: true}, changedF, fromHTTP}},
			{[]config.Mapping{g}, []Expected{fromHTTP}},
		} {
			got, err := Read(t.Context(), test.file, r.store, r.config.FunctionArn)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, test.want)
			}
		}
	})
}

func TestReadUnknownMember(t *testing.T) {
	store := &checkpointtest.Memory{}
	if err := store.Write(t.Context(), kind, map[string][]byte{uuid1: []byte(`{"Origin":"HTTP","Colour":"red"}`)}); err != nil {
		t.Fatal(err)
	}
	if all, err := Read(t.Context(), nil, store, nil); err == nil {
		t.Errorf("got %+v", all)
	}
}
