package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type copyResult struct {
	XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
	LastModified, ETag string
}

// copyObject copies an object with its headers, or with those of the request if that says REPLACE.
func (s *Server) copyObject(c call) error {
	from, err := c.copySource()
	if err != nil {
		return err
	}
	directive := c.Header.Get("X-Amz-Metadata-Directive")
	replace := strings.EqualFold(directive, "REPLACE")
	if directive != "" && !replace && !strings.EqualFold(directive, "COPY") {
		return invalidArgument("Unknown metadata directive.")
	}
	if from.bucket == c.bucket && from.key == c.key && !replace {
		return errorf(http.StatusBadRequest, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself "+
			"without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	source, err := s.object(from)
	if err != nil {
		return err
	}
	o := *source
	o.modified = time.Now()
	if replace {
		o.header = keptHeaders(c.Header)
	}
	if err := s.store(c, "Copy", &o); err != nil {
		return err
	}
	maps.Copy(c.w.Header(), o.checksum)
	c.write(http.StatusOK, copyResult{LastModified: stamp(o.modified), ETag: o.etag})
	return nil
}

// copySource returns the call with the bucket and key to copy from, which the request encodes.
func (c call) copySource() (call, error) {
	for name := range c.Header {
		if strings.HasPrefix(name, "X-Amz-Copy-Source-") {
			return c, notImplemented("CopyObject with the header " + name)
		}
	}
	path, version, versioned := strings.Cut(c.Header.Get("X-Amz-Copy-Source"), "?")
	if versioned && version != "versionId=null" {
		return c, notImplemented("CopyObject with a version")
	}
	text, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	from := c
	from.bucket, from.key, _ = strings.Cut(text, "/")
	if err != nil || from.key == "" {
		return c, invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return from, nil
}
