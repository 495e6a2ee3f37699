package observe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/esm-run/esm/trace"
)

// gathered is how many series a metric has, and its help.
func gathered(t *testing.T, m *Metrics, name string) (series int, help string) {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return len(f.GetMetric()), f.GetHelp()
		}
	}
	return 0, ""
}

func TestMetricsOfTheOtherKindAreNotThere(t *testing.T) {
	queues := []string{"esm_deleted_events_total", "esm_left_events_total", "esm_pollers"}
	streams := []string{
		"esm_settled_events_total", "esm_dropped_events_total", "esm_on_failure_destination_delivered_events_total",
		"esm_destination_delivery_failures_total", "esm_lost_positions_total", "esm_iterator_age_seconds", "esm_max_iterator_age_seconds",
		"esm_shards", "esm_shards_reading", "esm_shards_blocked", "esm_shards_failing",
	}
	for _, c := range []struct {
		mapping      Mapping
		there, never []string
	}{{orders, queues, streams}, {clicks, streams, queues}} {
		m := NewMetrics([]Mapping{c.mapping}, nil)
		tell(m.Trace, story()...)
		tell(m.Trace, trace.Reading{Mapping: uuid, Shard: one, Lost: errRefused}, trace.Listed{Mapping: uuid, Shards: 1}, settled(one, numbered(1, 1)))
		for _, name := range c.there {
			if n, _ := gathered(t, m, name); n != 1 {
				t.Errorf("%s: %s has %d series, want 1", c.mapping.SourceName(), name, n)
			}
		}
		for _, name := range c.never {
			if n, _ := gathered(t, m, name); n != 0 {
				t.Errorf("%s: %s has %d series, want none", c.mapping.SourceName(), name, n)
			}
		}
	}
}

func TestMetricsOfShards(t *testing.T) {
	m := NewMetrics([]Mapping{clicks}, nil)
	began := float64(time.Now().Unix())
	tell(m.Trace, slices.Concat(
		[]trace.Event{trace.Listed{Mapping: uuid, Shards: 3, Reading: 2}, trace.Reading{Mapping: uuid, Shard: one}, trace.Reading{Mapping: uuid, Shard: two}},
		try(one, trace.Failed, 1, numbered(1, 4)), try(one, trace.Failed, 2, numbered(1, 4)), try(two, trace.Done, 1, numbered(1, 4)),
		[]trace.Event{settled(two, numbered(1, 4)), trace.Failing{Mapping: uuid, Shard: two, Err: errRefused}},
	)...)
	for name, want := range map[string]float64{
		"esm_shards": 3, "esm_shards_reading": 2, "esm_shards_blocked": 1, "esm_shards_failing": 1, "esm_iterator_age_seconds": 3,
		"esm_shard_tries": 2, "esm_settled_events_total": 4, "esm_lost_positions_total": 0,
	} {
		if got := value(t, m, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"esm_max_iterator_age_seconds", "esm_shard_iterator_age_seconds"} {
		if got := value(t, m, name); got < 60 || got > 240 {
			t.Errorf("%s is %v, want a minute for each", name, got)
		}
	}
	if got := value(t, m, "esm_shard_blocked_since_timestamp_seconds", "shard="+one); got < began-1 || got > began+60 {
		t.Errorf("blocked since %v, want about %v", got, began)
	}
	if n, _ := gathered(t, m, "esm_shard_blocked_since_timestamp_seconds"); n != 1 {
		t.Errorf("%d shards are blocked since some time, want 1", n)
	}
	if _, help := gathered(t, m, "esm_shard_tries"); !strings.Contains(help, "at most 100 shards") {
		t.Errorf("the help does not tell the bound: %s", help)
	}
}

// AWS has no point for what did not run.
func TestIteratorAgeIsOfInvocations(t *testing.T) {
	m := NewMetrics([]Mapping{clicks}, nil)
	for _, verdict := range []trace.Verdict{trace.NotRun, trace.Refused, trace.Failed, trace.Partial, trace.Done} {
		tell(m.Trace, try(one, verdict, 1, numbered(1, 4))...)
	}
	tell(m.Trace, try(one, trace.Done, 1, nil)...)
	if got := value(t, m, "esm_iterator_age_seconds"); got != 3 {
		t.Errorf("%v ages, want 3", got)
	}
}

func TestMetricsOfStreamsAreWellNamed(t *testing.T) {
	m := NewMetrics([]Mapping{clicks}, nil)
	tell(m.Trace, try(one, trace.Failed, 1, numbered(1, 4))...)
	problems, err := testutil.GatherAndLint(m.Registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
