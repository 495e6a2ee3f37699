package embedded

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// ServeHTTP answers one request of the AWS JSON protocol. A long poll blocks until there is a message, its time is up or
// the request's context ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("X-Amz-Target")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.RawQuery == "":
		s.greet(w)
	case name == "":
		refuseQuery(w)
	case !strings.HasPrefix(name, target):
		sqsAPI.Fail(w, wire.UnknownOperation("%s is not an operation of Amazon SQS, and this server knows no other service.", name))
	default:
		sqsAPI.Serve(s, w, r)
	}
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
