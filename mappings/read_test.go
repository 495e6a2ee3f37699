package mappings

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

// What an engine would have is told in the order of the file, with where it is from. That it will have just that is looked
// at wherever these tests open a register.
func TestRead(t *testing.T) {
	f, g := inFile(uuid2, ofStream("f")), inFile(uuid1, ofStream("g"))
	smaller := inFile(uuid1, ofStream("g"), size(5))
	synctest.Test(t, func(t *testing.T) {
		h := enter(t, &checkpoint.Memory{}, f, g).open()
		made := h.create(ofQueue("h"))
		h.update(f.UUID, size(7))
		synctest.Wait()
		h.runner.takes(time.Hour)
		if _, err := h.Delete(t.Context(), g.UUID); err != nil {
			t.Fatal(err)
		}
		h.Close() // before what is in hand is settled, and so before g is forgotten
		defer h.runner.endAll()
		fromHTTP := Kept{Mapping: made.Mapping, Origin: OriginHTTP}
		changedF := Kept{Mapping: inFile(f.UUID, f, size(7)), Origin: OriginFile, Changed: true}
		for _, test := range []struct {
			file []config.Mapping
			want []Kept
		}{
			{[]config.Mapping{f, g}, []Kept{changedF, fromHTTP}},
			{[]config.Mapping{smaller, f}, []Kept{{Mapping: smaller, Origin: OriginFile, Anew: true}, changedF, fromHTTP}},
			{[]config.Mapping{g}, []Kept{fromHTTP}},
		} {
			got, err := Read(t.Context(), test.file, h.store, h.config.FunctionArn)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, test.want)
			}
		}
	})
}

func TestReadOfWhatIsNotReadable(t *testing.T) {
	store := &checkpoint.Memory{}
	if err := store.Write(t.Context(), kind, map[string][]byte{uuid1: []byte(`{"Origin":"HTTP","Colour":"red"}`)}); err != nil {
		t.Fatal(err)
	}
	if all, err := Read(t.Context(), nil, store, nil); err == nil {
		t.Errorf("got %+v", all)
	}
}
