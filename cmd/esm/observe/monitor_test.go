package observe

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// of returns the status of the only mapping.
func of(t *testing.T, m *Monitor) MappingStatus {
	t.Helper()
	all := m.Status().Mappings
	if len(all) != 1 {
		t.Fatalf("got %d mappings, want 1", len(all))
	}
	return all[0]
}

// metric returns the sum of a metric over its series, counting the observations of histograms, their number, and its help. A
// name may be followed by a comma and one label=value.
func metric(t *testing.T, m *Monitor, name string) (sum float64, series int, help string) {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	name, label, _ := strings.Cut(name, ",")
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, x := range f.GetMetric() {
			labels := []string{""}
			for _, l := range x.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if slices.Contains(labels, label) {
				series++
				sum += x.GetCounter().GetValue() + x.GetGauge().GetValue() + float64(x.GetHistogram().GetSampleCount())
			}
		}
		help = f.GetHelp()
	}
	return sum, series, help
}

func checkMetrics(t *testing.T, what string, m *Monitor, want map[string]float64) {
	t.Helper()
	for name, want := range want {
		if got, _, _ := metric(t, m, name); got != want {
			t.Errorf("%s: %s is %v, want %v", what, name, got, want)
		}
	}
}

func TestStatusAndMetricsOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor([]Mapping{orders}, []string{"f"})
		if got := of(t, m); got.State != "Creating" || got.LastBatch != nil || got.LastResult != "" {
			t.Errorf("at first: %+v", got)
		}
		events := story()
		tell(m.Trace, events[:7]...) // up to the invocation
		if got := of(t, m); got.InFlight != 1 || got.Invoked != 8 {
			t.Errorf("%d batches in flight with %d records, want 1 with 8", got.InFlight, got.Invoked)
		}
		checkMetrics(t, "up to the invocation", m, map[string]float64{"esm_batches_in_flight": 1})
		tell(m.Trace, events[7:]...)
		got := of(t, m)
		if counts := []int64{got.Polled, got.FilteredOut, got.Invoked, got.FailedInvoke, got.Deleted}; !slices.Equal(counts, []int64{10, 2, 8, 3, 5}) {
			t.Errorf("polled, filtered out, invoked, failed and deleted are %v, want 10, 2, 8, 3 and 5", counts)
		}
		checkMetrics(t, "in the end", m, map[string]float64{
			"esm_polled_events_total": 10, "esm_filtered_out_events_total": 2, "esm_invoked_events_total": 8,
			"esm_failed_invoke_events_total": 3, "esm_deleted_events_total": 5, "esm_poll_errors_total": 0, "esm_batches_in_flight": 0,
		})
		if got.State != "Enabled" || got.Pollers != 5 || got.InFlight != 0 || got.LastResult != "ItemFailures" || !got.Polling {
			t.Errorf("got %+v", got)
		}
		if want := (Batch{time.Now(), 8, 123456 * time.Microsecond}); *got.LastBatch != want {
			t.Errorf("last batch %+v, want %+v", *got.LastBatch, want)
		}
		if got.LastError != nil || got.LastWarning != nil {
			t.Errorf("reported failures are not an error: %v, %v", got.LastError, got.LastWarning)
		}
	})
}

