package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

const urlConfigPath = "/2021-10-31/functions/*/url"

var urlRoutes = []route{
	{operation: "CreateFunctionUrlConfig", method: http.MethodPost, path: urlConfigPath, perform: (*Server).createURL},
	{operation: "UpdateFunctionUrlConfig", method: http.MethodPut, path: urlConfigPath, perform: (*Server).updateURL},
	{operation: "GetFunctionUrlConfig", method: http.MethodGet, path: urlConfigPath, perform: (*Server).getURL},
	{operation: "DeleteFunctionUrlConfig", method: http.MethodDelete, path: urlConfigPath, perform: (*Server).deleteURL},
	{operation: "ListFunctionUrlConfigs", method: http.MethodGet, path: urlConfigPath + "s", perform: (*Server).listURLs},
}

// Values of AuthType and InvokeMode, the default first.
var (
	urlAuthTypes = []string{"NONE", "AWS_IAM"}
	invokeModes  = []string{"BUFFERED", "RESPONSE_STREAM"}
)

// urlRequest is the body of CreateFunctionUrlConfig and UpdateFunctionUrlConfig.
type urlRequest struct {
	authType, invokeMode string
	cors                 *config.Cors // nil if the request has none
}

// urlRequest decodes and checks the body of c.
func (s *Server) urlRequest(c *call) (r urlRequest, err error) {
	doc := parse(c.body)
	doc.text("AuthType", &r.authType)
	doc.text("InvokeMode", &r.invokeMode)
	if in, ok := doc.object("Cors"); ok {
		r.cors = corsIn(in)
	}
	if err := s.finish(c, doc); err != nil {
		return r, err
	}
	var broken violations
	switch {
	case r.authType != "":
		broken.oneOf(r.authType, "authType", urlAuthTypes...)
	case c.operation == "CreateFunctionUrlConfig":
		broken.null("authType")
	}
	if r.invokeMode != "" {
		broken.oneOf(r.invokeMode, "invokeMode", "RESPONSE_STREAM", "BUFFERED") // in Lambda's order
	}
	if r.cors != nil {
		broken.cors(r.cors)
	}
	return r, broken.err()
}

func corsIn(doc object) *config.Cors {
	var credentials *bool
	var maxAge *int
	cors := &config.Cors{}
	doc.boolean("AllowCredentials", &credentials)
	doc.texts("AllowHeaders", &cors.AllowHeaders)
	doc.texts("AllowMethods", &cors.AllowMethods)
	doc.texts("AllowOrigins", &cors.AllowOrigins)
	doc.texts("ExposeHeaders", &cors.ExposeHeaders)
	doc.integer("MaxAge", &maxAge)
	cors.AllowCredentials = credentials != nil && *credentials
	if maxAge != nil {
		cors.MaxAge = *maxAge
	}
	return cors
}

// cors adds the violations of cross-origin settings (AWS: API reference of Lambda, Cors).
func (v *violations) cors(c *config.Cors) {
	for _, list := range []struct {
		values           []string
		member           string
		most, min, width int
	}{
		{c.AllowHeaders, "cors.allowHeaders", 100, 0, 1024},
		{c.AllowMethods, "cors.allowMethods", 6, 0, 6},
		{c.AllowOrigins, "cors.allowOrigins", 100, 1, 253},
		{c.ExposeHeaders, "cors.exposeHeaders", 100, 0, 1024},
	} {
		given := "[" + strings.Join(list.values, ", ") + "]"
		if len(list.values) > list.most {
			v.add(given, list.member, fmt.Sprintf("have length less than or equal to %d", list.most))
		}
		if slices.ContainsFunc(list.values, func(text string) bool {
			n := utf8.RuneCountInString(text)
			return n < list.min || n > list.width
		}) {
			v.add(given, list.member, fmt.Sprintf("satisfy constraint: [Member must have length less than or equal to %d, "+
				"Member must have length greater than or equal to %d, Member must satisfy regular expression pattern: .*]", list.width, list.min))
		}
	}
	v.between(&c.MaxAge, "cors.maxAge", 0, 86400)
}

// onto returns what the request makes of now. The cross-origin settings are replaced as a whole.
func (r urlRequest) onto(now config.FunctionURLConfig) *config.FunctionURLConfig {
	now.AuthType = cmp.Or(r.authType, now.AuthType)
	now.InvokeMode = cmp.Or(r.invokeMode, now.InvokeMode)
	if r.cors != nil {
		now.Cors = r.cors
	}
	return &now
}

// urlAnswer is the configuration of a URL as Lambda's answers show it (AWS: API reference of Lambda, FunctionUrlConfig).
type urlAnswer struct {
	FunctionUrl      string
	FunctionArn      string
	AuthType         string
	Cors             *corsAnswer `json:",omitempty"`
	CreationTime     string
	LastModifiedTime string `json:",omitempty"`
	InvokeMode       string `json:",omitempty"`
}

