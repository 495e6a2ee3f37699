package kinesis

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const (
	minRetention = 24 * time.Hour
	maxRetention = 365 * 24 * time.Hour
)

type retentionInput struct {
	ref
	RetentionPeriodHours int
}

func (s *Server) increaseRetention(_ *http.Request, in retentionInput) (wire.None, error) {
	return s.retain(in, func(st *stream, d time.Duration) error {
		if d < st.retention {
			return invalid("Requested retention period (%d hours) for stream %s can not be shorter than existing retention period "+
				"(%d hours). Use DecreaseRetentionPeriod API.", in.RetentionPeriodHours, st.name, int(st.retention.Hours()))
		}
		return nil
	})
}

func (s *Server) decreaseRetention(_ *http.Request, in retentionInput) (wire.None, error) {
	return s.retain(in, func(st *stream, d time.Duration) error {
		if d > st.retention {
			return invalid("Requested retention period (%d hours) for stream %s can not be longer than existing retention period "+
				"(%d hours). Use IncreaseRetentionPeriod API.", in.RetentionPeriodHours, st.name, int(st.retention.Hours()))
		}
		return nil
	})
}

// retain changes for how long a stream keeps its records, unless check refuses.
func (s *Server) retain(in retentionInput, check func(*stream, time.Duration) error) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	hours := in.RetentionPeriodHours
	if hours < int(minRetention.Hours()) {
		return wire.None{}, invalid("Minimum allowed retention period is 24 hours. Requested retention period (%d hours) is too short.", hours)
	}
	if hours > int(maxRetention.Hours()) {
		return wire.None{}, invalid("Maximum allowed retention period is 8760 hours. Requested retention period (%d hours) is too long.", hours)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	d := time.Duration(hours) * time.Hour
	if err := check(st, d); err != nil {
		return wire.None{}, err
	}
	for _, sh := range st.shards { // what is past does not come back
		st.shard(sh.index, now())
	}
	st.retention = d
	return wire.None{}, nil
}

type modeInput struct {
	ref
	StreamModeDetails modeDetails
}

func (s *Server) updateMode(_ *http.Request, in modeInput) (wire.None, error) {
	if err := in.StreamModeDetails.check(); err != nil {
		return wire.None{}, err
	}
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.mode = in.StreamModeDetails.StreamMode
	return wire.None{}, nil
}

const maxTags = 50

type addTagsInput struct {
	ref
	Tags map[string]string
}

func (s *Server) addTags(_ *http.Request, in addTagsInput) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	both := maps.Clone(st.tags)
	maps.Copy(both, in.Tags)
	if len(both) > maxTags {
		return wire.None{}, invalid("Failed to add tags to stream %s under account %s because a given stream cannot have more than %d tags associated with it.",
			st.name, st.account, maxTags)
	}
	st.tags = both
	return wire.None{}, nil
}

type removeTagsInput struct {
	ref
	TagKeys []string
}

func (s *Server) removeTags(_ *http.Request, in removeTagsInput) (wire.None, error) {
	st, err := s.find(in.ref)
	if err != nil {
		return wire.None{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, key := range in.TagKeys {
		delete(st.tags, key)
	}
	return wire.None{}, nil
}

type listTagsInput struct {
	ref
	ExclusiveStartTagKey string
	Limit                *int
}

type tag struct{ Key, Value string }

type listTagsOutput struct {
	Tags        []tag
	HasMoreTags bool
}

func (s *Server) listTags(_ *http.Request, in listTagsInput) (listTagsOutput, error) {
	limit, err := between(in.Limit, "limit", 1, maxTags, maxTags)
	if err != nil {
		return listTagsOutput{}, err
	}
	st, err := s.find(in.ref)
	if err != nil {
		return listTagsOutput{}, err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	out := listTagsOutput{Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(st.tags)) {
		if key <= in.ExclusiveStartTagKey {
			continue
		}
		if out.HasMoreTags = len(out.Tags) == limit; out.HasMoreTags {
			break
		}
		out.Tags = append(out.Tags, tag{key, st.tags[key]})
	}
	return out, nil
}