func TestLastErrorAndWarning(t *testing.T) {
	for _, c := range []struct {
		name           string
		event          trace.Event
		errs, warns    string
		result         string
		failing, polls bool
	}{
		{"failed", invoked(trace.Failed, "FunctionError", "Unhandled: boom", 1), "Unhandled: boom", "", "FunctionError", false, false},
		{"done", invoked(trace.Done, "", "", 1), "", "", "Done", false, false},
		{"a suspicious answer", invoked(trace.Done, "", "is ignored", 1), "", "is ignored", "Done", false, false},
		{"failing", trace.Failing{Mapping: uuid, Err: errRefused}, "connection refused", "", "", true, false},
		{"an empty poll", trace.Received{Mapping: uuid}, "", "", "", false, true},
		{"a poll that fails", trace.Received{Mapping: uuid, Err: errRefused}, "", "", "", false, false},
		{"left with an error", trace.Left{Mapping: uuid, Reason: "NoPermit", Err: errRefused}, "NoPermit: connection refused", "", "", false, false},
		{"too large", trace.Left{Mapping: uuid, Reason: "RecordTooLarge"}, "RecordTooLarge", "", "", false, false},
		{"left after a failure", trace.Left{Mapping: uuid, Reason: "FunctionError"}, "", "", "", false, false},
		{"slowed down", trace.Slowed{Mapping: uuid, Err: errRefused}, "", "connection refused", "", false, false},
		{"stopping", trace.Left{Mapping: uuid, Reason: "Stopping"}, "", "", "", false, false},
	} {
		m := NewMonitor([]Mapping{orders}, nil)
		m.Trace(c.event)
		got := of(t, m)
		if text(got.LastError) != c.errs || text(got.LastWarning) != c.warns || got.LastResult != c.result {
			t.Errorf("%s: got %q, %q and %q, want %q, %q and %q", c.name,
				text(got.LastError), text(got.LastWarning), got.LastResult, c.errs, c.warns, c.result)
		}
		if got.Failing != c.failing || got.Polling != c.polls {
			t.Errorf("%s: failing %v and polling %v, want %v and %v", c.name, got.Failing, got.Polling, c.failing, c.polls)
		}
		m.Trace(trace.Received{Mapping: uuid})
		if got := of(t, m); got.Failing || text(got.LastError) != c.errs {
			t.Errorf("%s: after a poll failing is %v and the error %q, want that it has passed and is remembered", c.name, got.Failing, text(got.LastError))
		}
	}
}

func text(n *Note) string {
	if n == nil {
		return ""
	}
	return n.Text
}

func TestFunctions(t *testing.T) {
	m := NewMonitor(nil, []string{"g", "f"})
	tell(m.Trace,
		trace.Started{Function: "f", Took: time.Second},
		trace.Environments{Function: "f", Alive: 3, Busy: 2, Provisioned: 2, ProvisionedBusy: 1},
		trace.Ran{Function: "f", Provisioned: true},
		trace.Ran{Function: "f", Fault: "Sandbox.Timedout", Spilled: true},
		trace.Ran{Function: "f", Throttled: true, Err: esm.ErrThrottled},
		trace.Ran{Function: "f", Err: errRefused},
		trace.Started{Function: "g", Err: errRefused},
		trace.Started{Function: "another", Err: errRefused},
	)
	all := m.Status().Functions
	if len(all) != 2 || all[0].Name != "f" || all[1].Name != "g" {
		t.Fatalf("got %+v, want f and g", all)
	}
	f, g := all[0], all[1]
	if f.Environments != 3 || f.Busy != 2 || f.Provisioned != 2 || f.ProvisionedBusy != 1 || f.Invocations != 2 || f.Errors != 1 || f.Throttles != 1 || text(f.LastError) != "connection refused" {
		t.Errorf("got %+v", f)
	}
	if g.Invocations != 0 || text(g.LastError) != "connection refused" {
		t.Errorf("got %+v", g)
	}
	checkMetrics(t, "f", m, map[string]float64{
		"esm_function_invocations_total": 2, "esm_function_errors_total": 1, "esm_function_throttles_total": 1, "esm_function_duration_seconds": 2,
		"esm_environment_starts_total,function=f": 1, "esm_environment_starts_total,function=g": 1, "esm_environment_start_failures_total": 1,
		"esm_function_environments": 3, "esm_function_concurrent_executions": 2,
		"esm_function_provisioned_environments": 2, "esm_function_provisioned_concurrent_executions": 1, "esm_function_provisioned_utilization": 0.5,
		"esm_function_provisioned_invocations_total": 1, "esm_function_provisioned_spillover_invocations_total": 1,
	})
}

