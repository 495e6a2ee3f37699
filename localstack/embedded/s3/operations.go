package s3

import (
	"net/http"
	"strings"
)

// A level says what a path names.
type level int

const (
	service level = iota
	ofBucket
	ofObject
)

func (l level) String() string { return [...]string{"the service", "a bucket", "an object"}[l] }

func (c call) level() level {
	switch {
	case c.bucket == "":
		return service
	case c.key == "":
		return ofBucket
	}
	return ofObject
}

// A route identifies an operation that has no subresource.
type route struct {
	method string
	level  level
}

type operation struct {
	name       string
	run        func(*Server, call) error
	parameters []string // of the query
}

var operations = map[route]operation{
	{http.MethodGet, service}: {"ListBuckets", (*Server).listBuckets, []string{"prefix", "continuation-token", "max-buckets"}},

	{http.MethodPut, ofBucket}:    {"CreateBucket", (*Server).createBucket, nil},
	{http.MethodHead, ofBucket}:   {"HeadBucket", (*Server).headBucket, nil},
	{http.MethodDelete, ofBucket}: {"DeleteBucket", (*Server).deleteBucket, nil},
	{http.MethodGet, ofBucket}: {"ListObjectsV2", (*Server).listObjects, []string{"list-type", "prefix", "delimiter", "max-keys",
		"continuation-token", "start-after", "encoding-type", "fetch-owner"}},

	{http.MethodPut, ofObject}:    {"PutObject", (*Server).putObject, nil},
	{http.MethodGet, ofObject}:    {"GetObject", (*Server).getObject, nil},
	{http.MethodHead, ofObject}:   {"HeadObject", (*Server).getObject, nil},
	{http.MethodDelete, ofObject}: {"DeleteObject", (*Server).deleteObject, nil},
}

// A named operation shares its route with another one, and has a subresource or a header that selects it.
type named struct {
	route
	operation
}

var namedOperations = map[string]named{
	"AbortMultipartUpload":    {route{http.MethodDelete, ofObject}, operation{"AbortMultipartUpload", (*Server).abortUpload, []string{"uploadId"}}},
	"CompleteMultipartUpload": {route{http.MethodPost, ofObject}, operation{"CompleteMultipartUpload", (*Server).completeUpload, []string{"uploadId"}}},
	"CreateMultipartUpload":   {route{http.MethodPost, ofObject}, operation{"CreateMultipartUpload", (*Server).createUpload, []string{"uploads"}}},
	"UploadPart":              {route{http.MethodPut, ofObject}, operation{"UploadPart", (*Server).putPart, []string{"uploadId", "partNumber"}}},
	"CopyObject":              {route{http.MethodPut, ofObject}, operation{"CopyObject", (*Server).copyObject, nil}},
	"DeleteObjects": {route{http.MethodPost, ofBucket},
		operation{"DeleteObjects", (*Server).deleteObjects, []string{"delete"}}},
	"GetBucketNotificationConfiguration": {route{http.MethodGet, ofBucket},
		operation{"GetBucketNotificationConfiguration", (*Server).getNotification, []string{"notification"}}},
	"PutBucketNotificationConfiguration": {route{http.MethodPut, ofBucket},
		operation{"PutBucketNotificationConfiguration", (*Server).putNotification, []string{"notification"}}},
}

// otherOperation returns the name of an operation that shares its route with another one, or "".
func (c call) otherOperation() string {
	for parameter := range c.query {
		if name := c.subresource(parameter); name != "" {
			return name
		}
	}
	switch {
	case c.level() == ofBucket && c.Method == http.MethodGet && c.query.Get("list-type") != "2":
		return "ListObjects (of version 1)"
	case c.query.Has("uploadId"):
		return map[string]string{"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}[c.Method]
	case c.level() == ofObject && c.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	}
	return ""
}

// subresources are the parameters that select another operation, with its name behind "GetBucket", "PutObject" and the like.
var subresources = map[string]string{
	"accelerate": "AccelerateConfiguration", "acl": "Acl", "analytics": "AnalyticsConfiguration", "attributes": "Attributes",
	"cors": "Cors", "encryption": "Encryption", "intelligent-tiering": "IntelligentTieringConfiguration",
	"inventory": "InventoryConfiguration", "legal-hold": "LegalHold", "lifecycle": "LifecycleConfiguration",
	"location": "Location", "logging": "Logging", "metrics": "MetricsConfiguration", "notification": "NotificationConfiguration",
	"object-lock": "LockConfiguration", "ownershipControls": "OwnershipControls", "policy": "Policy", "policyStatus": "PolicyStatus",
	"publicAccessBlock": "PublicAccessBlock", "replication": "Replication", "requestPayment": "RequestPayment",
	"retention": "Retention", "tagging": "Tagging", "torrent": "Torrent", "versioning": "Versioning", "website": "Website",
}

// wholeNames are the parameters that select another operation, with its whole name.
var wholeNames = map[string]string{
	"delete": "DeleteObjects", "restore": "RestoreObject", "select": "SelectObjectContent", "session": "CreateSession",
	"versions": "ListObjectVersions",
}

// subresource returns the name of the operation that a parameter selects, or "".
func (c call) subresource(parameter string) string {
	switch what := subresources[parameter]; {
	case wholeNames[parameter] != "":
		return wholeNames[parameter]
	case parameter == "uploads" && c.Method == http.MethodPost:
		return "CreateMultipartUpload"
	case parameter == "uploads":
		return "ListMultipartUploads"
	case what == "":
		return ""
	case c.key != "" || parameter == "object-lock":
		return c.verb() + "Object" + what
	case parameter == "publicAccessBlock":
		return c.verb() + what
	default:
		return c.verb() + "Bucket" + what
	}
}

// verb returns the method as the names of operations begin with it.
func (c call) verb() string {
	for _, verb := range []string{"Get", "Put", "Delete", "Head", "Post"} {
		if strings.EqualFold(verb, c.Method) {
			return verb
		}
	}
	return c.Method
}
