package api

import (
	"fmt"
	"net/http"
	"regexp"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

const eventInvokePath = "/2019-09-25/functions/*/event-invoke-config"

var eventInvokeRoutes = []route{
	{operation: "PutFunctionEventInvokeConfig", method: http.MethodPut, path: eventInvokePath, perform: (*Server).putEventInvoke},
	{operation: "UpdateFunctionEventInvokeConfig", method: http.MethodPost, path: eventInvokePath, perform: (*Server).updateEventInvoke},
	{operation: "GetFunctionEventInvokeConfig", method: http.MethodGet, path: eventInvokePath, perform: (*Server).getEventInvoke},
	{operation: "DeleteFunctionEventInvokeConfig", method: http.MethodDelete, path: eventInvokePath, perform: (*Server).deleteEventInvoke},
	{operation: "ListFunctionEventInvokeConfigs", method: http.MethodGet, path: eventInvokePath + "/list", perform: (*Server).listEventInvoke},
}

// eventInvokeRequest is the body of PutFunctionEventInvokeConfig and UpdateFunctionEventInvokeConfig. Nil members are absent.
type eventInvokeRequest struct {
	retries, age         *int
	onSuccess, onFailure *eventDestination
}

// eventDestination is OnSuccess or OnFailure in a request. An empty ARN removes the destination.
type eventDestination struct{ arn *string }

// eventInvokeRequest decodes and checks the body of c, as far as Lambda's front end does.
func (s *Server) eventInvokeRequest(c *call) (r eventInvokeRequest, err error) {
	doc := parse(c.body)
	doc.integer("MaximumRetryAttempts", &r.retries)
	doc.integer("MaximumEventAgeInSeconds", &r.age)
	if in, ok := doc.object("DestinationConfig"); ok {
		r.onSuccess, r.onFailure = destinationIn(in, "OnSuccess"), destinationIn(in, "OnFailure")
	}
	if err := s.finish(c, doc); err != nil {
		return r, err
	}
	var broken violations
	broken.between(r.retries, "maximumRetryAttempts", 0, config.MaxRetryAttempts)
	broken.between(r.age, "maximumEventAgeInSeconds", config.MinEventAge, config.MaxEventAge)
	broken.destination(r.onSuccess, "destinationConfig.onSuccess.destination")
	broken.destination(r.onFailure, "destinationConfig.onFailure.destination")
	if err := broken.err(); err != nil {
		return r, err
	}
	if r == (eventInvokeRequest{}) {
		return r, invalidParameter("You must specify at least one of error handling or destination setting.")
	}
	return r, nil
}

func destinationIn(doc object, name string) *eventDestination {
	in, ok := doc.object(name)
	if !ok {
		return nil
	}
	d := &eventDestination{}
	if arn, ok := takeAs[string](in, "Destination", "a String"); ok {
		d.arn = &arn
	}
	return d
}

// maxDestination is the most characters of a destination (AWS: API reference of Lambda, OnFailure).
const maxDestination = 350

const destinationPattern = `$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:` +
	`((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`

var destinationForm = regexp.MustCompile(`^(?:` + destinationPattern + `)$`)

func (v *violations) destination(d *eventDestination, member string) {
	if d == nil || d.arn == nil {
		return
	}
	if utf8.RuneCountInString(*d.arn) > maxDestination {
		v.add(*d.arn, member, fmt.Sprintf("have length less than or equal to %d", maxDestination))
	}
	if !destinationForm.MatchString(*d.arn) {
		v.add(*d.arn, member, "satisfy regular expression pattern: "+destinationPattern)
	}
}

// onto returns what the request makes of now: its members replace those of now. A destination without an ARN changes nothing.
func (r eventInvokeRequest) onto(now config.EventInvokeConfig) *config.EventInvokeConfig {
	if r.retries != nil {
		now.MaximumRetryAttempts = r.retries
	}
	if r.age != nil {
		now.MaximumEventAgeInSeconds = r.age
	}
	if d := r.onSuccess; d != nil && d.arn != nil {
		now.DestinationConfig.OnSuccess.Destination = *d.arn
	}
	if d := r.onFailure; d != nil && d.arn != nil {
		now.DestinationConfig.OnFailure.Destination = *d.arn
	}
	return &now
}

// checkDestinations returns what Lambda refuses about the destinations of a function's events.
func (s *Server) checkDestinations(ref functionRef, r eventInvokeRequest) error {
	for _, d := range []struct {
		*eventDestination
		origin config.Origin
	}{{r.onSuccess, config.EventSuccess}, {r.onFailure, config.EventFailure}} {
		if d.eventDestination == nil || d.arn == nil || *d.arn == "" {
			continue
		}
		to, err := config.ParseDestination(*d.arn, d.origin)
		switch {
		case err != nil:
			return invalidParameter("The provided destination config DestinationConfig(onSuccess=%s, onFailure=%s) is invalid.",
				r.onSuccess.show("OnSuccess"), r.onFailure.show("OnFailure"))
		case to.Kind != config.FunctionDestination:
		case to.FunctionArn() == ref.arn:
			return invalidParameter("You can't specify the function as a destination for itself.")
		case !s.mayExist(to.ARN):
			return invalidParameter("The destination ARN %s is invalid.", *d.arn)
		}
	}
	return nil
}

// show returns a destination as Lambda's messages show it.
func (d *eventDestination) show(name string) string {
	if d == nil || d.arn == nil {
		return "null"
	}
	return fmt.Sprintf("%s(destination=%s)", name, *d.arn)
}

// mayExist reports whether a function may exist: one of this engine's account and region is looked up.
func (s *Server) mayExist(function config.ARN) bool {
	if function.Region != s.Region || function.Account != s.Account {
		return true
	}
	ref, err := s.parseRef(function.String(), "")
	if err != nil {
		return false
	}
	_, ok := s.lookUp(ref)
	return ok
}

// eventInvokeAnswer is a configuration as Lambda's answers show it (AWS: API reference of Lambda, FunctionEventInvokeConfig).
type eventInvokeAnswer struct {
	LastModified             epoch
	FunctionArn              string
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	DestinationConfig        config.EventDestinations
}

func describeEventInvoke(ref functionRef, set Setting[config.EventInvokeConfig]) eventInvokeAnswer {
	v := set.Value
	return eventInvokeAnswer{epoch(set.Modified), ref.qualified(), v.MaximumRetryAttempts, v.MaximumEventAgeInSeconds, v.DestinationConfig}
}

// putEventInvoke replaces the whole configuration.
func (s *Server) putEventInvoke(c *call) (answer, error) {
	return s.changeEventInvoke(c, func(functionRef, *config.EventInvokeConfig) (config.EventInvokeConfig, error) {
		return config.EventInvokeConfig{}, nil
	})
}

// updateEventInvoke keeps what the request does not name.
func (s *Server) updateEventInvoke(c *call) (answer, error) {
	return s.changeEventInvoke(c, func(ref functionRef, now *config.EventInvokeConfig) (config.EventInvokeConfig, error) {
		if now == nil {
			return config.EventInvokeConfig{}, noEventInvoke(ref)
		}
		return *now, nil
	})
}

// changeEventInvoke changes a configuration. Its new value is the request onto what base returns.
func (s *Server) changeEventInvoke(
	c *call, base func(functionRef, *config.EventInvokeConfig) (config.EventInvokeConfig, error),
) (answer, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return answer{}, err
	}
	req, err := s.eventInvokeRequest(c)
	if err != nil {
		return answer{}, err
	}
	if _, ok := s.lookUp(ref); !ok {
		return answer{}, errNoFunction()
	}
	set, err := change(c, s.EventInvoke, ref.Qualified(), func(now *config.EventInvokeConfig) (*config.EventInvokeConfig, error) {
		onto, err := base(ref, now)
		if err == nil {
			err = s.checkDestinations(ref, req)
		}
		return req.onto(onto), err
	})
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, describeEventInvoke(ref, set))
}

