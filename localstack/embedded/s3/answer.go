package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"
)

// A refusal is an error of S3: what the caller asked for cannot be done.
type refusal struct {
	status     int // HTTP status
	code, text string
}

func (e *refusal) Error() string { return e.code + ": " + e.text }

func refuse(status int, code, text string) error { return &refusal{status, code, text} }

func notImplemented(what string) error {
	return refuse(http.StatusNotImplemented, "NotImplemented", what+" is not implemented by the embedded S3.")
}

func invalidArgument(text string) error {
	return refuse(http.StatusBadRequest, "InvalidArgument", text)
}

const requestID = "X-Amz-Request-Id"

// identify gives the answer the ids that SDKs show.
func identify(w http.ResponseWriter) {
	id := uuid.NewString()
	w.Header().Set(requestID, id)
	w.Header().Set("X-Amz-Id-2", id)
}

// fail answers with an error in S3's shape; to HEAD it is the status alone.
func (c call) fail(err error) {
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		refused = &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	c.write(refused.status, struct {
		XMLName                                        xml.Name `xml:"Error"`
		Code, Message, BucketName, Resource, RequestId string
	}{Code: refused.code, Message: refused.text, BucketName: c.bucket, Resource: c.URL.Path, RequestId: c.w.Header().Get(requestID)})
}

// write answers with XML, where there may be a body. A client that is gone cannot be told.
func (c call) write(status int, root any) {
	body := bytes.NewBufferString(xml.Header)
	if err := xml.NewEncoder(body).Encode(root); err != nil {
		status = http.StatusInternalServerError // no answer has what XML cannot encode
	}
	if c.Method == http.MethodHead || status == http.StatusNotModified {
		c.w.WriteHeader(status)
		return
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	c.w.WriteHeader(status)
	c.w.Write(body.Bytes())
}
