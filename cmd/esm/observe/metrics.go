package observe

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/esm-run/esm/engine/policy"
)

// The metrics count what Lambda's event source mapping and function metrics count, by the same rules (AWS: "Types of
// metrics for Lambda functions"), under Prometheus names. All but the histograms are read from the states when they are
// collected.
var (
	mappingLabels  = []string{"mapping", "source", "function"}
	functionLabels = []string{"function"}
)

// labels returns the values of mappingLabels.
func (m Mapping) labels() []string { return []string{m.UUID, m.Source, m.Function} }

// counter is a counter of mappings.
type counter struct {
	desc  *prometheus.Desc
	value func(counts) int64
}

func mappingCounter(name, help string, value func(counts) int64) counter {
	return counter{prometheus.NewDesc(name, help, mappingLabels, nil), value}
}

func mappingDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append(more, mappingLabels...), nil)
}

// Metrics of all mappings.
var (
	mappingCounters = []counter{
		mappingCounter("esm_polled_events_total", "Records received from the source (PolledEventCount).", func(n counts) int64 { return n.polled }),
		mappingCounter("esm_filtered_out_events_total", "Records that match no filter (FilteredOutEventCount).", func(n counts) int64 { return n.filtered }),
		mappingCounter("esm_invoked_events_total", "Records sent to the function, counted at every try (InvokedEventCount).", func(n counts) int64 { return n.invoked }),
		mappingCounter("esm_failed_invoke_events_total", "Records whose invocation failed or that it reported as failed, counted at every try (FailedInvokeEventCount).", func(n counts) int64 { return n.failed }),
		mappingCounter("esm_poll_errors_total", "Calls to the source that failed.", func(n counts) int64 { return n.pollErrors }),
	}
	batchesTotal    = mappingDesc("esm_batches_total", "Invocations with a batch, by result: Done, or the reason why it was not.", "result")
	batchesInFlight = mappingDesc("esm_batches_in_flight", "Batches that the function is processing.")
)

// Metrics of queues.
var (
	queueCounters = []counter{
		mappingCounter("esm_deleted_events_total", "Records deleted after processing (DeletedEventCount).", func(n counts) int64 { return n.deleted }),
	}
	leftTotal          = mappingDesc("esm_left_events_total", "Records left in the queue, which become visible again.", "reason")
	pollers            = mappingDesc("esm_pollers", "Loops that poll, each with at most one batch in hand. In provisioned mode ten of them are one poller.")
	provisionedPollers = mappingDesc("esm_provisioned_pollers", "Pollers of a mapping in provisioned mode, ten loops each (ProvisionedPollers).")
)

// Metrics of streams.
var (
	streamCounters = []counter{
		mappingCounter("esm_settled_events_total", "Records that are done, successfully or not, and will not be read again.", func(n counts) int64 { return n.settled }),
		mappingCounter("esm_dropped_events_total", "Records given up because of their age or tries, except those that the on-failure destination was notified of (DroppedEventCount).", func(n counts) int64 { return n.dropped }),
		mappingCounter("esm_on_failure_destination_delivered_events_total", "Records given up that the on-failure destination was notified of (OnFailureDestinationDeliveredEventCount).", func(n counts) int64 { return n.delivered }),
		mappingCounter("esm_destination_delivery_failures_total", "Notices that the on-failure destination did not accept, each kept as undelivered (DestinationDeliveryFailures).", func(n counts) int64 { return n.undelivered }),
		mappingCounter("esm_lost_positions_total", "Times that a shard was read from a position where records may be missing, or be delivered again.", func(n counts) int64 { return n.lost }),
	}
	shardsListed  = mappingDesc("esm_shards", "Shards of the stream in its last listing.")
	shardsReading = mappingDesc("esm_shards_reading", "Shards that are being read.")
	shardsBlocked = mappingDesc("esm_shards_blocked", "Shards with a run of records that failed and of which nothing is settled since.")
	shardsFailing = mappingDesc("esm_shards_failing", "Shards that cannot be read at the moment.")
	maxAge        = mappingDesc("esm_max_iterator_age_seconds", "Age of the oldest record of all shards that is not settled; 0 when there is none.")
)

// maxSeries is the number of shards of a mapping that have series of their own.
const maxSeries = 100

