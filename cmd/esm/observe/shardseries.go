package observe

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// mostSeries is how many shards of a mapping have series of their own.
const mostSeries = 100

// shardCollector makes series of what is known of the shards of mappings, whenever it is asked.
type shardCollector struct{ *Metrics }

var _ prometheus.Collector = shardCollector{}

const bounded = " Of at most 100 shards a mapping: those in trouble, then by their IDs, until they are drained; esm_shards… and esm_max_iterator_age_seconds are of all."

var (
	shardLabels = append([]string{"shard"}, mappingLabels...)

	shardsListed  = series("esm_shards", "Shards that the stream has, as it was last listed.", mappingLabels)
	shardsReading = series("esm_shards_reading", "Shards that are read.", mappingLabels)
	shardsBlocked = series("esm_shards_blocked", "Shards with a run of records that failed and of which nothing is settled since.", mappingLabels)
	shardsFailing = series("esm_shards_failing", "Shards that cannot be read at the moment.", mappingLabels)
	maxAge        = series("esm_max_iterator_age_seconds", "The largest iterator age of all shards. A shard's is that of the last record handled, and 0 when there is nothing more.", mappingLabels)

	shardAge     = series("esm_shard_iterator_age_seconds", "Age of the last record handled, at that time; 0 when there is nothing more."+bounded, shardLabels)
	shardTries   = series("esm_shard_tries", "Tries of the run of records that blocks the shard; 0 when none does."+bounded, shardLabels)
	shardBlocked = series("esm_shard_blocked_since_timestamp_seconds", "When the run that blocks the shard failed first. Only of shards that are blocked."+bounded, shardLabels)
)

func series(name, help string, labels []string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements [prometheus.Collector].
func (c shardCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{shardsListed, shardsReading, shardsBlocked, shardsFailing, maxAge, shardAge, shardTries, shardBlocked} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c shardCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, x := range c.streams() {
		x.collect(metrics)
	}
}

func (x *streamMeters) collect(metrics chan<- prometheus.Metric) {
	of, all, some := x.look()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		labels = append(labels, of.UUID, of.Source, of.Function)
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(shardsListed, float64(all.listed))
	gauge(shardsReading, float64(all.reading))
	gauge(shardsBlocked, float64(all.blocked))
	gauge(shardsFailing, float64(all.failing))
	gauge(maxAge, all.age.Seconds())
	for _, s := range some {
		gauge(shardAge, s.IteratorAge.Seconds(), s.ShardId)
		gauge(shardTries, float64(s.Tries), s.ShardId)
		if !s.BlockedSince.IsZero() {
			gauge(shardBlocked, float64(s.BlockedSince.UnixMilli())/1000, s.ShardId)
		}
	}
}

// look copies what there is to tell. What takes long is done when nobody waits for it any more.
func (x *streamMeters) look() (of Mapping, all tally, some []ShardStatus) {
	x.mu.Lock()
	of, all, some = x.of, x.shards.tally(), x.shards.each()
	x.mu.Unlock()
	some = slices.DeleteFunc(some, func(s ShardStatus) bool { return s.State == stateDrained })
	return of, all, foremost(some, mostSeries)
}
