package embedded

import (
	"encoding/xml"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/sns"
)

// ServeHTTP answers one request. Its target says which service it is for, or else its credentials, or else its form or
// path. A long poll blocks until there is a message, its time is up or the request's context ends; so does a
// subscription to a shard.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name := r.Header.Get("X-Amz-Target"); name != "" {
		s.serveJSON(w, r, name)
		return
	}
	switch service := signedFor(r); service {
	case "":
		s.serveUnsigned(w, r)
	case "s3":
		s.others().s3.ServeHTTP(w, r)
	case "sns":
		s.others().sns.ServeHTTP(w, r)
	case "sqs":
		refuseQuery(w)
	case "dynamodb", "kinesis":
		refuseXML(w, "UnsupportedOperation", "This server speaks the AWS JSON protocol for "+service+" only, with X-Amz-Target.")
	default:
		refuseXML(w, "UnsupportedOperation", "This server does not have the service "+service+": it has "+names+".")
	}
}

// serveUnsigned answers a request that does not say which service it is for: a browser's, or one made by hand.
func (s *Server) serveUnsigned(w http.ResponseWriter, r *http.Request) {
	home, asks := r.URL.Path == "/", action(r)
	switch {
	case home && r.Method == http.MethodGet && r.URL.RawQuery == "":
		s.greet(w)
	case sns.Has(asks):
		s.others().sns.ServeHTTP(w, r)
	case home || asks != "" || r.Method == http.MethodPost:
		refuseQuery(w)
	default:
		s.others().s3.ServeHTTP(w, r)
	}
}

// action is what a request of the query protocol asks for, or "".
func action(r *http.Request) string {
	if r.Method == http.MethodPut || r.ParseForm() != nil {
		return "" // an object may be a form
	}
	return r.Form.Get("Action")
}

// refuseQuery answers a client of the older query protocol in that protocol, so that it shows the reason.
func refuseQuery(w http.ResponseWriter) {
	refuseXML(w, "AWS.SimpleQueueService.UnsupportedOperation", "The embedded SQS speaks the AWS JSON protocol only, and this "+
		"request is of the older query protocol. Use an SDK of 2024 or later.")
}

// refuseXML answers in the shape of the query protocol. Clients of other protocols show the text at least.
func refuseXML(w http.ResponseWriter, code, text string) {
	type reason struct{ Type, Code, Message string }
	body, _ := xml.Marshal(struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Error     reason
		RequestId string
	}{
		Error:     reason{"Sender", code, text},
		RequestId: uuid.NewString(),
	})
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	w.Write(body)
}

// greet tells a person with a browser what this is.
func (s *Server) greet(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "This is the embedded stand-in for AWS: %s (Region %s, account %s, %d queues).\n"+
		"Point an AWS SDK or the AWS CLI here with --endpoint-url.\n", names, s.region(), s.account(), len(s.all()))
}
