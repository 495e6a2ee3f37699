package observe

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector makes metrics from the states of mappings and functions.
type collector struct{ *Monitor }

var _ prometheus.Collector = collector{}

// Describe implements [prometheus.Collector]. It describes nothing, so that the registry does not look for metrics that
// there are none of yet.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	for _, s := range c.states() {
		s.collect(metrics)
	}
	for _, f := range c.functionStates() {
		f.collect(metrics)
	}
	c.collectBacklogs(metrics)
	c.collectEnvironments(metrics)
}

func (f *functionState) collect(metrics chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range functionMetrics {
		metrics <- prometheus.MustNewConstMetric(x.desc, x.kind, float64(x.value(f)), f.Name)
	}
	if f.Provisioned > 0 {
		share := float64(f.ProvisionedBusy) / float64(f.Provisioned)
		metrics <- prometheus.MustNewConstMetric(provisionedUtilization, prometheus.GaugeValue, share, f.Name)
	}
	f.collectEvents(metrics)
}

// series sends the metrics of one mapping.
type series struct {
	metrics chan<- prometheus.Metric
	labels  []string
}

func (s series) count(d *prometheus.Desc, value int64, labels ...string) {
	s.metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), append(labels, s.labels...)...)
}

func (s series) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append(labels, s.labels...)...)
}

func (s series) counters(all []counter, shown snapshot) {
	for _, c := range all {
		s.count(c.desc, c.value(shown.n)-c.value(shown.base))
	}
}

func (s *mappingState) collect(metrics chan<- prometheus.Metric) {
	shown := s.snapshot(time.Now())
	out := series{metrics, shown.status.labels()}
	out.counters(mappingCounters, shown)
	for result, batches := range shown.results {
		out.count(batchesTotal, batches, result)
	}
	out.gauge(batchesInFlight, float64(shown.status.InFlight))
	if shown.status.StreamStatus == nil {
		out.counters(queueCounters, shown)
		out.queue(shown.status, shown.left)
		return
	}
	out.counters(streamCounters, shown)
	out.stream(shown.status.StreamStatus)
	out.shards(shown.shards)
}

func (s series) queue(m MappingStatus, left map[string]int64) {
	for reason, records := range left {
		s.count(leftTotal, records, reason)
	}
	s.gauge(pollers, float64(m.Pollers))
	if m.Provisioned {
		s.gauge(provisionedPollers, float64(provisioned(m.Pollers)))
	}
}

func (s series) stream(m *StreamStatus) {
	s.gauge(shardsListed, float64(m.ShardsListed))
	s.gauge(shardsReading, float64(m.ShardsReading))
	s.gauge(shardsBlocked, float64(m.ShardsBlocked))
	s.gauge(shardsFailing, float64(m.ShardsFailing))
	s.gauge(maxAge, m.IteratorAge.Seconds())
}

func (s series) shards(all []ShardStatus) {
	all = slices.DeleteFunc(all, func(x ShardStatus) bool { return x.State == stateDrained })
	for _, x := range mostImportant(all, maxSeries) {
		s.gauge(shardAge, x.IteratorAge.Seconds(), x.ShardId)
		s.gauge(shardTries, float64(x.Tries), x.ShardId)
		if !x.BlockedSince.IsZero() {
			s.gauge(shardBlocked, float64(x.BlockedSince.UnixMilli())/1000, x.ShardId)
		}
	}
}