func TestWaiting(t *testing.T) {
	other := Mapping{UUID: "2", Source: "arn:aws:sqs:us-east-1:000000000000:another", Function: "f"}
	idle := Mapping{UUID: "3", Source: "arn:aws:sqs:us-east-1:000000000000:idle", Function: "f"}
	m := NewMonitor([]Mapping{orders, other, idle}, nil)
	steps := []struct {
		event trace.Event
		want  []string
	}{
		{trace.State{Mapping: "3", State: "Disabled"}, []string{"another → f", "orders → f:live"}},
		{trace.Received{Mapping: uuid, Err: errRefused}, []string{"another → f", "orders → f:live"}},
		{trace.Received{Mapping: uuid}, []string{"another → f"}},
		{trace.Received{Mapping: "2", Records: recs(1)}, nil},
		{trace.Failing{Mapping: "2", Err: errRefused}, nil}, // it was ready once
	}
	for i, s := range steps {
		m.Trace(s.event)
		if got := m.Status().Waiting(); !slices.Equal(got, s.want) {
			t.Errorf("after step %d: got %q, want %q", i, got, s.want)
		}
	}
	if got := NewMonitor(nil, nil).Status().Waiting(); got != nil {
		t.Errorf("without mappings it waits for %q", got)
	}
}

// StatusOf shows mappings that never ran, and known ones under the description that it is given.
func TestStatusOf(t *testing.T) {
	m := NewMonitor([]Mapping{orders, {UUID: "gone"}}, []string{"f"})
	m.Trace(trace.Received{Mapping: uuid, Records: recs(2)})
	renamed, queue, stream := orders, Mapping{UUID: "q", Source: "arn:aws:sqs:us-east-1:000000000000:z", Function: "g"},
		Mapping{UUID: "s", Source: "arn:aws:kinesis:us-east-1:000000000000:stream/z", Function: "g", Stream: true}
	renamed.Function = "other"
	got := m.StatusOf([]Mapping{queue, renamed, stream})
	if len(got.Mappings) != 3 || len(got.Functions) != 1 {
		t.Fatalf("got %+v", got)
	}
	if s := got.Mappings[0]; s.UUID != "s" || s.StreamStatus == nil || s.Shards == nil || s.Polled != 0 {
		t.Errorf("got %+v", s)
	}
	if m := got.Mappings[1]; m.UUID != uuid || m.Function != "other" || m.Polled != 2 {
		t.Errorf("got %+v", m)
	}
	if q := got.Mappings[2]; q.UUID != "q" || q.StreamStatus != nil {
		t.Errorf("got %+v", q)
	}
}

