package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/esm-run/esm/config"
)

// Concurrency holds the reserved concurrency of functions. All methods may be called concurrently.
type Concurrency interface {
	// Reserved returns the reservation of a function; ok is false if it has none.
	Reserved(function string) (n int, ok bool)

	// Reserve reserves n for a function; nil removes its reservation. When Reserve returns nil, the change is durable and
	// applies to every invocation that begins from then on; running invocations continue. After an error nothing has
	// changed.
	Reserve(ctx context.Context, function string, n *int) error

	// Unreserved returns the size of the pool that functions without a reservation share.
	Unreserved() int
}

type reservation struct{ ReservedConcurrentExecutions int }

// reservation returns the reservation of a function, or nil.
func (s *Server) reservation(function string) *reservation {
	if s.Concurrency == nil {
		return nil
	}
	n, ok := s.Concurrency.Reserved(function)
	if !ok {
		return nil
	}
	return &reservation{n}
}

func (s *Server) getConcurrency(c *call) (answer, error) {
	fn, err := s.wholeFunction(c)
	if err != nil {
		return answer{}, err
	}
	if r := s.reservation(fn.Name); r != nil {
		return document(http.StatusOK, r)
	}
	return document(http.StatusOK, struct{}{})
}

func (s *Server) putConcurrency(c *call) (answer, error) {
	fn, err := s.wholeFunction(c)
	if err != nil {
		return answer{}, err
	}
	doc, n := parse(c.body), (*int)(nil)
	doc.integer("ReservedConcurrentExecutions", &n)
	if err := s.finish(c, doc); err != nil {
		return answer{}, err
	}
	if err := s.checkReservation(fn.Name, n); err != nil {
		return answer{}, err
	}
	if err := s.reserve(c, fn.Name, n); err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, reservation{*n})
}

func (s *Server) checkReservation(function string, n *int) error {
	const member = "reservedConcurrentExecutions"
	provisioned, _ := s.Provisioned.Get(function)
	var broken violations
	switch {
	case n == nil:
		broken.null(member)
	case *n < 0:
		broken.add(strconv.Itoa(*n), member, "have value greater than or equal to 0")
	case *n > config.MaxConcurrency:
		return invalidParameter("ReservedConcurrentExecutions %s.", config.OutOfRange(*n, 0, config.MaxConcurrency))
	case *n < provisioned.Value && *n > 0: // the blanks are Lambda's
		return invalidParameter(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].", *n, provisioned.Value)
	}
	return broken.err()
}

func (s *Server) deleteConcurrency(c *call) (answer, error) {
	fn, err := s.wholeFunction(c)
	if err == nil {
		err = s.reserve(c, fn.Name, nil)
	}
	return answer{status: http.StatusNoContent}, err
}

// reserve ignores that the client goes away: a change that is given up halfway has an unknown outcome.
func (s *Server) reserve(c *call, function string, n *int) error {
	return s.Concurrency.Reserve(context.WithoutCancel(c.Context()), function, n)
}
