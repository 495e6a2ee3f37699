package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/esm-run/esm/config"
)

// Concurrency is what is reserved for functions. All methods may be called side by side.
type Concurrency interface {
	// Reserved is what is reserved for a function, if anything is.
	Reserved(function string) (n int, ok bool)

	// Reserve reserves n for a function, or with nil lets it share the pool again. When it returns nil, that counts for
	// every invocation that begins from then on, and outlasts the engine. Running invocations go on. An error leaves
	// everything as it was.
	Reserve(ctx context.Context, function string, n *int) error

	// Unreserved is the size of the pool that functions without a reservation share.
	Unreserved() int
}

type reservation struct{ ReservedConcurrentExecutions int }

// concurrency is what is reserved for a function; nil is nothing.
func (s *Server) concurrency(function string) *reservation {
	if s.Concurrency == nil {
		return nil
	}
	n, ok := s.Concurrency.Reserved(function)
	if !ok {
		return nil
	}
	return &reservation{n}
}

// unqualified is the function of a request that Lambda takes for whole functions alone. It may not exist.
func (s *Server) unqualified(c *call) (asked, error) {
	a, err := s.named(c)
	if err == nil && a.Qualifier != "" {
		err = invalid("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
			"Please specify either a function name or an unqualified function ARN.")
	}
	return a, err
}

// whole is the function of a request about a whole function.
func (s *Server) whole(c *call) (config.Function, error) {
	a, err := s.unqualified(c)
	if err != nil {
		return config.Function{}, err
	}
	fn, ok := s.function(a)
	if !ok {
		return fn, notFound(a.qualified())
	}
	return fn, nil
}

func (s *Server) getConcurrency(c *call) (answer, error) {
	fn, err := s.whole(c)
	if err != nil {
		return answer{}, err
	}
	if own := s.concurrency(fn.Name); own != nil {
		return document(http.StatusOK, own)
	}
	return document(http.StatusOK, struct{}{})
}

func (s *Server) putConcurrency(c *call) (answer, error) {
	fn, err := s.whole(c)
	if err != nil {
		return answer{}, err
	}
	doc := parse(c.body)
	n := doc.integer("ReservedConcurrentExecutions")
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	if err := reservable(n); err != nil {
		return answer{}, err
	}
	if err := s.reserve(c, fn.Name, n); err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, reservation{*n})
}

func reservable(n *int) error {
	const member = "reservedConcurrentExecutions"
	switch {
	case n == nil:
		return constraints("Value null at '" + member + "' failed to satisfy constraint: Member must not be null")
	case *n < 0:
		return constraint(strconv.Itoa(*n), member, "have value greater than or equal to 0")
	case *n > config.MaxConcurrency:
		return invalid("ReservedConcurrentExecutions %s.", config.OutOfRange(*n, 0, config.MaxConcurrency))
	}
	return nil
}

func (s *Server) deleteConcurrency(c *call) (answer, error) {
	fn, err := s.whole(c)
	if err == nil {
		err = s.reserve(c, fn.Name, nil)
	}
	return answer{status: http.StatusNoContent}, err
}

// reserve is not given up when the client goes away: it is short, and whoever asks later sees what came of it.
func (s *Server) reserve(c *call, function string, n *int) error {
	return s.Concurrency.Reserve(context.WithoutCancel(c.Context()), function, n)
}