const limited = " At most 100 shards of a mapping have this metric: those in trouble first, then by ID, until they are drained. esm_shards… and esm_max_iterator_age_seconds cover all."

// Metrics of shards.
var (
	shardAge     = mappingDesc("esm_shard_iterator_age_seconds", "Age of the shard's oldest record that is not settled; 0 when there is none."+limited, "shard")
	shardTries   = mappingDesc("esm_shard_tries", "Tries of the run of records that blocks the shard, or 0."+limited, "shard")
	shardBlocked = mappingDesc("esm_shard_blocked_since_timestamp_seconds", "When the run that blocks the shard failed first. Only blocked shards have it."+limited, "shard")
)

// functionMetrics are the metrics of functions.
var functionMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*functionState) int64
}{
	{functionDesc("esm_function_invocations_total", "Invocations that ran (Invocations)."), prometheus.CounterValue, func(f *functionState) int64 { return f.Invocations }},
	{functionDesc("esm_function_errors_total", "Invocations that ended in a function error, timeouts included (Errors)."), prometheus.CounterValue, func(f *functionState) int64 { return f.Errors }},
	{functionDesc("esm_function_throttles_total", "Invocations for which no concurrency was free (Throttles)."), prometheus.CounterValue, func(f *functionState) int64 { return f.Throttles }},
	{functionDesc("esm_environment_starts_total", "Starts of environments, failed ones included."), prometheus.CounterValue, func(f *functionState) int64 { return f.starts }},
	{functionDesc("esm_environment_start_failures_total", "Environments that could not be started."), prometheus.CounterValue, func(f *functionState) int64 { return f.startFailures }},
	{functionDesc("esm_function_concurrent_executions", "Environments that are busy (ConcurrentExecutions)."), prometheus.GaugeValue, func(f *functionState) int64 { return int64(f.Busy) }},
	{functionDesc("esm_function_provisioned_invocations_total", "Invocations that ran in a provisioned environment (ProvisionedConcurrencyInvocations)."), prometheus.CounterValue, func(f *functionState) int64 { return f.provisioned }},
	{functionDesc("esm_function_provisioned_spillover_invocations_total", "Invocations that ran on demand because all provisioned environments were busy (ProvisionedConcurrencySpilloverInvocations)."), prometheus.CounterValue, func(f *functionState) int64 { return f.spilled }},
	{functionDesc("esm_function_provisioned_concurrent_executions", "Provisioned environments that are busy (ProvisionedConcurrentExecutions)."), prometheus.GaugeValue, func(f *functionState) int64 { return int64(f.ProvisionedBusy) }},
	{functionDesc("esm_function_provisioned_environments", "Provisioned environments that exist, busy or idle."), prometheus.GaugeValue, func(f *functionState) int64 { return int64(f.Provisioned) }},
	{functionDesc("esm_function_spare_environments", "Idle environments that are kept for a burst, at most Spares."), prometheus.GaugeValue, func(f *functionState) int64 { return int64(f.Spares) }},
	{functionDesc("esm_function_cold_starts_total", "Invocations that waited for their environment to start."), prometheus.CounterValue, func(f *functionState) int64 { return f.ColdStarts }},
	{functionDesc("esm_function_timeouts_total", "Invocations that exceeded the function's timeout."), prometheus.CounterValue, func(f *functionState) int64 { return f.Timeouts }},
	{functionDesc("esm_function_out_of_memory_total", "Environments that the kernel ended because they had used up their memory, in an invocation or their Init."), prometheus.CounterValue, func(f *functionState) int64 { return f.OutOfMemory }},
	{functionDesc("esm_function_environments", "Environments that exist, busy or idle."), prometheus.GaugeValue, func(f *functionState) int64 { return int64(f.Environments) }},
}

// provisionedUtilization is a metric of functions with provisioned environments only.
var provisionedUtilization = functionDesc("esm_function_provisioned_utilization", "Share of the provisioned environments that is busy, from 0 to 1. Only functions that have any have it (ProvisionedConcurrencyUtilization).")

func functionDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append(more, functionLabels...), nil)
}

// provisioned returns the number of pollers in provisioned mode that loops make up.
func provisioned(loops int) int {
	return (loops + policy.ProvisionedLoops - 1) / policy.ProvisionedLoops
}
