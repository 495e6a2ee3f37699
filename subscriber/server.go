// Package subscriber is an endpoint to which SNS topics deliver over HTTP. It accepts each notification as an asynchronous
// event of a function, in the shape that a topic's Lambda subscription gives it.
//
// It is for topics of services that cannot invoke this engine's functions by themselves (AWS: "Fanout Amazon SNS
// notifications to HTTP/S endpoints").
package subscriber

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Path is the path of the endpoints. The function's name follows, with a qualifier if it has one.
const Path = "/esm/v1/sns/"

// Unwrap says what the function's event is made of.
type Unwrap string

// The values of the query's parameter unwrap.
const (
	Whole       Unwrap = ""            // the notification: the event of a topic's subscription
	S3          Unwrap = "s3"          // its message: the event of a bucket's notification that went through a topic
	EventBridge Unwrap = "eventbridge" // its message: the event of a rule whose target is a topic
)

// URL returns the endpoint for a function below the base URL of the engine's HTTP server.
func URL(base, function string, unwrap Unwrap) string {
	u := strings.TrimSuffix(base, "/") + Path + url.PathEscape(function)
	if unwrap != Whole {
		u += "?unwrap=" + url.QueryEscape(string(unwrap))
	}
	return u
}

// Server is an [http.Handler] for the endpoints of all functions. Set its fields before it serves; it serves many requests
// concurrently.
//
// It answers a notification with 200 when its event is durable, and with a 5xx status if SNS should deliver it again. Then the
// event may come twice, with the same request ID.
type Server struct {
	// Events accepts the events of functions. It returns nil while the engine is starting.
	Events func() esm.Acceptor

	// HasFunction reports whether there is a function of a name without qualifier.
	HasFunction func(name string) bool

	// Confirm confirms a subscription with ConfirmSubscription at the configured endpoint of SNS. The URL in the request for
	// it is not visited: it may lead anywhere, and emulators give host names that only they can resolve.
	Confirm func(ctx context.Context, topicArn, token string) error

	// Account is the account whose topics may deliver here.
	Account string

	// Unsigned are the topics, by ARN, whose messages need no signature: those of an emulator to which this engine has
	// subscribed. Messages of all other topics must be signed by AWS.
	Unsigned map[string]bool

	// Now returns the time, by which signed messages are too old; nil means [time.Now].
	Now func() time.Time

	// Transport gets certificates; nil means [http.DefaultTransport].
	Transport http.RoundTripper

	// Warn receives, for people, what is refused and what fails, but not every time. It may be called concurrently; nil
	// discards. Its texts quote no messages.
	Warn func(text string)

	certificates certificates

	once     sync.Once
	warnings rate.Sometimes // about refusals: anyone may send requests
}

const (
	maxBody       = 2 << 20 // bytes; a message has at most 256 KB, which JSON may write longer
	confirmWithin = 8 * time.Second
	maxWarnings   = 20 // about refused requests; further ones once a second
)

// refusal is an answer other than 200.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one request of SNS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.serve(w, r)
	if err == nil {
		return // 200
	}
	status := http.StatusServiceUnavailable
	if r, ok := errors.AsType[refusal](err); ok {
		status = r.status
	}
	if s.Warn != nil {
		s.once.Do(func() { s.warnings = rate.Sometimes{First: maxWarnings, Interval: time.Second} })
		s.warnings.Do(func() {
			s.Warn(fmt.Sprintf("a request of SNS to %s%.200q: %v", Path, strings.TrimPrefix(r.URL.Path, Path), err))
		})
	}
	http.Error(w, err.Error(), status)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	to, err := s.destination(r)
	if err != nil {
		return err
	}
	m, err := readMessage(w, r)
	if err != nil {
		return err
	}
	if err := s.authenticate(r.Context(), m); err != nil {
		return err
	}
	switch m.Type {
	case "SubscriptionConfirmation":
		return s.confirm(r.Context(), m)
	case "UnsubscribeConfirmation":
		if s.Warn != nil {
			s.Warn(fmt.Sprintf("the topic %s no longer delivers to function %s: its subscription was deleted", m.TopicArn, to.function))
		}
		return nil
	case "Notification":
		return s.accept(r, m, to)
	}
	return refuse(http.StatusBadRequest, "the Type is none of Notification, SubscriptionConfirmation and UnsubscribeConfirmation")
}

