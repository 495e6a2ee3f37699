package embedded

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// functions are the Lambda functions that the services invoke asynchronously.
type functions struct {
	accept esm.Acceptor               // nil is none
	has    func(function string) bool // nil is every function
}

var _ relay.Target = functions{}

// Has reports whether there is a function with that ARN.
func (f functions) Has(arn string) bool {
	_, err := f.find(arn)
	return err == nil
}

// find returns the name of the function with that ARN, with its qualifier if the ARN has one.
func (f functions) find(arn string) (string, error) {
	name, err := config.ParseFunctionName(arn)
	function := name.Qualified()
	if err != nil || f.accept == nil || f.has != nil && !f.has(function) {
		return "", &wire.Error{Status: http.StatusNotFound, Type: "ResourceNotFoundException", Message: "Function not found: " + arn}
	}
	return function, nil
}

// Deliver hands an event over to the acceptor. It refuses what Lambda would refuse.
func (f functions) Deliver(ctx context.Context, arn string, m relay.Message) error {
	function, err := f.find(arn)
	switch {
	case err != nil:
		return err
	case len(m.Body) > esm.MaxEvent:
		return wire.Errorf("RequestEntityTooLargeException", "%d byte payload is too large for the Event invocation type (limit %d bytes)", len(m.Body), esm.MaxEvent)
	}
	return f.accept.Accept(ctx, esm.Event{Function: function, Payload: json.RawMessage(m.Body), TraceHeader: m.Trace})
}
