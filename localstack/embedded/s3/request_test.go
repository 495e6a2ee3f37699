package s3

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

func serve(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("PUT", "/", strings.NewReader(body))
	r.Method = method
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TestResponses performs requests in order and looks for parts of each response: header lines, or the body.
func TestResponses(t *testing.T) {
	s := new(Server)
	const etag = `"781e5e245d69b566979b86e28d23f2c7"` // of 0123456789
	const invalid, precondition, digits = "<Code>InvalidRange</Code>", "<Code>PreconditionFailed</Code>", "\n\n0123456789"
	for _, test := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               []string
	}{
		{"PUT", "/orders", "", nil, 200, []string{"Location: /orders"}},
		{"PUT", "/orders", "", nil, 200, nil}, // no error in us-east-1
		{"HEAD", "/orders", "", nil, 200, []string{"X-Amz-Bucket-Region: us-east-1"}},

		{"PUT", "/orders/k", "0123456789", []string{"If-None-Match", "*"}, 200, []string{"Etag: " + etag}},
		{"PUT", "/orders/k", "x", []string{"If-None-Match", "*"}, 412, []string{precondition}},
		{"PUT", "/orders/k", "x", []string{"If-Match", `"0"`}, 412, []string{precondition}},
		{"PUT", "/orders/k", "0123456789", []string{"If-Match", etag}, 200, nil},
		{"GET", "/orders/k", "", []string{"If-None-Match", etag}, 304, nil},
		{"HEAD", "/orders/k", "", []string{"If-Match", "*"}, 200, []string{"Content-Length: 10", "Content-Type: binary/octet-stream"}},
		{"GET", "/orders/k", "", []string{"If-Modified-Since", "x"}, 501, []string{"The condition If-Modified-Since is not implemented"}},

		{"GET", "/orders/k", "", []string{"Range", "bytes=2-4"}, 206, []string{"Content-Range: bytes 2-4/10", "\n\n234"}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=2-"}, 206, []string{"Content-Range: bytes 2-9/10", "\n\n23456789"}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=-3"}, 206, []string{"Content-Range: bytes 7-9/10", "\n\n789"}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=-30"}, 206, []string{"Content-Range: bytes 0-9/10", digits}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=9-99999999999"}, 206, []string{"Content-Range: bytes 9-9/10", "\n\n9"}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=4-2"}, 200, []string{digits}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=0-1,3-4"}, 200, []string{digits}},
		{"GET", "/orders/k", "", []string{"Range", "lines=0-1"}, 200, []string{digits}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=-"}, 200, []string{digits}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=10-"}, 416, []string{"Content-Range: bytes */10", invalid}},
		{"GET", "/orders/k", "", []string{"Range", "bytes=-0"}, 416, []string{invalid}},
		{"PUT", "/orders/empty", "", nil, 200, nil},
		{"GET", "/orders/empty", "", []string{"Range", "bytes=0-"}, 416, []string{invalid}},
		{"GET", "/orders/empty", "", []string{"Range", "bytes=-1"}, 416, []string{invalid}},

		{"PUT", "/orders/k", "4;chunk-signature=0\r\nbody\r\n0;chunk-signature=0\r\n\r\n", []string{"Content-Encoding", "aws-chunked,gzip",
			"X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Meta-A", "b", "Cache-Control", "no-store"}, 200, nil},
		{"GET", "/orders/k?X-Amz-Signature=0&x-id=GetObject", "", nil, 200, []string{"Content-Encoding: gzip\n", "Cache-Control: no-store", "x-amz-meta-a: b", "\n\nbody"}},
		{"GET", "/orders/k?AWSAccessKeyId=a&Signature=b&Expires=1", "", nil, 200, []string{"\n\nbody"}},
		{"GET", "/orders?list-type=2&max-keys=0", "", nil, 200, []string{"<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>"}},

		{"DELETE", "/orders", "", nil, 409, []string{"<Code>BucketNotEmpty</Code>"}},
		{"DELETE", "/orders/k", "", nil, 204, nil},
		{"DELETE", "/orders/k", "", nil, 204, nil},
		{"DELETE", "/orders/empty", "", nil, 204, nil},
		{"HEAD", "/orders/k", "", nil, 404, nil},
		{"PUT", "/bills", "", nil, 200, nil},
		{"PUT", "/bucks", "", nil, 200, nil},
		{"GET", "/?prefix=b&max-buckets=1", "", nil, 200, []string{"<Bucket><Name>bills</Name>", "<ContinuationToken>bills</ContinuationToken>"}},
		{"GET", "/?prefix=b&continuation-token=bills", "", nil, 200, []string{"<Buckets><Bucket><Name>bucks</Name>", "</Bucket></Buckets><Prefix>b</Prefix></"}},
		{"DELETE", "/orders", "", nil, 204, nil},
		{"HEAD", "/orders", "", nil, 404, nil},
	} {
		w := serve(s, test.method, test.path, test.body, test.headers...)
		var got strings.Builder
		w.Header().Write(&got)
		dump := strings.ReplaceAll(got.String(), "\r\n", "\n") + "\n" + w.Body.String()
		for _, want := range test.want {
			if !strings.Contains(dump, want) {
				t.Errorf("%s %s %q: got %s, want %q in it", test.method, test.path, test.headers, dump, want)
			}
		}
		if w.Code != test.status || test.method == "HEAD" && w.Body.Len() > 0 || w.Header().Get(requestID) == "" {
			t.Errorf("%s %s %q: got %d %s, want %d", test.method, test.path, test.headers, w.Code, dump, test.status)
		}
	}
	elsewhere := &Server{Account: wire.Account{Region: "eu-west-1"}}
	serve(elsewhere, "PUT", "/orders", "")
	if w := serve(elsewhere, "PUT", "/orders", ""); w.Code != 409 || !strings.Contains(w.Body.String(), "BucketAlreadyOwnedByYou") {
		t.Errorf("creating a bucket twice outside of us-east-1: got %d %s", w.Code, w.Body)
	}
}

