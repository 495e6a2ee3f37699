package s3

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The limits of parts (AWS: "Amazon S3 multipart upload limits").
const (
	maxParts    = 10_000
	minPartSize = 5 << 20 // bytes, but for the last part
)

// An upload is an object that is put in parts. The server's lock guards it.
type upload struct {
	bucket, key string
	header      http.Header // the headers that the object will keep
	parts       map[int]part
}

type part struct {
	body []byte
	sum  [md5.Size]byte
}

func (p part) etag() string { return `"` + hex.EncodeToString(p.sum[:]) + `"` }

var errNoUpload = errorf(http.StatusNotFound, "NoSuchUpload",
	"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")

type uploadStarted struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
	Bucket   string
	Key      string
	UploadId string
}

// createUpload begins an upload.
func (s *Server) createUpload(c call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.bucketNamed(c.bucket); err != nil {
		return err
	}
	id := uuid.NewString()
	if s.uploads == nil {
		s.uploads = map[string]*upload{}
	}
	s.uploads[id] = &upload{bucket: c.bucket, key: c.key, header: keptHeaders(c.Header), parts: map[int]part{}}
	c.write(http.StatusOK, uploadStarted{Bucket: c.bucket, Key: c.key, UploadId: id})
	return nil
}

// upload finds the upload that c names. The lock is held.
func (s *Server) upload(c call) (*upload, error) {
	if _, err := s.bucketNamed(c.bucket); err != nil {
		return nil, err
	}
	if u := s.uploads[c.query.Get("uploadId")]; u != nil && u.bucket == c.bucket && u.key == c.key {
		return u, nil
	}
	return nil, errNoUpload
}

// putPart stores a part, in place of one with the same number.
func (s *Server) putPart(c call) error {
	if c.Header.Get("X-Amz-Copy-Source") != "" {
		return notImplemented("UploadPartCopy")
	}
	number, err := strconv.Atoi(c.query.Get("partNumber"))
	if err != nil || number < 1 || number > maxParts {
		return invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	body, checksum, err := c.read()
	if err != nil {
		return err
	}
	p := part{body, md5.Sum(body)}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(c)
	if err != nil {
		return err
	}
	if u.size()-len(u.parts[number].body)+len(body) > maxObject {
		return errTooLarge
	}
	u.parts[number] = p
	maps.Copy(c.w.Header(), checksum)
	c.w.Header().Set("Etag", p.etag())
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (u *upload) size() (n int) {
	for _, p := range u.parts {
		n += len(p.body)
	}
	return n
}

// abortUpload forgets an upload and its parts.
func (s *Server) abortUpload(c call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.upload(c); err != nil {
		return err
	}
	delete(s.uploads, c.query.Get("uploadId"))
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

type (
	completion struct {
		Parts []completedPart `xml:"Part"`
	}
	completedPart struct {
		PartNumber int
		ETag       string
	}
	uploadCompleted struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location string
		Bucket   string
		Key      string
		ETag     string
	}
)

// completeUpload makes an object of the parts that the request lists.
func (s *Server) completeUpload(c call) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, 4<<20)) // fits 10,000 parts with their checksums
	if err != nil {
		return errCut
	}
	var in completion
	if xml.Unmarshal(body, &in) != nil || len(in.Parts) == 0 {
		return errXML
	}
	o, n, ch, err := s.complete(c, in)
	if err != nil {
		return err
	}
	if err := s.notify(c, n, ch); err != nil {
		return err
	}
	c.write(http.StatusOK, uploadCompleted{Location: "http://" + c.Host + c.URL.EscapedPath(), Bucket: c.bucket, Key: c.key, ETag: o.etag})
	return nil
}

// complete puts the object into its bucket. The upload is over then, unless something is wrong with the request.
func (s *Server) complete(c call, in completion) (o *object, n notification, ch change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(c)
	if err != nil {
		return nil, n, ch, err
	}
	if o, err = u.object(in.Parts); err != nil {
		return nil, n, ch, err
	}
	b, err := s.writable(c)
	if err != nil {
		return nil, n, ch, err
	}
	delete(s.uploads, c.query.Get("uploadId"))
	b.objects[c.key] = o
	return o, b.notification, s.created(c.bucket, c.key, completed, o), nil
}

// object returns the object of some parts. Its ETag is made of theirs, as on S3.
func (u *upload) object(parts []completedPart) (*object, error) {
	o := &object{header: u.header, modified: time.Now()}
	var sums []byte
	for i, listed := range parts {
		p, there := u.parts[listed.PartNumber]
		switch {
		case i > 0 && listed.PartNumber <= parts[i-1].PartNumber:
			return nil, errorf(http.StatusBadRequest, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		case !there || strings.Trim(listed.ETag, `"`) != strings.Trim(p.etag(), `"`):
			return nil, errorf(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		case i < len(parts)-1 && len(p.body) < minPartSize:
			return nil, errorf(http.StatusBadRequest, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		o.body = append(o.body, p.body...)
		sums = append(sums, p.sum[:]...)
	}
	sum := md5.Sum(sums)
	o.etag = fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), len(parts))
	return o, nil
}
