package api

import (
	"cmp"
	"strings"

	"github.com/esm-run/esm/config"
)

// latestVersion is the qualifier of a request that names none.
const latestVersion = "$LATEST"

// functionRef is a function as a request names it. There may be no such function.
type functionRef struct {
	config.FunctionName
	arn string // without qualifier
}

// qualified returns the ARN with the qualifier, or with $LATEST if there is none.
func (r functionRef) qualified() string { return r.arn + ":" + cmp.Or(r.Qualifier, latestVersion) }

// functionRef returns the function that the path of c names, with the qualifier from the path or the query.
func (s *Server) functionRef(c *call) (functionRef, error) {
	return s.checkedRef(c, (*violations).qualifier)
}

// aliasRef is functionRef for operations whose qualifier is an alias.
func (s *Server) aliasRef(c *call) (functionRef, error) { return s.checkedRef(c, (*violations).alias) }

func (s *Server) checkedRef(c *call, qualifier func(*violations, string)) (functionRef, error) {
	name, query := c.names[0], c.URL.Query()
	var broken violations
	broken.functionName(name)
	if query.Has("Qualifier") {
		qualifier(&broken, query.Get("Qualifier"))
	}
	if err := broken.err(); err != nil {
		return functionRef{}, err
	}
	return s.parseRef(name, query.Get("Qualifier"))
}

// parseRef parses a name that Lambda's model accepts. A name that no function can have becomes a reference to a function
// that does not exist.
func (s *Server) parseRef(name, qualifier string) (functionRef, error) {
	parts, err := config.ParseFunctionName(name)
	if err != nil {
		parts = config.FunctionName{Name: name}
	}
	if parts.Qualifier != "" && qualifier != "" && parts.Qualifier != qualifier {
		return functionRef{}, invalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
	}
	parts.Qualifier = cmp.Or(parts.Qualifier, qualifier)
	if parts.Region != "" && parts.Region != s.Region {
		return functionRef{}, throw("ResourceNotFoundException", "Functions from '%s' are not reachable in this region ('%s')", parts.Region, s.Region)
	}
	ref := functionRef{FunctionName: parts, arn: config.FunctionARN(s.Region, cmp.Or(parts.Account, s.Account), parts.Name)}
	if strings.HasPrefix(name, "arn:") && err != nil {
		ref.arn = name
	}
	return ref, nil
}

// lookUp returns the function that ref names, if the engine has it. A function that runs here has the version $LATEST and
// no aliases; the qualifier of a remote function is checked where the function lives.
func (s *Server) lookUp(ref functionRef) (config.Function, bool) {
	if s.Functions == nil || ref.Account != "" && ref.Account != s.Account {
		return config.Function{}, false
	}
	fn, ok := s.Functions.Function(ref.Name)
	if !ok || ref.Qualifier != "" && ref.Qualifier != latestVersion && fn.InvokeEndpoint == "" {
		return config.Function{}, false
	}
	return fn, true
}

// function returns the function that the path of c names.
func (s *Server) function(c *call) (functionRef, config.Function, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return ref, config.Function{}, err
	}
	fn, ok := s.lookUp(ref)
	if !ok && ref.Qualifier != "" {
		return ref, fn, functionNotFound(ref.qualified())
	}
	if !ok {
		return ref, fn, functionNotFound(ref.arn)
	}
	return ref, fn, nil
}

// wholeFunction returns the function that the path of c names, for an operation that takes no qualifier.
func (s *Server) wholeFunction(c *call) (config.Function, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return config.Function{}, err
	}
	if ref.Qualifier != "" {
		return config.Function{}, invalidParameter("This operation is permitted on Lambda functions only. Aliases and versions do not support " +
			"this operation. Please specify either a function name or an unqualified function ARN.")
	}
	fn, ok := s.lookUp(ref)
	if !ok {
		return fn, functionNotFound(ref.qualified())
	}
	return fn, nil
}

// versionNotFound returns the exception for a version or alias that a function does not have.
func versionNotFound(ref functionRef) error {
	if isAlias(ref.Qualifier) {
		return throw("ResourceNotFoundException", "Cannot find alias arn: %s", ref.qualified())
	}
	return functionNotFound(ref.qualified())
}

func functionNotFound(arn string) error {
	return throw("ResourceNotFoundException", "Function not found: %s", arn)
}
