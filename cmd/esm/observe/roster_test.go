package observe

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// seriesOf are the series of a mapping, without their values.
func seriesOf(t *testing.T, m *Metrics, uuid string) (all []string) {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, series := range f.Metric {
			text := series.String()
			if strings.Contains(text, uuid) {
				all = append(all, f.GetName()+" "+text)
			}
		}
	}
	return all
}

func TestMappingsComeAndGo(t *testing.T) {
	b, m, r := NewBoard(nil, nil), NewMetrics(nil, nil), NewRoster(nil)
	watch := Tee(b.Trace, m.Trace)
	stream := Mapping{UUID: "u", Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "f", Stream: true}
	set := func(x Mapping) { b.Set(x); m.Set(x); r.Set(x) }
	remove := func(uuid string) { b.Remove(uuid); m.Remove(uuid); r.Remove(uuid) }

	set(stream)
	set(orders)
	watch(trace.Received{Mapping: "u", Shard: "s", Records: make([]esm.Record, 3)})
	watch(trace.Dropped{Mapping: "u", Shard: "s", Records: make([]esm.Record, 2)})

	stream.Destination = "arn:aws:sqs:us-east-1:000000000000:failed" // from now on a notice decides
	set(stream)
	watch(trace.Dropped{Mapping: "u", Shard: "s", Records: make([]esm.Record, 1)})
	if s := b.Status(); len(s.Mappings) != 2 || s.Mappings[0].Polled != 3 || s.Mappings[0].Destination == "" {
		t.Errorf("the board has %+v", s.Mappings)
	}
	has := func(name, value string) bool {
		return slices.ContainsFunc(seriesOf(t, m, `"u"`), func(s string) bool {
			return strings.HasPrefix(s, name+" ") && strings.Contains(s, "value:"+value)
		})
	}
	if !has("esm_polled_events_total", "3") || !has("esm_dropped_events_total", "2") || !has("esm_shards_reading", "") {
		t.Errorf("the series are %q", seriesOf(t, m, `"u"`))
	}

	stream.Function = "g" // another label: another series
	set(stream)
	if all := seriesOf(t, m, `"u"`); slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, `value:"f"`) }) || has("esm_polled_events_total", "3") {
		t.Errorf("the series are %q", all)
	}

	remove("u")
	watch(trace.Received{Mapping: "u", Records: make([]esm.Record, 3)})
	if s, all := b.Status(), seriesOf(t, m, `"u"`); len(s.Mappings) != 1 || len(all) != 0 || r.of("u").Source != "" {
		t.Errorf("left are %+v and %q", s.Mappings, all)
	}
	if len(seriesOf(t, m, uuid)) == 0 {
		t.Error("the other mapping has lost its series")
	}
}

func TestMappingsComeAndGoSideBySide(t *testing.T) {
	b, m, r := NewBoard(nil, nil), NewMetrics(nil, nil), NewRoster(nil)
	watch := Tee(b.Trace, m.Trace)
	var all sync.WaitGroup
	for _, uuid := range []string{"a", "b"} {
		x := Mapping{UUID: uuid, Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "f", Stream: true}
		all.Go(func() {
			for range 200 {
				b.Set(x)
				m.Set(x)
				r.Set(x)
				b.Remove(uuid)
				m.Remove(uuid)
				r.Remove(uuid)
			}
		})
		all.Go(func() {
			for range 200 {
				watch(trace.Received{Mapping: uuid, Shard: "s", Records: make([]esm.Record, 1)})
				watch(trace.Dropped{Mapping: uuid, Shard: "s", Records: make([]esm.Record, 1)})
				r.of(uuid)
				b.Status()
			}
		})
	}
	all.Go(func() {
		for range 50 {
			if _, err := m.Registry.Gather(); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
}