func TestErrors(t *testing.T) {
	s := new(Server)
	serve(s, "PUT", "/orders", "")
	const unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	for _, test := range []struct {
		method, path string
		headers      []string
		status       int
		code, text   string
	}{
		{"PUT", "/orders/k?acl", nil, 501, "NotImplemented", "PutObjectAcl is not implemented by the embedded S3."},
		{"GET", "/orders?versions&prefix=a", nil, 501, "NotImplemented", "ListObjectVersions"},
		{"PUT", "/orders?publicAccessBlock", nil, 501, "NotImplemented", "PutPublicAccessBlock"},
		{"GET", "/orders", nil, 501, "NotImplemented", "ListObjects (of version 1)"},
		{"GET", "/orders?uploads", nil, 501, "NotImplemented", "ListMultipartUploads"},
		{"GET", "/orders?delete", nil, 501, "NotImplemented", "DeleteObjects"},
		{"PUT", "/orders/k?notification", nil, 501, "NotImplemented", "PutObjectNotificationConfiguration"},
		{"POST", "/orders?delete", nil, 400, "MalformedXML", ""},
		{"PUT", "/orders?notification", nil, 400, "MalformedXML", ""},
		{"POST", "/none/k?uploads", nil, 404, "NoSuchBucket", ""},
		{"POST", "/orders/k?uploadId=u", nil, 400, "MalformedXML", ""},
		{"PUT", "/orders/k?partNumber=1&uploadId=u", nil, 404, "NoSuchUpload", "does not exist"},
		{"PUT", "/orders/k?partNumber=0&uploadId=u", nil, 400, "InvalidArgument", "between 1 and 10000"},
		{"DELETE", "/orders/k?uploadId=u", nil, 404, "NoSuchUpload", ""},
		{"GET", "/orders/k?uploadId=u", nil, 501, "NotImplemented", "ListParts"},
		{"PUT", "/orders/k?x-id=CopyObject", []string{"X-Amz-Copy-Source", "orders/j"}, 404, "NoSuchKey", ""},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "none/j"}, 404, "NoSuchBucket", ""},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "orders"}, 400, "InvalidArgument", "sourcebucket/sourcekey"},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "orders/%zz"}, 400, "InvalidArgument", "sourcebucket/sourcekey"},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "/orders/k"}, 400, "InvalidRequest", "illegal"},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "orders/j?versionId=1"}, 501, "NotImplemented", "a version"},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "orders/j", "X-Amz-Copy-Source-If-Match", "*"}, 501, "NotImplemented", "X-Amz-Copy-Source-If-Match"},
		{"PUT", "/orders/k", []string{"X-Amz-Copy-Source", "orders/j", "X-Amz-Metadata-Directive", "MIX"}, 400, "InvalidArgument", "directive"},
		{"PUT", "/orders/k?partNumber=1&uploadId=u", []string{"X-Amz-Copy-Source", "orders/j"}, 501, "NotImplemented", "UploadPartCopy"},
		{"GET", "/orders/k?versionId=1", nil, 501, "NotImplemented", "GetObject with the parameter versionId"},
		{"PATCH", "/orders/k?x-id=Dance", nil, 501, "NotImplemented", "Dance"},
		{"PUT", "/Orders", nil, 400, "InvalidBucketName", "not valid"},
		{"GET", "/orders/none", nil, 404, "NoSuchKey", "<Resource>/orders/none</Resource>"},
		{"GET", "/none?list-type=2", nil, 404, "NoSuchBucket", "<BucketName>none</BucketName>"},
		{"PUT", "/orders/" + strings.Repeat("k", 1025), nil, 400, "KeyTooLongError", "too long"},
		{"PUT", "/orders/\xff", nil, 400, "InvalidURI", ""},
		{"GET", "/orders?list-type=2&max-keys=x", nil, 400, "InvalidArgument", "max-keys"},
		{"GET", "/orders?list-type=2&continuation-token=!", nil, 400, "InvalidArgument", "token"},
		{"GET", "/orders?list-type=2&encoding-type=xml", nil, 400, "InvalidArgument", "Encoding"},
		{"PUT", "/orders/k", []string{"Content-Encoding", "aws-chunked"}, 400, "InvalidRequest", "aws-chunked"},
		{"PUT", "/orders/chunked", []string{"X-Amz-Content-Sha256", unsigned, "X-Amz-Decoded-Content-Length", "7"}, 400, "IncompleteBody", ""},
		{"PUT", "/orders/chunked", []string{"X-Amz-Content-Sha256", unsigned, "X-Amz-Trailer", "x-amz-checksum-crc32"}, 400, "MalformedTrailerError", ""},
		{"PUT", "/orders/chunked", []string{"X-Amz-Content-Sha256", unsigned, "X-Amz-Checksum-Sha1", "AA=="}, 400, "BadDigest", "SHA1"},
		{"PUT", "/orders/k", []string{"Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest", "MD5"},
	} {
		body := "body\r\n"
		if strings.HasSuffix(test.path, "/chunked") {
			body = "4\r\nbody\r\n0\r\n\r\n"
		}
		w := serve(s, test.method, test.path, body, test.headers...)
		if got := w.Body.String(); w.Code != test.status || !strings.Contains(got, "<Code>"+test.code+"</Code>") || !strings.Contains(got, test.text) {
			t.Errorf("%s %.60s: got %d %s, want %d %s and %q", test.method, test.path, w.Code, got, test.status, test.code, test.text)
		}
	}
	if n := len(s.buckets["orders"].objects); n != 0 {
		t.Errorf("got %d objects after errors only", n)
	}
}

