package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// AWS: "General purpose bucket naming rules".
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// createBucket creates a bucket. If it exists that is an error, except in us-east-1. AWS: "CreateBucket".
func (s *Server) createBucket(c call) error {
	if !bucketName.MatchString(c.bucket) || strings.Contains(c.bucket, "..") {
		return errorf(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[c.bucket] == nil {
		if s.buckets == nil {
			s.buckets = make(map[string]*bucket)
		}
		s.buckets[c.bucket] = &bucket{created: time.Now(), objects: make(map[string]*object)}
	} else if s.Account.OrDefault().Region != "us-east-1" {
		return errorf(http.StatusConflict, "BucketAlreadyOwnedByYou",
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
	c.w.Header().Set("X-Amz-Bucket-Region", s.Account.OrDefault().Region)
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
		return errorf(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
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

// listBuckets lists by name. Its token is the last name of the page before.
func (s *Server) listBuckets(c call) error {
	limit, err := c.limit("max-buckets", 10_000)
	if err != nil {
		return err
	}
	account := s.Account.OrDefault()
	list := bucketList{Owner: account.ID, Prefix: c.query.Get("prefix")}
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := slices.Sorted(maps.Keys(s.buckets))
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, list.Prefix) })
	names, list.ContinuationToken = wire.Page(names, c.query.Get("continuation-token"), limit, func(name string) string { return name })
	for _, name := range names {
		list.Buckets = append(list.Buckets, bucketEntry{name, stamp(s.buckets[name].created), account.Region})
	}
	c.write(http.StatusOK, list)
	return nil
}

// stamp formats a time as in S3's XML.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// limit returns the number of entries that a parameter asks for, up to the default most.
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
