package s3

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// read returns the body of an object and the checksums that came with it, which it has verified.
func (c call) read() (body []byte, checksum http.Header, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(c.w, c.Body, maxObject+maxObject/8)) // with room for the framing of chunks
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, nil, errTooLarge
	}
	if err != nil {
		return nil, nil, errCut
	}
	headers := c.Header
	if inChunks(c.Header) {
		var trailer http.Header
		if body, trailer, err = unchunk(bytes.NewReader(body)); err != nil {
			return nil, nil, err
		}
		if headers, err = c.withTrailer(trailer, len(body)); err != nil {
			return nil, nil, err
		}
	}
	if len(body) > maxObject {
		return nil, nil, errTooLarge
	}
	checksum, err = verify(headers, body)
	return body, checksum, err
}

// withTrailer returns the headers of the request and those that trail its body, after checking the size and the trailers
// that the request announced.
func (c call) withTrailer(trailer http.Header, size int) (http.Header, error) {
	if announced := c.Header.Get("X-Amz-Decoded-Content-Length"); announced != "" && announced != strconv.Itoa(size) {
		return nil, errCut
	}
	all := c.Header.Clone()
	maps.Copy(all, trailer)
	for _, name := range strings.Split(strings.Join(c.Header.Values("X-Amz-Trailer"), ","), ",") {
		if name = strings.TrimSpace(name); name != "" && trailer.Get(name) == "" {
			return nil, errorf(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
	}
	return all, nil
}

const checksumPrefix = "X-Amz-Checksum-"

// digests are the checksums that are verified. Others are stored as they came.
var digests = map[string]func() hash.Hash{
	"Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"Sha1":      sha1.New,
	"Sha256":    sha256.New,
}

// verify returns the checksums among the headers, as they are shown with the object.
func verify(headers http.Header, body []byte) (http.Header, error) {
	checksum := make(http.Header)
	for name, values := range headers {
		algorithm, ok := strings.CutPrefix(name, checksumPrefix)
		if !ok || algorithm == "Algorithm" || algorithm == "Mode" || algorithm == "Type" {
			continue
		}
		if digest := digests[algorithm]; digest != nil {
			sum := digest()
			sum.Write(body)
			if values[0] != base64.StdEncoding.EncodeToString(sum.Sum(nil)) {
				return nil, errorf(http.StatusBadRequest, "BadDigest", "The %s you specified did not match the calculated checksum.", strings.ToUpper(algorithm))
			}
		}
		checksum[name] = values
		checksum.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	return checksum, nil
}
