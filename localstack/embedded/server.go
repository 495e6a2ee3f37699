package embedded

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm/config"
)

// A Server is the stand-in for AWS: one account in one Region. The zero Server is ready and empty. All methods may be called side by
// side. It must not be copied.
type Server struct {
	// Region is part of ARNs; empty is us-east-1. The Region that a request was signed for does not matter. Neither this nor
	// AccountID may change after the first request.
	Region string
	// AccountID owns everything and is part of queue URLs and ARNs; empty is 000000000000.
	AccountID string

	services services

	mu      sync.RWMutex // guards the queues; no queue is locked under it
	queues  map[string]*queue
	deleted map[string]time.Time // when a queue of this name was deleted
}

func (s *Server) region() string  { return cmp.Or(s.Region, "us-east-1") }
func (s *Server) account() string { return cmp.Or(s.AccountID, "000000000000") }

func (s *Server) arn(name string) string { return config.QueueARN(s.region(), s.account(), name) }

// grace is how long Serve lets answers that are being written get through when it is to end.
const grace = time.Second

// Serve answers on l until ctx ends. Then it ends long polls and streams, lets running requests finish for a moment, and returns nil
// when every goroutine that it started has ended. It closes l. An error of l ends it as well and is returned.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	server := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         func(_ net.Conn, state http.ConnState) { count(&running, state) },
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // a client that hangs up is no news
	}
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

// count keeps track of the connections, each of which is a goroutine of the server.
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
		server.Close() // the listener is closed already: there is no error left that could matter
	}
}

// queueAt finds the queue that a QueueUrl names. Its host does not matter.
func (s *Server) queueAt(url string) (*queue, error) {
	if url == "" {
		return nil, missingParameter("QueueUrl")
	}
	rest, name := cutLast(strings.TrimRight(url, "/"))
	_, account := cutLast(rest)
	if rest == "" {
		return nil, refuseAs(http.StatusNotFound, "InvalidAddress", "InvalidAddress", "The address %s is not valid for this endpoint.", url)
	}
	if q := s.named(name); q != nil && account == s.account() {
		return q, nil
	}
	return nil, noSuchQueue()
}

func cutLast(path string) (before, last string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

// named returns the queue of that name, or nil.
func (s *Server) named(name string) *queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.queues[name]
}

// queueOf returns the queue with that ARN, or nil.
func (s *Server) queueOf(arn string) *queue {
	if arn == "" {
		return nil
	}
	q := s.named(arn[strings.LastIndexByte(arn, ':')+1:])
	if q == nil || q.arn != arn {
		return nil
	}
	return q
}

// all returns the queues.
func (s *Server) all() []*queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	queues := make([]*queue, 0, len(s.queues))
	for _, q := range s.queues {
		queues = append(queues, q)
	}
	return queues
}
