package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strings"
)

// chunked is the Content-Encoding of a body in chunks. AWS: "Transferring payloads in multiple chunks".
const chunked = "aws-chunked"

// maxObject is the largest size of an object in bytes. Objects are held in memory.
const maxObject = 128 << 20

var (
	errTooLarge = errorf(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the 128 MiB that the embedded S3 takes")
	errCut      = errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	errXML      = errorf(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	errChunk    = errorf(http.StatusBadRequest, "InvalidRequest", "The body is not of the encoding aws-chunked that the request announces")
)

// inChunks reports whether a body is aws-chunked. Some SDKs show that only in the way it is signed.
func inChunks(request http.Header) bool {
	return strings.HasPrefix(request.Get("X-Amz-Content-Sha256"), "STREAMING-") ||
		strings.Contains(strings.Join(request.Values("Content-Encoding"), ","), chunked)
}

// unchunk returns the body that chunks contain, and the headers that trail them. The encoding is HTTP's chunked transfer
// coding, with the signature of a chunk as an extension, which is ignored.
func unchunk(from io.Reader) (body []byte, trailer http.Header, err error) {
	r := bufio.NewReader(from)
	if body, err = io.ReadAll(httputil.NewChunkedReader(r)); err == nil {
		var headers textproto.MIMEHeader
		headers, err = textproto.NewReader(r).ReadMIMEHeader()
		trailer = http.Header(headers)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, errCut
	case err != nil:
		return nil, nil, errChunk
	}
	return body, trailer, nil
}
