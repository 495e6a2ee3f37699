package s3

import (
	"encoding/xml"
	"io"
	"net/http"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// deleteObject deletes an object if it exists.
func (s *Server) deleteObject(c call) error {
	if err := s.remove(c); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// remove deletes the object that c names and sends the events of that. As on S3 without versions, only an object that
// existed causes events.
func (s *Server) remove(c call) error {
	n, ch, existed, err := s.take(c)
	if err != nil || !existed {
		return err
	}
	return s.notify(c, n, ch)
}

// take removes the object that c names from its bucket.
func (s *Server) take(c call) (n notification, ch change, existed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.writable(c)
	if err != nil || b.objects[c.key] == nil {
		return n, ch, false, err
	}
	delete(b.objects, c.key)
	return b.notification, s.removed(c.bucket, c.key), true, nil
}

// maxDeletes is how many keys DeleteObjects takes. AWS: "DeleteObjects".
const maxDeletes = 1000

type (
	deletion struct {
		Quiet   bool
		Objects []objectToDelete `xml:"Object"`
	}
	objectToDelete struct{ Key, VersionId, ETag string }

	deletionResult struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deletedKey
		Error   []keptKey
	}
	deletedKey struct{ Key string }
	keptKey    struct{ Key, Code, Message string }
)

// deleteObjects deletes key by key: one that fails does not affect the others.
func (s *Server) deleteObjects(c call) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.Body, 4<<20)) // fits 1000 keys in which every byte is an entity
	if err != nil {
		return errCut
	}
	var in deletion
	if xml.Unmarshal(body, &in) != nil || len(in.Objects) == 0 || len(in.Objects) > maxDeletes {
		return errXML
	}
	if err := s.hasBucket(c.bucket); err != nil {
		return err
	}
	var out deletionResult
	for _, o := range in.Objects {
		one := c
		one.key = o.Key
		err := notImplemented("DeleteObjects with a version or a condition")
		if o.VersionId == "" && o.ETag == "" {
			err = s.remove(one)
		}
		switch {
		case err != nil:
			reason := wire.AsError(err)
			out.Error = append(out.Error, keptKey{o.Key, reason.ErrorCode(), reason.Message})
		case !in.Quiet:
			out.Deleted = append(out.Deleted, deletedKey{o.Key})
		}
	}
	c.write(http.StatusOK, out)
	return nil
}
