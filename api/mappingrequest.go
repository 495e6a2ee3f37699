package api

import (
	"fmt"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// mappingRequest is a request to create or update a mapping, whose members have the right types.
type mappingRequest struct {
	body     []byte
	create   bool             // CreateEventSourceMapping has more members than UpdateEventSourceMapping
	problems []config.Problem // found here: unsupported members, and tags
}

// mappingRequest decodes the body of c.
func (s *Server) mappingRequest(c *call, create bool) (mappingRequest, error) {
	r := mappingRequest{body: c.body, create: create}
	doc, m := parse(c.body), config.Mapping{}
	r.findUnsupported(doc)
	r.decode(doc, &m)
	if wrong := checkTags(m.Tags); wrong != "" {
		r.problems = append(r.problems, config.Problem{Path: "Tags", Message: wrong})
	}
	return r, s.finish(c, doc)
}

// onto returns m with the members that the request names in place of its own. A member is replaced as a whole, so that an
// empty one clears it.
func (r mappingRequest) onto(m config.Mapping) config.Mapping {
	doc := parse(r.body)
	r.decode(doc, &m)
	return m
}

// check returns the problems that were found here as an [*mappings.InvalidError], behind those of m, the mapping that the
// request would make: Lambda's front end finds those first.
func (r mappingRequest) check(m config.Mapping) error {
	if len(r.problems) == 0 {
		return nil
	}
	return &mappings.InvalidError{Problems: append(m.Validate(time.Now()), r.problems...)}
}

// findUnsupported takes the members that no mapping here has, and reports those that are set.
func (r *mappingRequest) findUnsupported(doc object) {
	if pollers, ok := doc.members["ProvisionedPollerConfig"].(map[string]any); ok {
		r.refuse(object{members: pollers}, "PollerGroupName")
	}
	if r.create {
		r.refuse(doc, config.UnsupportedOnCreate...)
	}
	r.refuse(doc, config.UnsupportedMembers...)
}

func (r *mappingRequest) refuse(doc object, names ...string) {
	for _, name := range names {
		if !doc.takeSet(name) {
			continue
		}
		message := "KMSKeyArn is not supported: this engine does not encrypt filter criteria"
		if name != "KMSKeyArn" {
			message = fmt.Sprintf("Unsupported %s parameter for given event source mapping type.", name)
		}
		r.problems = append(r.problems, config.Problem{Path: name, Message: message})
	}
}

// decode stores the members of doc in m.
func (r mappingRequest) decode(doc object, m *config.Mapping) {
	if r.create {
		doc.text("EventSourceArn", &m.EventSourceArn)
		doc.text("StartingPosition", &m.StartingPosition)
		doc.moment("StartingPositionTimestamp", &m.StartingPositionTimestamp)
		doc.textMap("Tags", &m.Tags)
	}
	doc.text("FunctionName", &m.FunctionName)
	doc.boolean("Enabled", &m.Enabled)
	doc.integer("BatchSize", &m.BatchSize)
	doc.integer("MaximumBatchingWindowInSeconds", &m.MaximumBatchingWindowInSeconds)
	doc.texts("FunctionResponseTypes", &m.FunctionResponseTypes)
	doc.integer("ParallelizationFactor", &m.ParallelizationFactor)
	doc.integer("MaximumRecordAgeInSeconds", &m.MaximumRecordAgeInSeconds)
	doc.integer("MaximumRetryAttempts", &m.MaximumRetryAttempts)
	doc.boolean("BisectBatchOnFunctionError", &m.BisectBatchOnFunctionError)
	doc.integer("TumblingWindowInSeconds", &m.TumblingWindowInSeconds)
	decodeNested(doc, m)
}

func decodeNested(doc object, m *config.Mapping) {
	if in, ok := doc.object("FilterCriteria"); ok {
		m.FilterCriteria = &config.FilterCriteria{}
		for _, f := range in.objects("Filters") {
			filter := config.Filter{}
			f.text("Pattern", &filter.Pattern)
			m.FilterCriteria.Filters = append(m.FilterCriteria.Filters, filter)
		}
	}
	if in, ok := doc.object("DestinationConfig"); ok {
		m.DestinationConfig = &config.DestinationConfig{}
		if to, ok := in.object("OnFailure"); ok {
			to.text("Destination", &m.DestinationConfig.OnFailure.Destination)
		}
		if to, ok := in.object("OnSuccess"); ok {
			to.text("Destination", &m.DestinationConfig.OnSuccess.Destination)
		}
	}
	if in, ok := doc.object("ScalingConfig"); ok {
		m.ScalingConfig = &config.ScalingConfig{}
		in.integer("MaximumConcurrency", &m.ScalingConfig.MaximumConcurrency)
	}
	if in, ok := doc.object("MetricsConfig"); ok {
		m.MetricsConfig = &config.MetricsConfig{}
		in.texts("Metrics", &m.MetricsConfig.Metrics)
	}
	if in, ok := doc.object("ProvisionedPollerConfig"); ok {
		m.ProvisionedPollerConfig = &config.ProvisionedPollerConfig{}
		in.integer("MinimumPollers", &m.ProvisionedPollerConfig.MinimumPollers)
		in.integer("MaximumPollers", &m.ProvisionedPollerConfig.MaximumPollers)
	}
}

// maxUnknown is the most unknown members of one request that Warn receives by name.
const maxUnknown = 10

// finish ends the decoding of doc. Unknown members are ignored, as in Lambda, with a warning.
func (s *Server) finish(c *call, doc object) error {
	if doc.decoding.err != nil {
		return doc.decoding.err
	}
	unknown := doc.decoding.unknown()
	for _, path := range unknown[:min(len(unknown), maxUnknown)] {
		s.warnf("%s: the member %.80q is unknown and ignored", c.operation, path)
	}
	if more := len(unknown) - maxUnknown; more > 0 {
		s.warnf("%s: %d further members are unknown and ignored", c.operation, more)
	}
	return nil
}
