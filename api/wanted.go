package api

import (
	"fmt"
	"slices"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// wanted is what a request says of a mapping. What it does not say is nil.
type wanted struct {
	config.Mapping
	functionName *string
	refused      []config.Problem // what this package finds wrong itself: members that this engine does not have, and tags
}

// lacks are members of mappings whose sources this engine does not read, and of all mappings that it does not have.
var (
	lacks = []string{
		"AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig",
		"SourceAccessConfigurations", "LoggingConfig",
	}
	lacksOnCreate = []string{"SelfManagedEventSource", "Topics", "Queues"}
)

// wantedNew reads the request of CreateEventSourceMapping.
func (s *Server) wantedNew(c *call) (wanted, error) {
	doc := parse(c.body)
	w := readWanted(doc, slices.Concat(lacksOnCreate, lacks))
	w.EventSourceArn = orEmpty(doc.text("EventSourceArn"))
	w.StartingPosition = orEmpty(doc.text("StartingPosition"))
	w.StartingPositionTimestamp = doc.moment("StartingPositionTimestamp")
	w.Tags = doc.textMap("Tags")
	if wrong := wrongTags(w.Tags); wrong != "" {
		w.refused = append(w.refused, config.Problem{Path: "Tags", Message: wrong})
	}
	return w, s.finish(c, doc)
}

// wantedChange reads the request of UpdateEventSourceMapping, which has fewer members.
func (s *Server) wantedChange(c *call) (wanted, error) {
	doc := parse(c.body)
	w := readWanted(doc, lacks)
	return w, s.finish(c, doc)
}

// finish ends the reading of a document. Members that Lambda's API does not have are ignored there; here too, but said.
func (s *Server) finish(c *call, doc object) error {
	if doc.done(); doc.reading.err != nil {
		return doc.reading.err
	}
	for i, path := range doc.reading.unknown {
		if i == maxUnknown {
			s.warnf("%s: %d further members are unknown and ignored", c.operation, len(doc.reading.unknown)-i)
			break
		}
		s.warnf("%s: the member %.80q is unknown and ignored", c.operation, path)
	}
	return nil
}

// maxUnknown is of how many unknown members one request may tell the log.
const maxUnknown = 10

// readWanted takes the members that both requests have.
func readWanted(doc object, lacking []string) wanted {
	w := wanted{functionName: doc.text("FunctionName")}
	m := &w.Mapping
	m.FunctionName = orEmpty(w.functionName)
	m.Enabled = doc.boolean("Enabled")
	m.BatchSize = doc.integer("BatchSize")
	m.MaximumBatchingWindowInSeconds = doc.integer("MaximumBatchingWindowInSeconds")
	m.FunctionResponseTypes = doc.texts("FunctionResponseTypes")
	m.ParallelizationFactor = doc.integer("ParallelizationFactor")
	m.MaximumRecordAgeInSeconds = doc.integer("MaximumRecordAgeInSeconds")
	m.MaximumRetryAttempts = doc.integer("MaximumRetryAttempts")
	m.BisectBatchOnFunctionError = doc.boolean("BisectBatchOnFunctionError")
	m.TumblingWindowInSeconds = doc.integer("TumblingWindowInSeconds")
	m.FilterCriteria = filters(doc)
	m.DestinationConfig = destinations(doc)
	w.scaling(doc)
	for _, name := range lacking {
		w.unsupported(name, doc.meant(name))
	}
	if doc.meant("KMSKeyArn") {
		w.refused = append(w.refused, config.Problem{Path: "KMSKeyArn", Message: "KMSKeyArn is not supported: this engine encrypts no filter criteria"})
	}
	return w
}

func (w *wanted) scaling(doc object) {
	if in, ok := doc.object("ScalingConfig"); ok {
		w.ScalingConfig = &config.ScalingConfig{MaximumConcurrency: in.integer("MaximumConcurrency")}
		in.done()
	}
	if in, ok := doc.object("MetricsConfig"); ok {
		w.MetricsConfig = &config.MetricsConfig{Metrics: in.texts("Metrics")}
		in.done()
	}
	if in, ok := doc.object("ProvisionedPollerConfig"); ok {
		w.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{
			MinimumPollers: in.integer("MinimumPollers"),
			MaximumPollers: in.integer("MaximumPollers"),
		}
		w.unsupported("PollerGroupName", in.meant("PollerGroupName"))
		in.done()
	}
}

func (w *wanted) unsupported(name string, given bool) {
	if given {
		w.refused = append(w.refused, config.Problem{
			Path: name, Message: fmt.Sprintf("Unsupported %s parameter for given event source mapping type.", name),
		})
	}
}

func filters(doc object) *config.FilterCriteria {
	in, ok := doc.object("FilterCriteria")
	if !ok {
		return nil
	}
	defer in.done()
	criteria := &config.FilterCriteria{}
	for _, f := range in.objects("Filters") {
		criteria.Filters = append(criteria.Filters, config.Filter{Pattern: orEmpty(f.text("Pattern"))})
		f.done()
	}
	return criteria
}

func destinations(doc object) *config.DestinationConfig {
	in, ok := doc.object("DestinationConfig")
	if !ok {
		return nil
	}
	defer in.done()
	return &config.DestinationConfig{
		OnFailure: config.OnFailure{Destination: destination(in, "OnFailure")},
		OnSuccess: config.OnSuccess{Destination: destination(in, "OnSuccess")},
	}
}

func destination(in object, name string) string {
	to, ok := in.object(name)
	if !ok {
		return ""
	}
	defer to.done()
	return orEmpty(to.text("Destination"))
}

// onto is m with what w says in place of what it said. A member is replaced as a whole, so that an empty one clears it.
func (w wanted) onto(m config.Mapping) config.Mapping {
	if w.functionName != nil {
		m.FunctionName = *w.functionName
	}
	if w.FunctionResponseTypes != nil {
		m.FunctionResponseTypes = w.FunctionResponseTypes
	}
	replace(&m.Enabled, w.Enabled)
	replace(&m.BatchSize, w.BatchSize)
	replace(&m.MaximumBatchingWindowInSeconds, w.MaximumBatchingWindowInSeconds)
	replace(&m.FilterCriteria, w.FilterCriteria)
	replace(&m.MetricsConfig, w.MetricsConfig)
	replace(&m.ScalingConfig, w.ScalingConfig)
	replace(&m.ProvisionedPollerConfig, w.ProvisionedPollerConfig)
	replace(&m.ParallelizationFactor, w.ParallelizationFactor)
	replace(&m.MaximumRecordAgeInSeconds, w.MaximumRecordAgeInSeconds)
	replace(&m.MaximumRetryAttempts, w.MaximumRetryAttempts)
	replace(&m.BisectBatchOnFunctionError, w.BisectBatchOnFunctionError)
	replace(&m.TumblingWindowInSeconds, w.TumblingWindowInSeconds)
	replace(&m.DestinationConfig, w.DestinationConfig)
	return m
}

func replace[T any](stored **T, given *T) {
	if given != nil {
		*stored = given
	}
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// honoured is nil unless w asks for something that is refused here. What is wrong with m, the mapping that w would make,
// comes before that, since Lambda's front end finds it first.
func (w wanted) honoured(m config.Mapping) error {
	if len(w.refused) == 0 {
		return nil
	}
	return &mappings.InvalidError{Problems: append(m.Validate(time.Now()), w.refused...)}
}
