package sns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// Delivery over HTTP(S), by the default policy of AWS: "Amazon SNS message delivery retries". MaxWebMessages bounds the
// memory that endpoints which do not answer take.
const (
	webTimeout     = 15 * time.Second
	webTries       = 4
	webPause       = 20 * time.Second
	maxWebMessages = 1000
)

// A webMessage is a message on its way to an HTTP(S) endpoint.
type webMessage struct {
	to     subscription
	kind   string // of the message: x-amz-sns-message-type
	id     string // of the message
	body   string
	trace  string
	letter relay.Letter
}

// A webSender sends webMessages, each in a goroutine of [Server.Run]. Without Run it refuses them.
type webSender struct {
	mu      sync.Mutex       // guards the rest
	launch  func(webMessage) // nil while Run does not run
	running int
}

// Run makes the deliveries over HTTP(S) until ctx ends, which interrupts those that run, and returns when they have ended. It
// is called once. Ready is called when deliveries are possible.
func (s *Server) Run(ctx context.Context, ready func()) {
	client := s.client()
	defer client.CloseIdleConnections()
	var running sync.WaitGroup
	s.web.open(func(m webMessage) {
		running.Go(func() {
			defer s.web.done()
			s.sendToWeb(ctx, client, m)
		})
	})
	ready()
	<-ctx.Done()
	s.web.open(nil)
	running.Wait()
}

// maxConnections is how many connections one endpoint may have.
const maxConnections = 20

// client returns a client that follows no redirects, as SNS does not.
func (s *Server) client() *http.Client {
	transport := s.HTTP
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone() // nobody replaces it in this program
		own.MaxConnsPerHost = maxConnections
		transport = own
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (w *webSender) open(launch func(webMessage)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.launch = launch
}

func (w *webSender) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
}

// take launches a message, or returns why it cannot.
func (w *webSender) take(m webMessage) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.launch == nil:
		return errors.New("the stand-in delivers over HTTP(S) only while it serves a port")
	case w.running == maxWebMessages:
		return fmt.Errorf("%d deliveries over HTTP(S) are in progress already", maxWebMessages)
	}
	w.running++
	w.launch(m)
	return nil
}

// post begins the delivery of a message to an HTTP(S) endpoint.
func (s *Server) post(ctx context.Context, to subscription, m message) {
	out := webMessage{to: to, kind: "Notification", id: m.id, body: s.envelope(to, m), trace: m.trace, letter: s.letter(to, m)}
	if to.raw {
		out.body = m.text
	}
	s.begin(ctx, out)
}

// askToConfirm sends an HTTP(S) endpoint the token that confirms its subscription.
func (s *Server) askToConfirm(sub subscription, r request) {
	m := message{id: uuid.NewString(), at: time.Now(), host: r.host}
	s.begin(r.http.Context(), webMessage{to: sub, kind: "SubscriptionConfirmation", id: m.id, body: s.confirmation(sub, m), trace: relay.TraceOf(r.http)})
}

func (s *Server) begin(ctx context.Context, m webMessage) {
	if err := s.web.take(m); err != nil {
		_ = s.Targets.Bury(ctx, m.to.endpoint, err, m.letter) // as after its tries
	}
}

// sendToWeb tries to send a message. One that is given up goes to the dead-letter queue, unless ctx has ended.
func (s *Server) sendToWeb(ctx context.Context, client *http.Client, m webMessage) {
	var err error
	for try := range webTries {
		if try > 0 && !sleep(ctx, webPause) {
			return
		}
		var again bool
		if again, err = m.try(ctx, client); !again {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		_ = s.Targets.Bury(ctx, m.to.endpoint, err, m.letter) // nobody waits for the result
	}
}

// try sends a message once. Again says that trying again may help: AWS does not retry after the status of a client
// error other than 429.
func (m webMessage) try(ctx context.Context, client *http.Client) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, webTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.to.endpoint, strings.NewReader(m.body))
	if err != nil {
		return false, err
	}
	m.setHeaders(r.Header)
	answer, err := client.Do(r)
	if err != nil {
		return true, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return false, nil
	default:
		return status < 400 || status >= 500 || status == http.StatusTooManyRequests, fmt.Errorf("the endpoint answered %s", answer.Status)
	}
}

// setHeaders sets the headers of AWS: "Parsing Amazon SNS message formats".
func (m webMessage) setHeaders(h http.Header) {
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("User-Agent", "Amazon Simple Notification Service Agent")
	h.Set("X-Amz-Sns-Message-Type", m.kind)
	h.Set("X-Amz-Sns-Message-Id", m.id)
	h.Set("X-Amz-Sns-Topic-Arn", m.to.topic)
	if m.kind == "Notification" {
		h.Set("X-Amz-Sns-Subscription-Arn", m.to.arn)
		if m.to.raw {
			h.Set("X-Amz-Sns-Rawdelivery", "true")
		}
	}
	if m.trace != "" {
		h.Set("X-Amzn-Trace-Id", m.trace)
	}
}

// sleep waits for d and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