func errNoFunction() error { return throw("ResourceNotFoundException", "The function doesn't exist.") }

func noEventInvoke(ref functionRef) error {
	return throw("ResourceNotFoundException", "The function %s doesn't have an EventInvokeConfig", ref.qualified())
}

func (s *Server) getEventInvoke(c *call) (answer, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return answer{}, err
	}
	set, ok := s.EventInvoke.Get(ref.Qualified())
	if _, exists := s.lookUp(ref); !ok || !exists {
		return answer{}, noEventInvoke(ref)
	}
	return document(http.StatusOK, describeEventInvoke(ref, set))
}

func (s *Server) deleteEventInvoke(c *call) (answer, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return answer{}, err
	}
	if _, exists := s.lookUp(ref); !exists {
		return answer{}, noEventInvoke(ref)
	}
	_, err = change(c, s.EventInvoke, ref.Qualified(), func(now *config.EventInvokeConfig) (*config.EventInvokeConfig, error) {
		if now == nil {
			return nil, noEventInvoke(ref)
		}
		return nil, nil
	})
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) listEventInvoke(c *call) (answer, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return answer{}, err
	}
	if _, ok := s.lookUp(ref); !ok {
		return answer{}, errNoFunction()
	}
	all := s.EventInvoke.List(ref.Name)
	qualifiers, next, err := page(c, all, maxListed, nil)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		FunctionEventInvokeConfigs []eventInvokeAnswer
		NextMarker                 string `json:",omitempty"`
	}{[]eventInvokeAnswer{}, next}
	for _, q := range qualifiers {
		list.FunctionEventInvokeConfigs = append(list.FunctionEventInvokeConfigs, describeEventInvoke(ref.with(q), all[q]))
	}
	return document(http.StatusOK, list)
}

// with returns the reference with another qualifier.
func (r functionRef) with(qualifier string) functionRef {
	r.Qualifier = qualifier
	return r
}
