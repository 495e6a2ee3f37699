package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// chunked is the Content-Encoding of a body in chunks. AWS: "Transferring payloads in multiple chunks".
const chunked = "aws-chunked"

// maxObject is the largest size of an object in bytes. Objects are held in memory.
const maxObject = 128 << 20

var (
	errTooLarge = errorf(http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the 128 MiB that the embedded S3 takes")
	errCut      = errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
	errChunk    = errorf(http.StatusBadRequest, "InvalidRequest", "The body is not of the encoding aws-chunked that the request announces")
)

// inChunks reports whether a body is aws-chunked. Some SDKs show that only in the way it is signed.
func inChunks(request http.Header) bool {
	return strings.HasPrefix(request.Get("X-Amz-Content-Sha256"), "STREAMING-") ||
		strings.Contains(strings.Join(request.Values("Content-Encoding"), ","), chunked)
}

// unchunk returns the body that chunks contain, and the headers that trail them. It ignores the chunks' signatures.
func unchunk(from io.Reader) (body []byte, trailer http.Header, err error) {
	r := bufio.NewReader(from)
	for {
		size, err := readSize(r)
		if err != nil {
			return nil, nil, err
		}
		if size == 0 {
			trailer, err := readTrailer(r)
			return body, trailer, err
		}
		if size > uint64(maxObject-len(body)) {
			return nil, nil, errTooLarge
		}
		body, err = readChunk(r, body, int64(size))
		if err != nil {
			return nil, nil, err
		}
	}
}

// readChunk appends a chunk to body and reads the end of line after it. It allocates no more than the chunk really has.
func readChunk(r *bufio.Reader, body []byte, size int64) ([]byte, error) {
	chunk, err := io.ReadAll(io.LimitReader(r, size))
	if err != nil || int64(len(chunk)) < size {
		return nil, errCut
	}
	end, err := readLine(r)
	if err != nil {
		return nil, err
	}
	if end != "" {
		return nil, errChunk
	}
	return append(body, chunk...), nil
}

// readSize reads the line before a chunk, which has its size and perhaps a signature.
func readSize(r *bufio.Reader) (uint64, error) {
	line, err := readLine(r)
	if err != nil {
		return 0, err
	}
	digits, _, _ := strings.Cut(line, ";")
	size, err := strconv.ParseUint(digits, 16, 63)
	if err != nil {
		return 0, errChunk
	}
	return size, nil
}

// readTrailer reads the headers after the last chunk, up to an empty line.
func readTrailer(r *bufio.Reader) (http.Header, error) {
	trailer := make(http.Header)
	for {
		line, err := readLine(r)
		if err != nil || line == "" {
			return trailer, err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errChunk
		}
		trailer.Add(textproto.TrimString(name), textproto.TrimString(value))
	}
}

// readLine reads a line that ends in CR LF, and drops them. No line is longer than the buffer of r.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errChunk
	}
	if err != nil {
		return "", errCut
	}
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return "", errChunk
	}
	return text, nil
}
