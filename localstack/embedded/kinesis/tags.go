package kinesis

import (
	"maps"
	"slices"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const maxTags = 50

type addTagsInput struct {
	ref
	Tags map[string]string
}

func (s *Server) addTags(st *stream, in addTagsInput) error {
	tags := maps.Clone(st.tags)
	maps.Copy(tags, in.Tags)
	if len(tags) > maxTags {
		return invalid("Failed to add tags to stream %s under account %s because a given stream cannot have more than %d tags associated with it.",
			st.name, st.account, maxTags)
	}
	st.tags = tags
	return nil
}

type removeTagsInput struct {
	ref
	TagKeys []string
}

func (s *Server) removeTags(st *stream, in removeTagsInput) error {
	maps.DeleteFunc(st.tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	return nil
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

func (s *Server) listTags(st *stream, in listTagsInput) (out listTagsOutput, err error) {
	limit, err := limitOf(in.Limit, "limit", maxTags, maxTags)
	if err != nil {
		return out, err
	}
	keys, last := wire.Page(slices.Sorted(maps.Keys(st.tags)), in.ExclusiveStartTagKey, limit, func(key string) string { return key })
	out.Tags, out.HasMoreTags = []tag{}, last != ""
	for _, key := range keys {
		out.Tags = append(out.Tags, tag{key, st.tags[key]})
	}
	return out, nil
}
