package s3

import (
	"encoding/base64"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

type objectList struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	StartAfter            string `xml:",omitempty"`
	ContinuationToken     string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	Contents              []objectEntry
	CommonPrefixes        []commonPrefix
}

type objectEntry struct {
	Key, LastModified, ETag string
	Size                    int
	StorageClass            string
}

type commonPrefix struct{ Prefix string }

// listObjects is the operation ListObjectsV2.
func (s *Server) listObjects(c call) error {
	limit, err := c.limit("max-keys", 1000)
	if err != nil {
		return err
	}
	q := c.query
	list := objectList{Name: c.bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), StartAfter: q.Get("start-after"),
		ContinuationToken: q.Get("continuation-token"), EncodingType: q.Get("encoding-type"), MaxKeys: limit}
	token, err := list.begin()
	if err != nil {
		return err
	}
	s.mu.RLock()
	b, err := s.bucketNamed(c.bucket)
	if err == nil {
		list.fill(b.objects, token)
	}
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	list.encode()
	c.write(http.StatusOK, list)
	return nil
}

// begin decodes the token: the last key or common prefix of the page before, in base64, or "".
func (l *objectList) begin() (last string, err error) {
	if l.EncodingType != "" && l.EncodingType != "url" {
		return "", invalidArgument("Invalid Encoding Method specified in Request")
	}
	if l.ContinuationToken == "" {
		return "", nil
	}
	text, err := base64.StdEncoding.DecodeString(l.ContinuationToken)
	if err != nil || len(text) == 0 {
		return "", invalidArgument("The continuation token provided is incorrect")
	}
	return string(text), nil
}

// fill lists what comes after last, which is a key or common prefix, and after the key StartAfter.
func (l *objectList) fill(objects map[string]*object, last string) {
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		rest, ok := strings.CutPrefix(key, l.Prefix)
		if !ok {
			continue
		}
		name := key
		if i := strings.Index(rest, l.Delimiter); l.Delimiter != "" && i >= 0 {
			name = l.Prefix + rest[:i+len(l.Delimiter)]
		}
		if name <= last || key <= l.StartAfter {
			continue
		}
		if l.KeyCount == l.MaxKeys {
			l.truncate(last)
			return
		}
		last = name
		l.add(name, key, objects[key])
	}
}

// truncate marks the page as incomplete. As on S3, a page of MaxKeys 0 is complete.
func (l *objectList) truncate(last string) {
	if l.MaxKeys > 0 {
		l.IsTruncated = true
		l.NextContinuationToken = base64.StdEncoding.EncodeToString([]byte(last))
	}
}

// add lists a key, or name in its place if that is a common prefix.
func (l *objectList) add(name, key string, o *object) {
	l.KeyCount++
	if name != key || l.isPrefix(name) {
		l.CommonPrefixes = append(l.CommonPrefixes, commonPrefix{name})
		return
	}
	l.Contents = append(l.Contents, objectEntry{key, stamp(o.modified), o.etag, len(o.body), "STANDARD"})
}

// isPrefix reports whether a key is its own common prefix, because it ends with the delimiter.
func (l *objectList) isPrefix(key string) bool {
	return l.Delimiter != "" && strings.HasSuffix(key[len(l.Prefix):], l.Delimiter)
}

// encode escapes keys if the client asked for it: XML cannot hold every key.
func (l *objectList) encode() {
	if l.EncodingType == "" {
		return
	}
	for _, text := range []*string{&l.Prefix, &l.Delimiter, &l.StartAfter} {
		*text = escape(*text)
	}
	for i := range l.Contents {
		l.Contents[i].Key = escape(l.Contents[i].Key)
	}
	for i := range l.CommonPrefixes {
		l.CommonPrefixes[i].Prefix = escape(l.CommonPrefixes[i].Prefix)
	}
}

func escape(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }
