package s3

import (
	"cmp"
	"encoding/xml"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AWS: "General purpose bucket naming rules".
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// createBucket makes a bucket. One that is there already is an error, except in us-east-1. AWS: "CreateBucket".
func (s *Server) createBucket(c call) error {
	if !bucketName.MatchString(c.bucket) || strings.Contains(c.bucket, "..") {
		return refuse(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[c.bucket] == nil {
		if s.buckets == nil {
			s.buckets = make(map[string]*bucket)
		}
		s.buckets[c.bucket] = &bucket{made: time.Now(), objects: make(map[string]*object)}
	} else if s.region() != "us-east-1" {
		return refuse(http.StatusConflict, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you already own it.")
	}
	c.w.Header().Set("Location", "/"+c.bucket)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) headBucket(c call) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, err := s.bucketNamed(c.bucket); err != nil {
		return err
	}
	c.w.Header().Set("X-Amz-Bucket-Region", s.region())
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) deleteBucket(c call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucketNamed(c.bucket)
	if err != nil {
		return err
	}
	if len(b.objects) > 0 {
		return refuse(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
	}
	delete(s.buckets, c.bucket)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

type bucketEntry struct {
	Name         string
	CreationDate string
	BucketRegion string
}

type bucketList struct {
	XMLName           xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner             string        `xml:"Owner>ID"`
	Buckets           []bucketEntry `xml:"Buckets>Bucket"`
	Prefix            string        `xml:",omitempty"`
	ContinuationToken string        `xml:",omitempty"`
}

// listBuckets lists by name. The token is the last name of the page before.
func (s *Server) listBuckets(c call) error {
	limit, err := c.limit("max-buckets", 10_000)
	if err != nil {
		return err
	}
	prefix, after := c.query.Get("prefix"), c.query.Get("continuation-token")
	list := bucketList{Owner: cmp.Or(s.AccountID, "000000000000"), Prefix: prefix}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(s.buckets)) {
		if name <= after || !strings.HasPrefix(name, prefix) {
			continue
		}
		if n := len(list.Buckets); n == limit && n > 0 {
			list.ContinuationToken = list.Buckets[n-1].Name
			break
		}
		list.Buckets = append(list.Buckets, bucketEntry{name, stamp(s.buckets[name].made), s.region()})
	}
	c.write(http.StatusOK, list)
	return nil
}

// stamp writes a time as S3's XML does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// limit reads how many entries a list shall have, most at the most.
func (c call) limit(parameter string, most int) (int, error) {
	text := c.query.Get(parameter)
	if text == "" {
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalidArgument("Argument " + parameter + " must be an integer between 0 and 2147483647")
	}
	return min(n, most), nil
}
