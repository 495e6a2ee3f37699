package observe

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// holds checks that m has exactly these series of the named metrics.
func holds(t *testing.T, m *Metrics, want map[string]string) {
	t.Helper()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(want)) {
		text.WriteString(want[name])
	}
	if err := testutil.GatherAndCompare(m.Registry, strings.NewReader(text.String()), slices.Collect(maps.Keys(want))...); err != nil {
		t.Error(err)
	}
}

// counter is a counter of the one mapping as Prometheus reads it.
func counter(name, help, value string) string {
	const labels = `{function="f:live",mapping="` + uuid + `",source="arn:aws:sqs:us-east-1:000000000000:orders"} `
	return "# HELP " + name + " " + help + "\n# TYPE " + name + " counter\n" + name + labels + value + "\n"
}

func TestMetricsCountAsLambdaDoes(t *testing.T) {
	m := NewMetrics([]Mapping{orders}, []string{"f"})
	tell(m.Trace, story()...)
	want := map[string]string{}
	for _, c := range [][3]string{
		{"esm_polled_events_total", "Records read from the source (PolledEventCount).", "10"},
		{"esm_filtered_out_events_total", "Records that no filter wanted (FilteredOutEventCount).", "2"},
		{"esm_invoked_events_total", "Records sent into an invocation, counted at every try (InvokedEventCount).", "8"},
		{"esm_failed_invoke_events_total", "Records whose invocation failed or that it reported as failed, counted at every try (FailedInvokeEventCount).", "3"},
		{"esm_deleted_events_total", "Records deleted after processing (DeletedEventCount).", "5"},
		{"esm_poll_errors_total", "Calls to the source that failed.", "0"},
	} {
		want[c[0]] = counter(c[0], c[1], c[2])
	}
	holds(t, m, want)
}

// value is the sum of one metric over its series, counting histograms' observations.
func value(t *testing.T, m *Metrics, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := m.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, series := range f.GetMetric() {
			var found []string
			for _, l := range series.GetLabel() {
				found = append(found, l.GetName()+"="+l.GetValue())
			}
			if slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(found, l) }) {
				continue
			}
			sum += series.GetCounter().GetValue() + series.GetGauge().GetValue() + float64(series.GetHistogram().GetSampleCount())
		}
	}
	return sum
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
		{"with the function now", []trace.Event{trace.Invoking{Mapping: uuid, Records: recs(1)}}, map[string]float64{"esm_batches_in_flight": 1}},
		{"pollers", []trace.Event{trace.Scaled{Mapping: uuid, Pollers: 36}}, map[string]float64{"esm_pollers": 36, "esm_provisioned_pollers": 4}},
		{"invocations", []trace.Event{
			trace.Ran{Function: "f", Took: time.Second}, trace.Ran{Function: "f", Fault: "Unhandled"},
			trace.Ran{Function: "f", Throttled: true, Err: esm.ErrThrottled}, trace.Ran{Function: "f", Err: errRefused},
		}, map[string]float64{
			"esm_function_invocations_total": 2, "esm_function_errors_total": 1, "esm_function_throttles_total": 1, "esm_function_duration_seconds": 2,
		}},
		{"environments", []trace.Event{
			trace.Started{Function: "f"}, trace.Started{Function: "f", Err: errRefused}, trace.Environments{Function: "f", Alive: 3, Busy: 2},
		}, map[string]float64{
			"esm_environment_starts_total": 2, "esm_environment_start_failures_total": 1,
			"esm_function_environments": 3, "esm_function_concurrent_executions": 2,
		}},
	} {
		m := NewMetrics([]Mapping{provisioned}, []string{"f"})
		tell(m.Trace, c.events...)
		for name, want := range c.want {
			name, labels, _ := strings.Cut(name, ",")
			var only []string
			if labels != "" {
				only = []string{labels}
			}
			if got := value(t, m, name, only...); got != want {
				t.Errorf("%s: %s %s: got %v, want %v", c.name, name, labels, got, want)
			}
		}
	}
}

func TestMetricsOfProvisionedModeAlone(t *testing.T) {
	m := NewMetrics([]Mapping{orders}, nil)
	m.Trace(trace.Scaled{Mapping: uuid, Pollers: 5})
	holds(t, m, map[string]string{"esm_provisioned_pollers": ""})
}

func TestMetricsBeginAtZeroAndStayBounded(t *testing.T) {
	m := NewMetrics([]Mapping{orders}, []string{"f"})
	before, err := testutil.GatherAndCount(m.Registry)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"esm_polled_events_total": 1, "esm_function_invocations_total": 1, "esm_batches_total": 1, "esm_left_events_total": 0} {
		if got, _ := testutil.GatherAndCount(m.Registry, name); got != want {
			t.Errorf("%s: got %d series, want %d", name, got, want)
		}
	}
	for _, e := range story() { // of a mapping and functions that are not known
		switch e := e.(type) {
		case trace.Received:
			e.Mapping = "another"
			m.Trace(e)
		case trace.Invoked:
			e.Mapping = "another"
			m.Trace(e)
		case trace.Ran:
			e.Function = "another"
			m.Trace(e)
		}
	}
	tell(m.Trace, trace.Environments{Function: "another", Alive: 1}, trace.Started{Function: "another"}, trace.Scaled{Mapping: "another"},
		trace.Left{Mapping: "another", Reason: "x"})
	if after, _ := testutil.GatherAndCount(m.Registry); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	m := NewMetrics([]Mapping{orders}, []string{"f"})
	tell(m.Trace, story()...)
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
