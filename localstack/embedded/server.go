package embedded

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/localstack/embedded/dynamodb"
	"github.com/esm-run/esm/localstack/embedded/events"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/kinesis"
	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/s3"
	"github.com/esm-run/esm/localstack/embedded/sns"
	"github.com/esm-run/esm/localstack/embedded/sqs"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Server is the stand-in for AWS: one account in one Region. The zero Server is ready and empty. Its methods may be
// called concurrently. It must not be copied.
type Server struct {
	// Region is part of ARNs; empty is us-east-1. The Region a request was signed for does not matter. No field may
	// change after the first request.
	Region string
	// AccountID owns everything and is part of queue URLs and ARNs; empty is 000000000000.
	AccountID string

	// Functions accepts the events that S3, SNS and EventBridge have for Lambda functions. Nil: there are no functions.
	Functions esm.Acceptor
	// HasFunction reports whether there is a function of that name, with :qualifier if the caller gave one. It must not
	// block, and may be called concurrently. Nil: every function exists.
	HasFunction func(function string) bool
	// Pattern compiles an event pattern of EventBridge, for rules and for the filter policies of SNS. Matches reports
	// whether a JSON object matches it, and may be called concurrently. Nil refuses patterns and filter policies.
	Pattern func(pattern []byte) (matches func(document []byte) bool, err error)
	// Schedule checks a ScheduleExpression of EventBridge. Nil checks only that it is rate(…) or cron(…).
	Schedule func(expression string) error
	// GivenUp is called with each delivery to a queue, a topic, a function or an endpoint that is lost: AWS would show it
	// in a metric at most. It must not block, and may be called concurrently. It may be nil.
	GivenUp func(target string, err error)

	// Guard wraps what Serve serves, to refuse requests such as those of web pages: SNS is driven by plain forms, and through
	// it functions are. Nil refuses nothing.
	Guard func(next http.Handler) http.Handler

	once sync.Once
	all  services
}

type services struct {
	account  wire.Account
	dynamodb dynamodb.Server
	events   events.Server
	kinesis  kinesis.Server
	s3       s3.Server
	sns      sns.Server
	sqs      sqs.Server
}

// services returns the services, which get the account at the first call.
func (s *Server) services() *services {
	s.once.Do(func() {
		account := wire.Account{Region: s.Region, ID: s.AccountID}.OrDefault()
		s.all.account = account
		s.all.dynamodb.Account, s.all.kinesis.Account, s.all.sqs.Account = account, account, account
		s.all.events.Account, s.all.s3.Account, s.all.sns.Account = account, account, account
		s.connect()
	})
	return &s.all
}

// connect connects the services that deliver to others: S3 and EventBridge to topics, and they and SNS to queues and functions.
func (s *Server) connect() {
	targets := relay.Targets{GivenUp: s.GivenUp, Services: map[string]relay.Target{
		"lambda": functions{s.Functions, s.HasFunction}, "sqs": &s.all.sqs, "sns": &s.all.sns,
	}}
	s.all.events.Targets, s.all.s3.Targets, s.all.sns.Targets = targets, targets, targets
	s.all.events.Pattern, s.all.sns.Pattern, s.all.events.Schedule = s.Pattern, s.Pattern, s.Schedule
	s.all.s3.Bus = s.all.events.Put
}

// DynamoDB returns the server's DynamoDB, for tests that need what no request can do, such as [dynamodb.Server.RollOver].
func (s *Server) DynamoDB() *dynamodb.Server { return &s.services().dynamodb }

// Client returns an HTTP client whose requests s answers without a socket; see [inprocess.Client]. Set it as the HTTPClient
// of an SDK's options with any BaseEndpoint, whose host queue URLs then have.
func (s *Server) Client() *http.Client { return inprocess.Client(s) }

// grace is how long Serve lets running requests finish after its context has ended.
const grace = time.Second

// Serve answers requests on l, and delivers to HTTP(S) subscriptions of topics, until ctx ends. Then it ends long polls and
// subscriptions, lets running requests finish for a moment, and returns nil when every goroutine that it started has ended.
// It closes l. It also returns if l fails, with l's error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	handler := http.Handler(s)
	if s.Guard != nil {
		handler = s.Guard(s)
	}
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         func(_ net.Conn, state http.ConnState) { count(&running, state) },
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // it would report clients that disconnect
	}
	ready := make(chan struct{})
	running.Go(func() { s.services().sns.Run(ctx, func() { close(ready) }) })
	<-ready
	running.Go(func() {
		<-ctx.Done()
		shutdown(server)
	})
	err := server.Serve(l)
	stop()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// count counts the connections in running: the server has a goroutine for each.
func count(running *sync.WaitGroup, state http.ConnState) {
	switch state {
	case http.StateNew:
		running.Add(1)
	case http.StateClosed, http.StateHijacked:
		running.Done()
	}
}

func shutdown(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close() // the listener is closed already, so no error matters
	}
}