// FuzzRequest sends anything: no error is the server's fault, and what a PUT stores a GET returns.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/orders/a//b", "", "body", false)
	f.Add("GET", "/orders", "list-type=2&prefix=a&delimiter=%2F&max-keys=1&encoding-type=url", "", false)
	f.Add("PUT", "/orders/k", "X-Amz-Date=0", "4\r\nbody\r\n0\r\na:b\r\n\r\n", true)
	f.Add("HEAD", "/", "acl", "", false)
	f.Add("PUT", "/orders", "notification", "<NotificationConfiguration><QueueConfiguration/></NotificationConfiguration>", false)
	f.Add("POST", "/orders", "delete", "<Delete><Object><Key>a//b</Key></Object></Delete>", false)
	f.Fuzz(func(t *testing.T, method, path, query, body string, chunks bool) {
		s := new(Server)
		serve(s, "PUT", "/orders", "")
		serve(s, "PUT", "/orders/a//b", "body")
		var headers []string
		if chunks {
			headers = []string{"Content-Encoding", "aws-chunked"}
		}
		w := serve(s, method, path+"?"+query, body, headers...)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
		if method != "PUT" || w.Code != http.StatusOK || chunks || w.Header().Get("Etag") == "" {
			return
		}
		path, _, _ = strings.Cut(path, "?")
		if got := serve(s, "GET", path, "").Body.String(); got != body {
			t.Errorf("got %q of %s, want %q", got, url.PathEscape(path), body)
		}
	})
}
