package events

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the EventBridge of one account in one Region. The zero Server is ready and has the default bus. Its methods may
// be called concurrently. It must not be copied.
type Server struct {
	// Account owns the buses and rules and is part of their ARNs.
	Account wire.Account
	// Targets are the functions, queues and topics of rules. They are used in the goroutine of the request that puts an event.
	Targets relay.Targets
	// Pattern compiles an event pattern. Nil refuses rules with patterns.
	Pattern func(pattern []byte) (matches func(event []byte) bool, err error)
	// Schedule checks a ScheduleExpression of the form rate(…) or cron(…). Nil takes every expression of that form.
	Schedule func(expression string) error

	mu    sync.RWMutex // guards the rest; not held while an event is matched or delivered
	buses map[string]*bus
}

const defaultBus = "default"

// A bus is an event bus. The server's lock guards it.
type bus struct {
	name, arn, description string
	created, modified      time.Time
	tags                   map[string]string
	rules                  map[string]*rule
}

// ServeHTTP answers one request whose X-Amz-Target begins with AWSEvents.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { api.Serve(s, w, r) }

// lock locks the server and creates the default bus if there is none. It returns what unlocks it.
func (s *Server) lock() (unlock func()) {
	s.mu.Lock()
	if s.buses == nil {
		s.buses = make(map[string]*bus)
		s.addBus(defaultBus, "")
	}
	return s.mu.Unlock
}

func (s *Server) addBus(name, description string) *bus {
	now := time.Now()
	b := &bus{
		name: name, arn: s.Account.ARN("events", "event-bus/"+name), description: description,
		created: now, modified: now, tags: make(map[string]string), rules: make(map[string]*rule),
	}
	s.buses[name] = b
	return b
}

// bus finds a bus by its name or ARN; empty is the default bus. The lock is held.
func (s *Server) bus(name string) (*bus, error) {
	if name == "" {
		name = defaultBus
	}
	short := name
	if strings.HasPrefix(name, "arn:") {
		_, short, _ = strings.Cut(name, ":event-bus/")
	}
	if b := s.buses[short]; b != nil && (short == name || b.arn == name) {
		return b, nil
	}
	return nil, notFound("Event bus %s does not exist.", name)
}

// rule finds a rule by its name. The lock is held.
func (s *Server) rule(busName, name string) (*rule, error) {
	b, err := s.bus(busName)
	if err != nil {
		return nil, err
	}
	if r := b.rules[name]; r != nil {
		return r, nil
	}
	return nil, notFound("Rule %s does not exist on EventBus %s.", name, b.name)
}

// sorted returns the values of a map in the order of its keys, of those that begin with prefix.
func sorted[T any](all map[string]T, prefix string) []T {
	var values []T
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(key, prefix) {
			values = append(values, all[key])
		}
	}
	return values
}

// page returns the elements that a request asks for by its token, the key of the last element before them, and its limit.
func page[T any](all []T, token string, limit *int, key func(T) string) (some []T, next string, err error) {
	most := 100
	if limit != nil {
		if most = *limit; most < 1 || most > 100 {
			return nil, "", malformed(most, "limit", "Member must have value between 1 and 100")
		}
	}
	some, next = wire.Page(all, token, most, key)
	return some, next, nil
}
