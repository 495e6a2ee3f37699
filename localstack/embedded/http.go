package embedded

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

const (
	jsonProtocol = "application/x-amz-json-1.0"
	target       = "AmazonSQS."
	maxRequest   = 16 << 20 // bytes: a batch of 1 MiB in JSON's longest escapes, and room for the rest
)

// ServeHTTP answers one request of the AWS JSON protocol. A long poll blocks until there is a message, its time is up or
// the request's context ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("X-Amz-Target")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.RawQuery == "":
		s.greet(w)
		return
	case name == "":
		refuseQuery(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		writeError(w, unreadable("The request could not be read: %v.", err))
		return
	}
	answer, err := s.perform(r, name, body)
	if err != nil {
		writeError(w, err)
		return
	}
	write(w, http.StatusOK, answer)
}

func (s *Server) perform(r *http.Request, name string, body []byte) ([]byte, error) {
	short, ok := strings.CutPrefix(name, target)
	if !ok {
		return nil, unknownOperation("%s is not an operation of Amazon SQS, and this server knows no other service.", name)
	}
	if run, ok := operations[short]; ok {
		return run(s, r, body)
	}
	if unsupported[short] {
		return nil, refuseOld("UnsupportedOperation", "%s is not supported by the embedded SQS.", short)
	}
	return nil, unknownOperation("Amazon SQS has no operation %s.", short)
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", jsonProtocol)
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.WriteHeader(status)
	w.Write(body) // a client that is gone cannot be told
}

// writeError answers in the shape that SDKs turn into their typed exceptions: the type in the body, and the error's name
// of the query protocol in a header.
func writeError(w http.ResponseWriter, err error) {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		refused = &refusal{http.StatusInternalServerError, coralNamespace + "InternalFailure", "InternalFailure", err.Error()}
	}
	side := "Sender"
	if refused.status >= 500 {
		side = "Receiver"
	}
	w.Header().Set("X-Amzn-Query-Error", refused.code+";"+side)
	body, _ := json.Marshal(map[string]string{"__type": refused.typ, "message": refused.text})
	write(w, refused.status, body)
}

// refuseQuery answers a client of the older query protocol in that protocol, so that it shows the reason.
func refuseQuery(w http.ResponseWriter) {
	type reason struct{ Type, Code, Message string }
	body, _ := xml.Marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Error     reason
		RequestId string
	}{
		Error: reason{"Sender", "AWS.SimpleQueueService.UnsupportedOperation", "The embedded SQS speaks the AWS JSON protocol " +
			"only, and this request is of the older query protocol. Use an SDK of 2024 or later."},
		RequestId: uuid.NewString(),
	})
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	w.Write(body)
}

// greet tells a person with a browser what this is.
func (s *Server) greet(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "This is the embedded SQS (Region %s, account %s, %d queues).\n"+
		"Point an AWS SDK or the AWS CLI here with --endpoint-url.\n", s.region(), s.account(), len(s.all()))
}
