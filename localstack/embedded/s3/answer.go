package s3

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

func errorf(status int, code, format string, args ...any) error {
	return &wire.Error{Status: status, Type: code, Message: fmt.Sprintf(format, args...)}
}

func notImplemented(what string) error {
	return errorf(http.StatusNotImplemented, "NotImplemented", "%s is not implemented by the embedded S3.", what)
}

func invalidArgument(text string) error {
	return errorf(http.StatusBadRequest, "InvalidArgument", "%s", text)
}

// The headers of a response's IDs.
const (
	requestID = "X-Amz-Request-Id"
	hostID    = "X-Amz-Id-2"
)

// identify gives the response the IDs that SDKs show.
func identify(w http.ResponseWriter) {
	id := uuid.NewString()
	w.Header().Set(requestID, id)
	w.Header().Set(hostID, id)
}

// fail responds with an error in S3's shape. The response to HEAD is the status alone.
func (c call) fail(err error) {
	e := wire.AsError(err)
	argument, _ := e.More["ArgumentName"].(string)
	value, _ := e.More["ArgumentValue"].(string)
	c.write(e.Status, struct {
		XMLName                                        xml.Name `xml:"Error"`
		Code, Message, BucketName, Resource, RequestId string
		ArgumentName, ArgumentValue                    string `xml:",omitempty"`
	}{
		Code: e.ErrorCode(), Message: e.Message, BucketName: c.bucket, Resource: c.URL.Path, RequestId: c.w.Header().Get(requestID),
		ArgumentName: argument, ArgumentValue: value,
	})
}

// write responds with XML if the response may have a body.
func (c call) write(status int, root any) {
	body := bytes.NewBufferString(xml.Header)
	_ = xml.NewEncoder(body).Encode(root) // no response contains anything that XML cannot encode
	if c.Method == http.MethodHead || status == http.StatusNotModified {
		c.w.WriteHeader(status)
		return
	}
	c.w.Header().Set("Content-Type", "application/xml")
	c.w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	c.w.WriteHeader(status)
	c.w.Write(body.Bytes())
}
