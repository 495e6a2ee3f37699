package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// contentHeaders are the headers of a request that an object keeps.
var contentHeaders = []string{"Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Expires"}

const metaPrefix = "X-Amz-Meta-"

// putObject creates or replaces an object.
func (s *Server) putObject(c call) error {
	body, checksum, err := c.read()
	if err != nil {
		return err
	}
	sum := md5.Sum(body)
	if claimed := c.Header.Get("Content-Md5"); claimed != "" && claimed != base64.StdEncoding.EncodeToString(sum[:]) {
		return errorf(http.StatusBadRequest, "BadDigest", "The Content-MD5 you specified did not match what we received.")
	}
	o := &object{
		body: body, header: keptHeaders(c.Header), checksum: checksum,
		etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: time.Now(),
	}
	if err := s.store(c, "Put", o); err != nil {
		return err
	}
	maps.Copy(c.w.Header(), checksum)
	c.w.Header().Set("Etag", o.etag)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// store puts an object where c says and sends the events of that. If an event is not accepted, the object is there all the
// same, and the request fails so that its client tries again.
func (s *Server) store(c call, kind string, o *object) error {
	n, ch, err := s.place(c, kind, o)
	if err != nil {
		return err
	}
	return s.notify(c, n, ch)
}

// place puts an object into its bucket.
func (s *Server) place(c call, kind string, o *object) (n notification, ch change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.writable(c)
	if err != nil {
		return n, ch, err
	}
	b.objects[c.key] = o
	return b.notification, s.created(c.bucket, c.key, kind, o), nil
}

// writable returns the bucket of the object that c may write, given the request's conditions. The lock is held.
func (s *Server) writable(c call) (*bucket, error) {
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return nil, err
	}
	return b, c.checkConditions(b.objects[c.key])
}

// keptHeaders returns the headers that an object keeps. Names of metadata are in lower case, which some clients rely on.
func keptHeaders(request http.Header) http.Header {
	header := http.Header{"Content-Type": {"binary/octet-stream"}}
	for _, name := range contentHeaders {
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

// withoutChunks returns the encodings of an object without aws-chunked.
func withoutChunks(values []string) string {
	var left []string
	for _, encoding := range strings.Split(strings.Join(values, ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && encoding != chunked {
			left = append(left, encoding)
		}
	}
	return strings.Join(left, ",")
}

// getObject performs GetObject and HeadObject.
func (s *Server) getObject(c call) error {
	o, err := s.object(c)
	if err != nil {
		return err
	}
	if err := c.checkConditions(o); err != nil {
		return err
	}
	part, err := parseRange(c.Header.Get("Range"), len(o.body))
	if err != nil {
		c.w.Header().Set("Content-Range", "bytes */"+strconv.Itoa(len(o.body)))
		return err
	}
	h, status := c.w.Header(), http.StatusOK
	maps.Copy(h, o.header)
	h.Set("Etag", o.etag)
	h.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.Itoa(part.end-part.begin))
	if part.requested {
		status = http.StatusPartialContent
		h.Set("Content-Range", part.String()+"/"+strconv.Itoa(len(o.body)))
	} else if strings.EqualFold(c.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		maps.Copy(h, o.checksum)
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
	return nil, errorf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
}
