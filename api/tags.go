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

const taggedPattern = `arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:` +
	`(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|` +
	`event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`

// taggedForm is looser than the pattern in Lambda's words: an engine may have a region that AWS does not have.
var taggedForm = regexp.MustCompile(`^arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:` +
	`(function|code-signing-config|event-source-mapping|capacity-provider):[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?$`)

// taggedMapping returns the mapping that the path of c names by its ARN. Nothing else has tags here.
func (s *Server) taggedMapping(c *call) (mappings.Registered, error) {
	arn := c.names[0]
	if !taggedForm.MatchString(arn) {
		broken := violations{config.Violation(arn, "resource", "satisfy regular expression pattern: "+taggedPattern)}
		return mappings.Registered{}, broken.err()
	}
	a, _ := config.ParseARN(arn) // which is an ARN
	uuid, ok := strings.CutPrefix(a.Resource, "event-source-mapping:")
	if !ok {
		return mappings.Registered{}, invalidParameter("Only event source mappings have tags here: the engine's file describes the functions.")
	}
	r, err := s.Mappings.Get(uuid)
	if err == nil && mappingARN(r) != arn {
		err = mappings.ErrNotFound
	}
	if err != nil {
		return mappings.Registered{}, mappingException(c, r.Mapping, err)
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
	doc, tags := parse(c.body), map[string]string(nil)
	doc.textMap("Tags", &tags)
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	if tags == nil {
		return answer{}, missing("tags")
	}
	return s.retag(c, func(stored map[string]string) { maps.Copy(stored, tags) })
}

func (s *Server) untag(c *call) (answer, error) {
	keys := c.URL.Query()["tagKeys"]
	if len(keys) == 0 {
		return answer{}, missing("tagKeys")
	}
	return s.retag(c, func(stored map[string]string) {
		maps.DeleteFunc(stored, func(key, _ string) bool { return slices.Contains(keys, key) })
	})
}

func missing(member string) error {
	var broken violations
	broken.null(member)
	return broken.err()
}

// retag changes the tags of the mapping in the path, unless the result is not valid.
func (s *Server) retag(c *call, change func(stored map[string]string)) (answer, error) {
	r, err := s.taggedMapping(c)
	if err != nil {
		return answer{}, err
	}
	err = s.Mappings.SetTags(c.Context(), r.UUID, func(tags map[string]string) error {
		change(tags)
		if wrong := checkTags(tags); wrong != "" {
			return invalidParameter("%s", wrong)
		}
		return nil
	})
	if err != nil {
		return answer{}, mappingException(c, r.Mapping, err)
	}
	return answer{status: http.StatusNoContent}, nil
}

// checkTags returns what AWS refuses about tags, and an empty string if nothing is wrong.
func checkTags(tags map[string]string) string {
	if len(tags) > maxTags {
		return "Number of tags exceeds resource tag limit."
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return fmt.Sprintf("The key of a tag must have 1 to %d characters.", maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return "The key of a tag cannot begin with aws:, which is reserved for AWS."
		case utf8.RuneCountInString(tags[key]) > maxTagValue:
			return fmt.Sprintf("The value of a tag must have at most %d characters.", maxTagValue)
		}
	}
	return ""
}
