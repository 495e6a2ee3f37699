package s3

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
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
		{"GET", "/orders?versioning", nil, 501, "NotImplemented", "GetBucketVersioning"},
		{"GET", "/orders?versions&prefix=a", nil, 501, "NotImplemented", "ListObjectVersions"},
		{"GET", "/orders?object-lock", nil, 501, "NotImplemented", "GetObjectLockConfiguration"},
		{"PUT", "/orders?publicAccessBlock", nil, 501, "NotImplemented", "PutPublicAccessBlock"},
		{"GET", "/orders", nil, 501, "NotImplemented", "ListObjects (of version 1)"},
		{"GET", "/orders?uploads", nil, 501, "NotImplemented", "ListMultipartUploads"},
		{"POST", "/orders?delete", nil, 501, "NotImplemented", "DeleteObjects"},
		{"POST", "/orders/k?uploads", nil, 501, "NotImplemented", "CreateMultipartUpload"},
		{"PUT", "/orders/k?partNumber=1&uploadId=u", nil, 501, "NotImplemented", "UploadPart"},
		{"POST", "/orders/k?uploadId=u", nil, 501, "NotImplemented", "CompleteMultipartUpload"},
		{"PUT", "/orders/k?x-id=CopyObject", []string{"X-Amz-Copy-Source", "orders/j"}, 501, "NotImplemented", "CopyObject"},
		{"GET", "/orders/k?versionId=1", nil, 501, "NotImplemented", "GetObject with the parameter versionId"},
		{"POST", "/orders", nil, 501, "NotImplemented", "POST of a bucket"},
		{"PUT", "/", nil, 501, "NotImplemented", "PUT of the service"},
		{"PATCH", "/orders/k?x-id=Dance", nil, 501, "NotImplemented", "Dance"},
		{"PUT", "/Orders", nil, 400, "InvalidBucketName", "not valid"},
		{"PUT", "/a..b", nil, 400, "InvalidBucketName", "not valid"},
		{"GET", "/orders/none", nil, 404, "NoSuchKey", "<Resource>/orders/none</Resource>"},
		{"GET", "/none?list-type=2", nil, 404, "NoSuchBucket", "<BucketName>none</BucketName>"},
		{"PUT", "/orders/" + strings.Repeat("k", 1025), nil, 400, "KeyTooLongError", "too long"},
		{"PUT", "/orders/\xff", nil, 400, "InvalidURI", ""},
		{"GET", "/orders?list-type=2&max-keys=x", nil, 400, "InvalidArgument", "max-keys"},
		{"GET", "/orders?list-type=2&continuation-token=!", nil, 400, "InvalidArgument", "token"},
		{"GET", "/orders?list-type=2&encoding-type=xml", nil, 400, "InvalidArgument", "Encoding"},
		{"GET", "/?max-buckets=x", nil, 400, "InvalidArgument", "max-buckets"},
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

func TestResponseHeaders(t *testing.T) {
	s := new(Server)
	serve(s, "PUT", "/orders", "")
	serve(s, "PUT", "/orders/k", "4;chunk-signature=0\r\nbody\r\n0;chunk-signature=0\r\n\r\n",
		"Content-Encoding", "aws-chunked,gzip", "X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Meta-A", "b", "Cache-Control", "no-store")
	w := serve(s, "GET", "/orders/k?X-Amz-Signature=0&x-id=GetObject", "")
	for name, want := range map[string]string{
		"Content-Type": "binary/octet-stream", "Content-Encoding": "gzip", "Cache-Control": "no-store",
		"Content-Length": "4", "Accept-Ranges": "bytes", "Etag": `"841a2d689ad86bd1611447453c22c6fc"`,
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := map[string][]string(w.Header())["x-amz-meta-a"]; len(got) != 1 || got[0] != "b" {
		t.Errorf("got the metadata %q in %v", got, w.Header())
	}
	if got := w.Body.String(); got != "body" || w.Header().Get("X-Amz-Request-Id") == "" {
		t.Errorf("got %q with %v", got, w.Header())
	}
	if got := serve(s, "GET", "/orders?list-type=2&max-keys=0", "").Body.String(); !strings.Contains(got, "<KeyCount>0</KeyCount><IsTruncated>false</IsTruncated>") {
		t.Errorf("got %s of no keys", got)
	}
	for _, path := range []string{"/orders/none", "/none", "/orders/k"} {
		if w := serve(s, "HEAD", path, ""); w.Body.Len() > 0 {
			t.Errorf("HEAD %s: got the body %q", path, w.Body)
		}
	}
}

// FuzzRequest sends anything: no error is the server's fault, and what a PUT stores a GET returns.
func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/orders/a//b", "", "body", false)
	f.Add("GET", "/orders", "list-type=2&prefix=a&delimiter=%2F&max-keys=1&encoding-type=url", "", false)
	f.Add("PUT", "/orders/k", "X-Amz-Date=0", "4\r\nbody\r\n0\r\na:b\r\n\r\n", true)
	f.Add("HEAD", "/", "acl", "", false)
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