// `esm status --json` and scripts read this.
func TestStatusJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonitor([]Mapping{orders}, []string{"f"})
		tell(m.Trace, story()...)
		tell(m.Trace, trace.Invoking{Mapping: uuid, Records: recs(8)}, invoked(trace.Failed, "FunctionError", "boom", 1))
		got, err := json.MarshalIndent(m.Status(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		want := `{
 "EventSourceMappings": [
  {
   "UUID": "8ca6a480-4092-5f31-8bd6-4cea39521f1e",
   "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders",
   "FunctionName": "f:live",
   "State": "Enabled",
   "Polling": true,
   "Failing": false,
   "Pollers": 5,
   "InFlight": 0,
   "LastResult": "FunctionError",
   "LastBatch": {
    "Time": "2000-01-01T00:00:00Z",
    "Records": 8,
    "TookNanoseconds": 12000000
   },
   "LastError": {
    "Time": "2000-01-01T00:00:00Z",
    "Text": "boom"
   },
   "Polled": 10,
   "FilteredOut": 2,
   "Invoked": 16,
   "FailedInvoke": 11,
   "Deleted": 5
  }
 ],
 "Functions": [
  {
   "FunctionName": "f",
   "Environments": 0,
   "Busy": 0,
   "Invocations": 1,
   "Errors": 0,
   "Throttles": 0,
   "AsyncEvents": {
    "Waiting": 0,
    "InFlight": 0,
    "OldestAgeNanoseconds": 0,
    "Received": 0,
    "Succeeded": 0,
    "Dropped": 0
   }
  }
 ]
}`
		if string(got) != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestMetricsByEvent(t *testing.T) {
	provisioned := orders
	provisioned.Provisioned = true
	for _, c := range []struct {
		name   string
		events []trace.Event
		want   map[string]float64
	}{
		{"every try counts", []trace.Event{
			trace.Invoking{Mapping: uuid, Records: recs(8)}, invoked(trace.NotRun, "Throttled", "", 1),
			trace.Invoking{Mapping: uuid, Records: recs(8)}, invoked(trace.Failed, "FunctionError", "", 2),
			trace.Invoking{Mapping: uuid, Records: recs(8)}, invoked(trace.Done, "", "", 3),
		}, map[string]float64{
			"esm_invoked_events_total": 24, "esm_failed_invoke_events_total": 16, "esm_batches_in_flight": 0,
			"esm_batches_total": 3, "esm_batches_total,result=Done": 1, "esm_batches_total,result=Throttled": 1,
			"esm_batches_total,result=FunctionError": 1, "esm_batch_records": 3, "esm_batch_duration_seconds": 3,
		}},
		{"an empty poll", []trace.Event{trace.Received{Mapping: uuid}}, map[string]float64{"esm_polled_events_total": 0, "esm_poll_errors_total": 0}},
		{"a poll that fails", []trace.Event{trace.Received{Mapping: uuid, Err: errRefused}}, map[string]float64{"esm_poll_errors_total": 1}},
		{"left", []trace.Event{
			trace.Left{Mapping: uuid, Records: recs(2), Reason: "NoPermit"}, trace.Left{Mapping: uuid, Records: recs(3), Reason: "Returned"},
		}, map[string]float64{"esm_left_events_total": 5, "esm_left_events_total,reason=NoPermit": 2}},
		{"pollers", []trace.Event{trace.Scaled{Mapping: uuid, Pollers: 36}}, map[string]float64{"esm_pollers": 36, "esm_provisioned_pollers": 4}},
	} {
		m := NewMonitor([]Mapping{provisioned}, nil)
		tell(m.Trace, c.events...)
		checkMetrics(t, c.name, m, c.want)
	}
}

func TestMetricsOfEachKindOfSource(t *testing.T) {
	queues := []string{"esm_deleted_events_total", "esm_left_events_total", "esm_pollers"}
	streams := []string{
		"esm_settled_events_total", "esm_dropped_events_total", "esm_on_failure_destination_delivered_events_total",
		"esm_destination_delivery_failures_total", "esm_lost_positions_total", "esm_iterator_age_seconds", "esm_max_iterator_age_seconds",
		"esm_shards", "esm_shards_reading", "esm_shards_blocked", "esm_shards_failing",
	}
	for _, c := range []struct {
		mapping      Mapping
		there, never []string
	}{{orders, queues, append(streams, "esm_provisioned_pollers")}, {clicks, streams, queues}} {
		m := NewMonitor([]Mapping{c.mapping}, nil)
		tell(m.Trace, story()...)
		tell(m.Trace, trace.Reading{Mapping: uuid, Shard: one, Lost: errRefused}, trace.Listed{Mapping: uuid, Shards: 1}, settled(one, numbered(1, 1)))
		for _, name := range c.there {
			if _, n, _ := metric(t, m, name); n != 1 {
				t.Errorf("%s: %s has %d series, want 1", c.mapping.SourceName(), name, n)
			}
		}
		for _, name := range c.never {
			if _, n, _ := metric(t, m, name); n != 0 {
				t.Errorf("%s: %s has %d series, want none", c.mapping.SourceName(), name, n)
			}
		}
	}
}

func TestMetricsStartAtZero(t *testing.T) {
	m := NewMonitor([]Mapping{orders}, []string{"f"})
	for name, want := range map[string]int{"esm_polled_events_total": 1, "esm_function_invocations_total": 1, "esm_batches_total": 1, "esm_left_events_total": 0} {
		if got, n, _ := metric(t, m, name); n != want || got != 0 {
			t.Errorf("%s: got %d series and %v, want %d and 0", name, n, got, want)
		}
	}
}

func TestUnknownMappingsAndFunctionsAreIgnored(t *testing.T) {
	m := NewMonitor(nil, nil)
	before, err := testutil.GatherAndCount(m.Registry)
	if err != nil {
		t.Fatal(err)
	}
	tell(m.Trace, story()...)
	tell(m.Trace, trace.Environments{Function: "another", Alive: 1}, trace.Started{Function: "another"}, settled(one, numbered(1, 1)))
	if got, _ := json.Marshal(m.Status()); string(got) != `{"EventSourceMappings":[],"Functions":[]}` {
		t.Errorf("got %s, want an empty status", got)
	}
	if after, _ := testutil.GatherAndCount(m.Registry); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	for _, mapping := range []Mapping{orders, clicks} {
		m := NewMonitor([]Mapping{mapping}, []string{"f"})
		tell(m.Trace, story()...)
		tell(m.Trace, try(one, trace.Failed, 1, numbered(1, 4))...)
		problems, err := testutil.GatherAndLint(m.Registry)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if strings.HasPrefix(p.Metric, "esm_") {
				t.Errorf("%s: %s", p.Metric, p.Text)
			}
		}
	}
}

func TestMappingsComeAndGo(t *testing.T) {
	m := NewMonitor(nil, nil)
	stream := Mapping{UUID: "u", Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "f", Stream: true}
	m.Set(stream)
	m.Set(orders)
	invokedOf := trace.Invoked{Mapping: "u", Shard: "s", Records: recs(1), Verdict: trace.Done}
	tell(m.Trace, trace.Received{Mapping: "u", Shard: "s", Records: recs(3)}, trace.Dropped{Mapping: "u", Shard: "s", Records: recs(2)}, invokedOf)

	stream.Destination = "arn:aws:sqs:us-east-1:000000000000:failed" // from now on notices count
	m.Set(stream)
	m.Trace(trace.Dropped{Mapping: "u", Shard: "s", Records: recs(1)})
	if s := m.Status(); len(s.Mappings) != 2 || s.Mappings[0].Polled != 3 || s.Mappings[0].Destination == "" {
		t.Errorf("got %+v", s.Mappings)
	}
	of := func(name string) string { return name + ",mapping=u" }
	checkMetrics(t, "another destination", m, map[string]float64{of("esm_polled_events_total"): 3, of("esm_dropped_events_total"): 2, of("esm_batch_records"): 1})

	stream.Function = "g" // another label: another series
	m.Set(stream)
	m.Trace(trace.Received{Mapping: "u", Shard: "s", Records: recs(1)})
	checkMetrics(t, "another function", m, map[string]float64{
		of("esm_polled_events_total"): 1, of("esm_batches_total"): 0, of("esm_batch_records"): 0, "esm_polled_events_total,function=f": 0,
	})
	if got := m.Status().Mappings[0].Polled; got != 4 {
		t.Errorf("the status counts %d records, want all 4", got)
	}

	m.Remove("u")
	m.Trace(trace.Received{Mapping: "u", Records: recs(3)})
	for _, name := range []string{"esm_polled_events_total", "esm_batch_records"} {
		if _, n, _ := metric(t, m, name); n != 1 {
			t.Errorf("%s has %d series, want that of the other mapping", name, n)
		}
	}
	if got := m.Mapping("u"); len(m.Status().Mappings) != 1 || got.UUID != "u" || got.Source != "" {
		t.Errorf("left are %+v and %+v", m.Status().Mappings, got)
	}
}

func TestConcurrentUse(t *testing.T) {
	m := NewMonitor([]Mapping{orders}, []string{"f"})
	var all sync.WaitGroup
	for _, uuid := range []string{"a", "b"} {
		x := Mapping{UUID: uuid, Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Function: "f", Stream: true}
		all.Go(func() {
			for range 200 {
				m.Set(x)
				m.Remove(uuid)
			}
		})
		all.Go(func() {
			for range 200 {
				tell(m.Trace, trace.Received{Mapping: uuid, Shard: "s", Records: recs(1)}, settled("s", numbered(1, 1)))
				m.Mapping(uuid)
			}
		})
	}
	for range 8 {
		all.Go(func() {
			for range 50 {
				tell(m.Trace, story()...)
				m.Status().Waiting()
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
	if got := of(t, m); got.Polled != 4000 || got.Deleted != 2000 || got.InFlight != 0 {
		t.Errorf("got %+v", got)
	}
}
