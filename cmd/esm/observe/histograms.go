package observe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/esm-run/esm/trace"
)

// Upper bounds of buckets.
var (
	durationBuckets = []float64{.001, .005, .01, .05, .1, .5, 1, 3, 10, 30, 60, 300, 900}
	recordBuckets   = []float64{1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000}
	ageBuckets      = []float64{.1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}
)

// histograms are the registered histograms of all mappings and functions.
type histograms struct{ records, took, age, duration, init, eventAge *prometheus.HistogramVec }

// batchHistograms are the histograms of one mapping. Their zero value observes nothing.
type batchHistograms struct {
	records, took prometheus.Observer
	age           prometheus.Observer // nil for a queue
}

func newHistograms(r *prometheus.Registry) histograms {
	vec := func(name, help string, buckets []float64, labels []string) *prometheus.HistogramVec {
		return promauto.With(r).NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	return histograms{
		records:  vec("esm_batch_records", "Records in a batch.", recordBuckets, mappingLabels),
		took:     vec("esm_batch_duration_seconds", "Time from sending a batch to the function to its answer.", durationBuckets, mappingLabels),
		age:      vec("esm_iterator_age_seconds", "Age of the last record of a batch when its invocation began (IteratorAge).", ageBuckets, mappingLabels),
		duration: vec("esm_function_duration_seconds", "Time that invocations took (Duration).", durationBuckets, functionLabels),
		init:     vec("esm_environment_init_duration_seconds", "Time from the start of an environment until its runtime asked for a first event.", durationBuckets, functionLabels),
		eventAge: vec("esm_async_event_age_seconds", "Age of asynchronous events at their tries, throttled ones included (AsyncEventAge).", ageBuckets, functionLabels),
	}
}

// of returns the histograms of m, which are new unless m has some.
func (h histograms) of(m Mapping) batchHistograms {
	b := batchHistograms{records: h.records.WithLabelValues(m.labels()...), took: h.took.WithLabelValues(m.labels()...)}
	if m.Stream {
		b.age = h.age.WithLabelValues(m.labels()...)
	}
	return b
}

func (h histograms) remove(m Mapping) {
	for _, vec := range []*prometheus.HistogramVec{h.records, h.took, h.age} {
		vec.DeleteLabelValues(m.labels()...)
	}
}

// observe adds a try that ended now.
func (b batchHistograms) observe(e trace.Invoked, now time.Time) {
	if b.records == nil {
		return
	}
	b.records.Observe(float64(len(e.Records)))
	b.took.Observe(e.Took.Seconds())
	if b.age == nil || len(e.Records) == 0 || e.Verdict == trace.NotRun || e.Verdict == trace.Refused {
		return
	}
	if last := e.Records[len(e.Records)-1].Arrived; !last.IsZero() { // AWS: "Types of metrics for Lambda functions"
		b.age.Observe(max(now.Add(-e.Took).Sub(last), 0).Seconds())
	}
}