// destination is what a request's URL asks for.
type destination struct {
	function string // with its qualifier
	unwrap   Unwrap
}

func (s *Server) destination(r *http.Request) (destination, error) {
	if r.Method != http.MethodPost {
		return destination{}, refuse(http.StatusMethodNotAllowed, "SNS delivers with POST")
	}
	name, err := config.ParseFunctionName(strings.TrimPrefix(r.URL.Path, Path))
	if err != nil || !s.HasFunction(name.Name) {
		return destination{}, refuse(http.StatusNotFound, "the engine has no such function")
	}
	unwrap := Unwrap(r.URL.Query().Get("unwrap"))
	if unwrap != Whole && unwrap != S3 && unwrap != EventBridge {
		return destination{}, refuse(http.StatusBadRequest, "unwrap is neither %s nor %s", S3, EventBridge)
	}
	return destination{name.Qualified(), unwrap}, nil
}

func readMessage(w http.ResponseWriter, r *http.Request) (m message, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return m, refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	}
	if err != nil {
		return m, refuse(http.StatusBadRequest, "the body was not received: %v", err)
	}
	if r.Header.Get("X-Amz-Sns-Rawdelivery") == "true" {
		return m, refuse(http.StatusBadRequest, "raw messages have no signature: remove RawMessageDelivery from the subscription")
	}
	if json.Unmarshal(body, &m) != nil {
		return m, refuse(http.StatusBadRequest, "the body is not a message of SNS")
	}
	m.subscription = r.Header.Get("X-Amz-Sns-Subscription-Arn")
	return m, nil
}

// authenticate checks that a message comes from a topic that may deliver here.
func (s *Server) authenticate(ctx context.Context, m message) error {
	if s.Unsigned[m.TopicArn] {
		return nil
	}
	topic, err := config.ParseARN(m.TopicArn)
	if err != nil || topic.Service != config.SNS || topic.Account != s.Account {
		return refuse(http.StatusForbidden, "the topic is neither one that this engine has subscribed to nor one of account %s (Aws.AccountId)", s.Account)
	}
	return s.verify(ctx, m)
}

func (s *Server) confirm(ctx context.Context, m message) error {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	if err := s.Confirm(ctx, m.TopicArn, m.Token); err != nil {
		return fmt.Errorf("confirm the subscription of topic %s: %w", m.TopicArn, err)
	}
	return nil
}

// accept stores the event of a notification.
func (s *Server) accept(r *http.Request, m message, to destination) error {
	payload, err := m.event(to.unwrap)
	if err != nil || payload == nil {
		return err
	}
	if len(payload) > esm.MaxEvent {
		return refuse(http.StatusRequestEntityTooLarge, "the event has %d bytes, above %d", len(payload), esm.MaxEvent)
	}
	events := s.Events()
	if events == nil {
		return refuse(http.StatusServiceUnavailable, "the engine is starting")
	}
	return events.Accept(r.Context(), esm.Event{
		ID: requestID(m.MessageId, to.function), Function: to.function, Payload: payload,
		TraceHeader: r.Header.Get("X-Amzn-Trace-Id"),
	})
}

// namespace is the namespace of request IDs made of messages.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/esm-run/esm/sns-messages"))

// requestID returns the ID of a message's event for a function, which is the same at every delivery, so that a repeated one
// can be recognized. It has the form of a random UUID, as request IDs have on Lambda.
func requestID(messageID, function string) string {
	return uuid.NewHash(sha256.New(), namespace, []byte(messageID+"\n"+function), 4).String()
}
