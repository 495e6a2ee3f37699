package api

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

var tagRoutes = []route{
	{operation: "ListTags", method: http.MethodGet, path: "/2017-03-31/tags/*", perform: (*Server).listTags},
	{operation: "TagResource", method: http.MethodPost, path: "/2017-03-31/tags/*", perform: (*Server).tag},
	{operation: "UntagResource", method: http.MethodDelete, path: "/2017-03-31/tags/*", perform: (*Server).untag},
}

// Limits of tags (AWS: "Using tags on Lambda functions").
const (
	maxTags     = 50
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
)

const tagged = `arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:` +
	`(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|` +
	`event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`

// taggedForm is looser than what is said: an engine may be of a region that AWS does not have.
var taggedForm = regexp.MustCompile(`^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:` +
	`(function|code-signing-config|event-source-mapping|capacity-provider):[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?$`)

// taggedMapping is the mapping that the path of c names by its ARN. Nothing else has tags here.
func (s *Server) taggedMapping(c *call) (mappings.Registered, error) {
	arn := c.names[0]
	if !taggedForm.MatchString(arn) {
		return mappings.Registered{}, constraint(arn, "resource", "satisfy regular expression pattern: "+tagged)
	}
	a, _ := config.ParseARN(arn) // it has that form
	uuid, ok := strings.CutPrefix(a.Resource, "event-source-mapping:")
	if !ok {
		return mappings.Registered{}, invalid("Only event source mappings have tags here: functions are described in the engine's file.")
	}
	r, err := s.Mappings.Get(uuid)
	if err == nil && mappingARN(r) != arn {
		err = mappings.ErrNotFound
	}
	if err != nil {
		return mappings.Registered{}, mappingError(c, r.Mapping, err)
	}
	return r, nil
}

func (s *Server) listTags(c *call) (answer, error) {
	r, err := s.taggedMapping(c)
	if err != nil {
		return answer{}, err
	}
	tags := map[string]string{}
	maps.Copy(tags, r.Tags)
	return document(http.StatusOK, map[string]any{"Tags": tags})
}

func (s *Server) tag(c *call) (answer, error) {
	doc := parse(c.body)
	tags := doc.textMap("Tags")
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	if tags == nil {
		return answer{}, constraints("Value null at 'tags' failed to satisfy constraint: Member must not be null")
	}
	return s.retag(c, func(stored map[string]string) { maps.Copy(stored, tags) })
}

func (s *Server) untag(c *call) (answer, error) {
	keys := c.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return answer{}, constraints("Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
	}
	return s.retag(c, func(stored map[string]string) {
		maps.DeleteFunc(stored, func(key, _ string) bool { return slices.Contains(keys, key) })
	})
}

// retag changes the tags of the mapping in the path, unless they would not be valid then.
func (s *Server) retag(c *call, change func(stored map[string]string)) (answer, error) {
	r, err := s.taggedMapping(c)
	if err != nil {
		return answer{}, err
	}
	wrong := ""
	err = s.Mappings.SetTags(c.Context(), r.UUID, func(stored map[string]string) map[string]string {
		tags := map[string]string{}
		maps.Copy(tags, stored)
		change(tags)
		if wrong = wrongTags(tags); wrong != "" {
			return stored
		}
		return tags
	})
	if err != nil {
		return answer{}, mappingError(c, r.Mapping, err)
	}
	if wrong != "" {
		return answer{}, invalid("%s", wrong)
	}
	return answer{status: http.StatusNoContent}, nil
}

// wrongTags is what AWS would not take about tags, if anything.
func wrongTags(tags map[string]string) string {
	if len(tags) > maxTags {
		return "Number of tags exceeds resource tag limit."
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return fmt.Sprintf("The key of a tag has 1 to %d characters.", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return "The key of a tag cannot begin with aws:, which is AWS's own."
		case utf8.RuneCountInString(tags[key]) > maxTagValue:
			return fmt.Sprintf("The value of a tag has at most %d characters.", maxTagValue)
		}
	}
	return ""
}
