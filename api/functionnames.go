package api

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

// violations are broken constraints of Lambda's model, which are told all at once.
type violations []string

func (v *violations) add(value string, member, constraint string) {
	*v = append(*v, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// matches adds a violation when text is shorter than one character, longer than most, or not of the pattern's form.
func (v *violations) matches(text, member string, most int, form *regexp.Regexp, pattern string) {
	if n := utf8.RuneCountInString(text); n > most {
		v.add(text, member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	} else if n == 0 {
		v.add(text, member, "Member must have length greater than or equal to 1")
	}
	if !form.MatchString(text) {
		v.add(text, member, "Member must satisfy regular expression pattern: "+pattern)
	}
}

// functionName adds a violation when Lambda's model does not take text for a function, whether there is one or not.
func (v *violations) functionName(text string) {
	v.matches(text, "functionName", 256, nameForm, config.FunctionNamePattern)
}

// oneOf adds a violation when text is none of those that there are.
func (v *violations) oneOf(text, member string, there ...string) {
	if !slices.Contains(there, text) {
		v.add(text, member, "Member must satisfy enum value set: ["+strings.Join(there, ", ")+"]")
	}
}

func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return constraints(v...)
}

const qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`

var (
	nameForm      = regexp.MustCompile(`^(?:` + config.FunctionNamePattern + `)$`)
	qualifierForm = regexp.MustCompile(`^(?:` + qualifierPattern + `)$`)
)

// latestVersion is the qualifier of every function that is asked for without one.
const latestVersion = "$LATEST"

// asked is a function as a request names it.
type asked struct {
	config.FunctionName
	arn string // of this function, without qualifier
}

// qualified is the ARN with the qualifier, which is $LATEST where there is none.
func (a asked) qualified() string { return a.arn + ":" + cmp.Or(a.Qualifier, latestVersion) }

// named is the function that the path of c names, and the qualifier of path or query. It may not exist.
func (s *Server) named(c *call) (asked, error) {
	name, query := c.names[0], c.URL.Query()
	var broken violations
	broken.functionName(name)
	if query.Has("Qualifier") {
		broken.matches(query.Get("Qualifier"), "qualifier", 128, qualifierForm, qualifierPattern)
	}
	if err := broken.err(); err != nil {
		return asked{}, err
	}
	return s.parted(name, query.Get("Qualifier"))
}

// parted parts a name that Lambda's model takes. One that no function here can have is kept as it is: it is not found.
func (s *Server) parted(name, qualifier string) (asked, error) {
	parts, err := config.ParseFunctionName(name)
	if err != nil {
		parts = config.FunctionName{Name: name}
	}
	if parts.Qualifier != "" && qualifier != "" && parts.Qualifier != qualifier {
		return asked{}, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	parts.Qualifier = cmp.Or(parts.Qualifier, qualifier)
	if parts.Region != "" && parts.Region != s.Region {
		return asked{}, refuse("ResourceNotFoundException", "Functions from '%s' are not reachable in this region ('%s')", parts.Region, s.Region)
	}
	a := asked{FunctionName: parts, arn: config.FunctionARN(s.Region, cmp.Or(parts.Account, s.Account), parts.Name)}
	if strings.HasPrefix(name, "arn:") && err != nil {
		a.arn = name
	}
	return a, nil
}

// function is the function that was asked for, if it is one of the file's. A function here has one version, $LATEST, and
// no alias; one that lives elsewhere has what it has there.
func (s *Server) function(a asked) (config.Function, bool) {
	if s.Functions == nil || a.Account != "" && a.Account != s.Account {
		return config.Function{}, false
	}
	fn, ok := s.Functions.Function(a.Name)
	if !ok || a.Qualifier != "" && a.Qualifier != latestVersion && fn.InvokeEndpoint == "" {
		return config.Function{}, false
	}
	return fn, true
}

func notFound(arn string) *refusal {
	return refuse("ResourceNotFoundException", "Function not found: %s", arn)
}
