package events

import (
	"maps"
	"slices"
	"strings"
)

const maxTags = 50

type tag struct{ Key, Value string }

// withTags returns tags with more of them set.
func withTags(tags map[string]string, more []tag) (map[string]string, error) {
	next := maps.Clone(tags)
	if next == nil {
		next = make(map[string]string)
	}
	for _, t := range more {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 {
			return nil, invalid("Tag keys have 1 to 128 characters and tag values at most 256.")
		}
		next[t.Key] = t.Value
	}
	if len(next) > maxTags {
		return nil, invalid("A resource has at most %d tags.", maxTags)
	}
	return next, nil
}

// tagsOf finds the tags of a bus or a rule. The lock is held.
func (s *Server) tagsOf(arn string) (*map[string]string, error) {
	for _, b := range s.buses {
		if b.arn == arn {
			return &b.tags, nil
		}
		for _, r := range b.rules {
			if r.arn == arn {
				return &r.tags, nil
			}
		}
	}
	if !strings.HasPrefix(arn, s.Account.ARN("events", "")) {
		return nil, invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", arn)
	}
	return nil, notFound("%s does not exist.", arn)
}

type addTagsInput struct {
	ResourceARN string
	Tags        []tag
}

func (s *Server) addTags(in addTagsInput) error {
	defer s.lock()()
	tags, err := s.tagsOf(in.ResourceARN)
	if err != nil {
		return err
	}
	next, err := withTags(*tags, in.Tags)
	if err != nil {
		return err
	}
	*tags = next
	return nil
}

type removeTagsInput struct {
	ResourceARN string
	TagKeys     []string
}

func (s *Server) removeTags(in removeTagsInput) error {
	defer s.lock()()
	tags, err := s.tagsOf(in.ResourceARN)
	if err != nil {
		return err
	}
	maps.DeleteFunc(*tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	return nil
}

type listTagsOutput struct{ Tags []tag }

func (s *Server) listTags(in struct{ ResourceARN string }) (out listTagsOutput, err error) {
	defer s.lock()()
	tags, err := s.tagsOf(in.ResourceARN)
	if err != nil {
		return out, err
	}
	out.Tags = []tag{}
	for _, key := range slices.Sorted(maps.Keys(*tags)) {
		out.Tags = append(out.Tags, tag{key, (*tags)[key]})
	}
	return out, nil
}
