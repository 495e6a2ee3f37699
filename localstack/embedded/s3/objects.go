package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// kept are the headers of a request that an object is shown with.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Expires"}

const metaPrefix = "X-Amz-Meta-"

// putObject makes an object or replaces it.
func (s *Server) putObject(c call) error {
	body, checksum, err := c.read()
	if err != nil {
		return err
	}
	sum := md5.Sum(body)
	if claimed := c.Header.Get("Content-Md5"); claimed != "" && claimed != base64.StdEncoding.EncodeToString(sum[:]) {
		return refuse(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	o := &object{
		body: body, header: described(c.Header), checksum: checksum,
		etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: time.Now(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return err
	}
	if err := c.allowed(b.objects[c.key]); err != nil {
		return err
	}
	b.objects[c.key] = o
	show(c.w.Header(), checksum)
	c.w.Header().Set("Etag", o.etag)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// described is what a request says of the object that it puts. Names of metadata are in lower case, which some clients
// look at.
func described(request http.Header) http.Header {
	header := http.Header{"Content-Type": {"binary/octet-stream"}}
	for _, name := range kept {
		if values := request[name]; len(values) > 0 {
			header[name] = values
		}
	}
	if encoding := withoutChunks(request.Values("Content-Encoding")); encoding != "" {
		header.Set("Content-Encoding", encoding)
	}
	for name, values := range request {
		if strings.HasPrefix(name, metaPrefix) {
			header[strings.ToLower(name)] = values
		}
	}
	return header
}

// withoutChunks is the encodings of an object without the one of its transport.
func withoutChunks(values []string) string {
	var left []string
	for _, encoding := range strings.Split(strings.Join(values, ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && encoding != chunked {
			left = append(left, encoding)
		}
	}
	return strings.Join(left, ",")
}

// getObject is the operations GetObject and HeadObject.
func (s *Server) getObject(c call) error {
	o, err := s.object(c)
	if err != nil {
		return err
	}
	if err := c.allowed(o); err != nil {
		return err
	}
	part, err := readRange(c.Header.Get("Range"), len(o.body))
	if err != nil {
		c.w.Header().Set("Content-Range", "bytes */"+strconv.Itoa(len(o.body)))
		return err
	}
	h, status := c.w.Header(), http.StatusOK
	show(h, o.header)
	h.Set("Etag", o.etag)
	h.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.Itoa(part.end-part.begin))
	if part.asked {
		status = http.StatusPartialContent
		h.Set("Content-Range", part.String()+"/"+strconv.Itoa(len(o.body)))
	} else if strings.EqualFold(c.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		show(h, o.checksum)
	}
	c.w.WriteHeader(status)
	if c.Method != http.MethodHead {
		c.w.Write(o.body[part.begin:part.end])
	}
	return nil
}

func (s *Server) object(c call) (*object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return nil, err
	}
	if o := b.objects[c.key]; o != nil {
		return o, nil
	}
	return nil, refuse(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}

// deleteObject deletes an object. One that is not there is no error.
func (s *Server) deleteObject(c call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return err
	}
	if err := c.allowed(b.objects[c.key]); err != nil {
		return err
	}
	delete(b.objects, c.key)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func show(to, what http.Header) {
	for name, values := range what {
		to[name] = values
	}
}
