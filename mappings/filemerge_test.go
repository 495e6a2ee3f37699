package mappings

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm/config"
)

var (
	before = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	later  = before.Add(time.Hour)
)

func pairByName(m config.Mapping) pair { return pair{m.FunctionName, m.EventSourceArn, m.Endpoint} }

// asFile returns the row of a mapping of the file, asHTTP that of one made over HTTP.
func asFile(m config.Mapping) row {
	return row{Origin: OriginFile, File: &m, LastModified: before}
}

func asHTTP(uuid string, m config.Mapping, changes ...func(*config.Mapping)) row {
	m = inFile(uuid, m, changes...)
	return row{Origin: OriginHTTP, HTTP: &m, LastModified: before}
}

func changedTo(r row, changes ...func(*config.Mapping)) row {
	return r.changedTo(inFile(r.File.UUID, *r.File, changes...))
}

func (r row) at(t time.Time) row { r.LastModified = t; return r }

func (r row) toForget() row { r.Forget = true; return r }

func TestMergeFile(t *testing.T) {
	f, g := inFile(uuid1, ofQueue("f")), inFile(uuid2, ofQueue("g"))
	smaller := inFile(uuid1, ofQueue("f"), size(5))
	deleted := asFile(f).deleted(before)
	forgot, _ := deleted.forgotten()
	httpGone := row{Origin: OriginHTTP, Deleted: true, Forget: true, LastModified: before}

	for name, test := range map[string]struct {
		file  []config.Mapping
		kept  []row
		want  []row
		notes []string // UUID and text
	}{
		"the first start":       {[]config.Mapping{f, g}, nil, []row{asFile(f).at(later), asFile(g).at(later)}, nil},
		"nothing new":           {[]config.Mapping{f}, []row{asFile(f)}, []row{asFile(f)}, nil},
		"made over HTTP":        {nil, []row{asHTTP(uuid1, ofQueue("f"))}, []row{asHTTP(uuid1, ofQueue("f"))}, nil},
		"changed in the file":   {[]config.Mapping{smaller}, []row{asFile(f)}, []row{asFile(smaller).at(later)}, nil},
		"removed from the file": {[]config.Mapping{g}, []row{asFile(f), asFile(g)}, []row{asFile(g)}, []string{uuid1 + removed}},
		"removed from the file, changed over HTTP": {
			nil, []row{changedTo(asFile(f), size(5))}, nil, []string{uuid1 + removed},
		},
		"a default that is written out is no change": {
			[]config.Mapping{inFile(uuid1, ofQueue("f"), size(10), enabled(true))},
			[]row{changedTo(asFile(f), size(7))}, []row{changedTo(asFile(f), size(7))}, []string{uuid1 + stillChanged},
		},
		"stored by an older release, without a member that has a default": {
			[]config.Mapping{f}, []row{asFile(withoutWindow(f)).deleted(before)}, []row{asFile(withoutWindow(f)).deleted(before)},
			[]string{uuid1 + stillDeleted},
		},
		"changed over HTTP, and then in the file": {
			[]config.Mapping{smaller}, []row{changedTo(asFile(f), size(7))}, []row{asFile(smaller).at(later)}, []string{uuid1 + overruled},
		},
		"deleted over HTTP":                 {[]config.Mapping{f}, []row{forgot}, []row{forgot}, []string{uuid1 + stillDeleted}},
		"deleted over HTTP, not forgotten":  {[]config.Mapping{f}, []row{deleted}, []row{deleted}, []string{uuid1 + stillDeleted}},
		"deleted, then changed in the file": {[]config.Mapping{smaller}, []row{forgot}, []row{asFile(smaller).at(later)}, []string{uuid1 + restored}},
		"the same, not forgotten":           {[]config.Mapping{smaller}, []row{deleted}, []row{asFile(smaller).at(later).toForget()}, []string{uuid1 + restored}},
		"deleted, then removed":             {nil, []row{forgot}, nil, nil},
		"deleted, not forgotten, removed":   {nil, []row{deleted}, []row{httpGone}, nil},
		"one of HTTP, not forgotten":        {nil, []row{httpGone}, []row{httpGone}, nil},
		"one of HTTP, its UUID in the file": {[]config.Mapping{smaller}, []row{asHTTP(uuid1, ofQueue("f"))}, []row{asFile(smaller).at(later)}, []string{uuid1 + adopted}},
		"one of HTTP, its pair in the file": {[]config.Mapping{f}, []row{asHTTP(uuid3, ofQueue("f"))}, []row{asFile(f).at(later)}, []string{uuid3 + replaced}},
		"one of HTTP, its pair at a mapping that is deleted": {
			[]config.Mapping{f}, []row{forgot, asHTTP(uuid3, ofQueue("f"))}, []row{forgot, asHTTP(uuid3, ofQueue("f"))}, []string{uuid1 + stillDeleted},
		},
		"the same, which is back": {
			[]config.Mapping{smaller}, []row{forgot, asHTTP(uuid3, ofQueue("f"))}, []row{asFile(smaller).at(later)},
			[]string{uuid1 + restored, uuid3 + replaced},
		},
		"HTTP gave one the pair of one that is new in the file": {
			[]config.Mapping{f, g}, []row{changedTo(asFile(f), function("g"))}, []row{asFile(f).at(later), asFile(g).at(later)},
			[]string{uuid1 + stillChanged, uuid1 + reverted},
		},
		"and its own one to one of HTTP": {
			[]config.Mapping{f, g}, []row{changedTo(asFile(f), function("g")), asHTTP(uuid3, ofQueue("f"))},
			[]row{asFile(f).at(later), asFile(g).at(later)}, []string{uuid1 + stillChanged, uuid1 + reverted, uuid3 + replaced},
		},
		"and its own one to another one of the file": {
			[]config.Mapping{f, inFile(uuid2, ofQueue("h")), inFile(uuid3, ofQueue("g"))},
			[]row{changedTo(asFile(f), function("g")), changedTo(asFile(inFile(uuid2, ofQueue("h"))), function("f"))},
			[]row{asFile(f).at(later), asFile(inFile(uuid2, ofQueue("h"))).at(later), asFile(inFile(uuid3, ofQueue("g"))).at(later)},
			[]string{uuid1 + stillChanged, uuid2 + stillChanged, uuid1 + reverted, uuid2 + reverted},
		},
		"two that HTTP has swapped": {
			[]config.Mapping{f, g}, []row{changedTo(asFile(f), function("g")), changedTo(asFile(g), function("f"))},
			[]row{changedTo(asFile(f), function("g")), changedTo(asFile(g), function("f"))},
			[]string{uuid1 + stillChanged, uuid2 + stillChanged},
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept := byUUID(test.kept)
			given := maps.Clone(kept)
			got, notes := mergeFile(test.file, kept, pairByName, later)
			if want := byUUID(test.want); !reflect.DeepEqual(texts(got), texts(want)) {
				t.Errorf("got  %q\nwant %q", texts(got), texts(want))
			}
			var noted []string
			for _, n := range notes {
				noted = append(noted, n.Mapping.UUID+n.Text)
			}
			if !slices.Equal(noted, test.notes) {
				t.Errorf("notes %q, want %q", noted, test.notes)
			}
			if !reflect.DeepEqual(kept, given) {
				t.Error("the stored rows have been modified")
			}
			again, _ := mergeFile(test.file, got, pairByName, later.Add(time.Hour))
			if !reflect.DeepEqual(texts(again), texts(got)) {
				t.Errorf("the next start changes %q to %q", texts(got), texts(again))
			}
		})
	}
}

func withoutWindow(m config.Mapping) config.Mapping {
	m.MaximumBatchingWindowInSeconds, m.FunctionResponseTypes = nil, nil
	return m
}

// byUUID returns rows by UUID; a deletion without a mapping is of uuid1.
func byUUID(rows []row) map[string]row {
	all := map[string]row{}
	for _, r := range rows {
		if m := r.mapping(); m.UUID != "" {
			all[m.UUID] = r
		} else {
			all[uuid1] = r
		}
	}
	return all
}

func texts(rows map[string]row) map[string]string {
	all := map[string]string{}
	for uuid, r := range rows {
		all[uuid] = string(r.encode())
	}
	return all
}