type corsAnswer struct {
	AllowCredentials bool     `json:",omitempty"`
	AllowHeaders     []string `json:",omitempty"`
	AllowMethods     []string `json:",omitempty"`
	AllowOrigins     []string `json:",omitempty"`
	ExposeHeaders    []string `json:",omitempty"`
	MaxAge           int      `json:",omitempty"`
}

// describeURL returns the description of a URL, at the address that c was sent to.
func describeURL(c *call, ref functionRef, set Setting[config.FunctionURLConfig]) urlAnswer {
	const form = "2006-01-02T15:04:05.000000Z07:00"
	v := set.Value
	a := urlAnswer{
		FunctionUrl: "http://" + c.Host + urlPrefix + url.PathEscape(ref.Qualified()) + "/", FunctionArn: ref.resource(),
		AuthType: cmp.Or(v.AuthType, urlAuthTypes[0]), InvokeMode: v.InvokeMode,
		CreationTime: set.Created.UTC().Format(form), LastModifiedTime: set.Modified.UTC().Format(form),
	}
	if v.Cors != nil {
		cors := corsAnswer(*v.Cors)
		a.Cors = &cors
	}
	return a
}

// full returns the description as the calls that read it show it: with the default of InvokeMode.
func (a urlAnswer) full() urlAnswer {
	a.InvokeMode = cmp.Or(a.InvokeMode, invokeModes[0])
	return a
}

// urlRef returns the function that the path of c names. ok is false if there is none.
func (s *Server) urlRef(c *call) (ref functionRef, ok bool, err error) {
	if ref, err = s.aliasRef(c); err != nil {
		return ref, false, err
	}
	if ref.Qualifier == latestVersion { // in the name
		ref.Qualifier = ""
	}
	_, ok = s.lookUp(ref)
	return ref, ok, nil
}

func noURL() error {
	return throw("ResourceNotFoundException", "The resource you requested does not exist.")
}

// changeURL changes the configuration of a URL.
func (s *Server) changeURL(
	c *call, to func(ref functionRef, r urlRequest, now *config.FunctionURLConfig) (*config.FunctionURLConfig, error),
) (urlAnswer, error) {
	req, err := s.urlRequest(c)
	if err != nil {
		return urlAnswer{}, err
	}
	ref, ok, err := s.urlRef(c)
	if err != nil {
		return urlAnswer{}, err
	}
	if !ok {
		return urlAnswer{}, throw("ResourceNotFoundException", "Function does not exist")
	}
	set, err := change(c, s.URLs, ref.Qualified(), func(now *config.FunctionURLConfig) (*config.FunctionURLConfig, error) {
		return to(ref, req, now)
	})
	return describeURL(c, ref, set), err
}

func (s *Server) createURL(c *call) (answer, error) {
	made, err := s.changeURL(c, func(ref functionRef, r urlRequest, now *config.FunctionURLConfig) (*config.FunctionURLConfig, error) {
		if now != nil { // the blanks are Lambda's
			return nil, throw("ResourceConflictException", "Failed to create function url config for [functionArn = %s]. "+
				"Error message:  FunctionUrlConfig exists for this Lambda function", ref.resource())
		}
		return r.onto(config.FunctionURLConfig{}), nil
	})
	if err != nil {
		return answer{}, err
	}
	made.LastModifiedTime = ""
	return document(http.StatusCreated, made)
}

func (s *Server) updateURL(c *call) (answer, error) {
	changed, err := s.changeURL(c, func(_ functionRef, r urlRequest, now *config.FunctionURLConfig) (*config.FunctionURLConfig, error) {
		if now == nil {
			return nil, noURL()
		}
		return r.onto(*now), nil
	})
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, changed)
}

func (s *Server) getURL(c *call) (answer, error) {
	ref, exists, err := s.urlRef(c)
	if err != nil {
		return answer{}, err
	}
	set, ok := s.URLs.Get(ref.Qualified())
	if !ok || !exists {
		return answer{}, noURL()
	}
	return document(http.StatusOK, describeURL(c, ref, set).full())
}

func (s *Server) deleteURL(c *call) (answer, error) {
	ref, exists, err := s.urlRef(c)
	if err != nil {
		return answer{}, err
	}
	if !exists {
		return answer{}, noURL()
	}
	_, err = change(c, s.URLs, ref.Qualified(), func(now *config.FunctionURLConfig) (*config.FunctionURLConfig, error) {
		if now == nil {
			return nil, noURL()
		}
		return nil, nil
	})
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) listURLs(c *call) (answer, error) {
	ref, exists, err := s.urlRef(c)
	if err != nil {
		return answer{}, err
	}
	if !exists {
		return answer{}, throw("ResourceNotFoundException", "Function does not exist")
	}
	all := s.URLs.List(ref.Name)
	qualifiers, next, err := page(c, all, maxListed, nil)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		FunctionUrlConfigs []urlAnswer
		NextMarker         string `json:",omitempty"`
	}{[]urlAnswer{}, next}
	for _, q := range qualifiers {
		list.FunctionUrlConfigs = append(list.FunctionUrlConfigs, describeURL(c, ref.with(strings.TrimPrefix(q, latestVersion)), all[q]).full())
	}
	return document(http.StatusOK, list)
}
