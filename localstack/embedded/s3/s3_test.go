package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// A house is a server on a socket and a real SDK client of it.
type house struct {
	*sdk.Client
	t *testing.T
}

// bothWays runs a test over HTTP, where the SDK sends checksums as headers, and over TLS, where it sends them after a body
// in chunks.
func bothWays(t *testing.T, test func(h *house)) {
	t.Run("http", func(t *testing.T) { test(newHouse(t, httptest.NewServer(new(Server)))) })
	t.Run("https", func(t *testing.T) { test(newHouse(t, httptest.NewTLSServer(new(Server)))) })
}

func newHouse(t *testing.T, web *httptest.Server) *house {
	t.Cleanup(web.Close)
	return &house{t: t, Client: sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &web.URL, HTTPClient: web.Client(), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) create(bucket string) {
	h.t.Helper()
	_, err := h.CreateBucket(h.t.Context(), &sdk.CreateBucketInput{Bucket: &bucket})
	h.must(err)
}

func (h *house) put(bucket, key, body string) {
	h.t.Helper()
	_, err := h.PutObject(h.t.Context(), &sdk.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)})
	h.must(err)
}

func TestBuckets(t *testing.T) {
	bothWays(t, func(h *house) {
		h.create("orders")
		h.create("bills")
		h.create("orders") // as in us-east-1
		out, err := h.ListBuckets(h.t.Context(), &sdk.ListBucketsInput{})
		h.must(err)
		var names []string
		for _, b := range out.Buckets {
			names = append(names, *b.Name)
		}
		if want := []string{"bills", "orders"}; !slices.Equal(names, want) || out.Buckets[0].CreationDate.IsZero() {
			h.t.Errorf("got %v, want %v", names, want)
		}
		head, err := h.HeadBucket(h.t.Context(), &sdk.HeadBucketInput{Bucket: aws.String("bills")})
		h.must(err)
		if *head.BucketRegion != "us-east-1" {
			h.t.Errorf("got the Region %s", *head.BucketRegion)
		}
		h.put("bills", "k", "b")
		_, err = h.DeleteBucket(h.t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("bills")})
		h.wantCode(err, "BucketNotEmpty")
		for range 2 { // deleting what is not there is no error
			_, err = h.DeleteObject(h.t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String("bills"), Key: aws.String("k")})
			h.must(err)
		}
		_, err = h.DeleteBucket(h.t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("bills")})
		h.must(err)
		_, err = h.HeadBucket(h.t.Context(), &sdk.HeadBucketInput{Bucket: aws.String("bills")})
		if _, ok := errors.AsType[*types.NotFound](err); !ok {
			h.t.Errorf("got %v, want NotFound", err)
		}
	})
}

func (h *house) wantCode(err error, want string) {
	h.t.Helper()
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != want {
		h.t.Errorf("got %v, want %s", err, want)
	}
}

func TestListBucketsPages(t *testing.T) {
	h := newHouse(t, httptest.NewServer(new(Server)))
	for n := range 5 {
		h.create(fmt.Sprintf("bucket-%d", n))
	}
	h.create("other")
	n := 0
	for p := sdk.NewListBucketsPaginator(h, &sdk.ListBucketsInput{Prefix: aws.String("bucket"), MaxBuckets: aws.Int32(2)}); p.HasMorePages(); {
		out, err := p.NextPage(t.Context())
		h.must(err)
		for _, b := range out.Buckets {
			if want := fmt.Sprintf("bucket-%d", n); *b.Name != want {
				t.Errorf("got %s, want %s", *b.Name, want)
			}
			n++
		}
	}
	if n != 5 {
		t.Errorf("got %d buckets, want 5", n)
	}
}

func TestABucketTwiceOutsideOfVirginia(t *testing.T) {
	h := newHouse(t, httptest.NewServer(&Server{Region: "eu-west-1"}))
	h.create("orders")
	_, err := h.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: aws.String("orders"), CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: types.BucketLocationConstraintEuWest1,
	}})
	if _, ok := errors.AsType[*types.BucketAlreadyOwnedByYou](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestObjects(t *testing.T) {
	bothWays(t, func(h *house) {
		h.create("orders")
		for _, body := range []string{"", "latte", strings.Repeat("espresso", 50_000)} {
			for _, algorithm := range types.ChecksumAlgorithm("").Values() {
				if sdkMakes(algorithm) {
					h.there(body, algorithm)
				}
			}
		}
	})
}

func sdkMakes(algorithm types.ChecksumAlgorithm) bool {
	return slices.Contains([]types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c,
		types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256}, algorithm)
}

// there puts an object and looks at it, as a whole.
func (h *house) there(body string, algorithm types.ChecksumAlgorithm) {
	h.t.Helper()
	bucket, key := aws.String("orders"), aws.String("a/ü+ %2F//b.txt")
	put, err := h.PutObject(h.t.Context(), &sdk.PutObjectInput{
		Bucket: bucket, Key: key, Body: strings.NewReader(body), ChecksumAlgorithm: algorithm, ContentType: aws.String("text/plain"),
		ContentEncoding: aws.String("identity"), Metadata: map[string]string{"barista": "Ann"},
	})
	h.must(err)
	got, err := h.GetObject(h.t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: key, ChecksumMode: types.ChecksumModeEnabled})
	h.must(err)
	defer got.Body.Close()
	read, err := io.ReadAll(got.Body) // the SDK compares the checksum
	h.must(err)
	if string(read) != body || *got.ContentType != "text/plain" || *got.ContentEncoding != "identity" || got.Metadata["barista"] != "Ann" {
		h.t.Errorf("%s: got %.40q, %+v", algorithm, read, got)
	}
	sums := func(all ...*string) (sum string) {
		for _, one := range all {
			sum += aws.ToString(one)
		}
		return sum
	}
	first := sums(put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumCRC64NVME, put.ChecksumSHA1, put.ChecksumSHA256)
	again := sums(got.ChecksumCRC32, got.ChecksumCRC32C, got.ChecksumCRC64NVME, got.ChecksumSHA1, got.ChecksumSHA256)
	if first == "" || first != again {
		h.t.Errorf("%s: got the checksums %q and %q", algorithm, first, again)
	}
	head, err := h.HeadObject(h.t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: key})
	h.must(err)
	if *head.ContentLength != int64(len(body)) || *head.ETag != *put.ETag || head.LastModified.IsZero() {
		h.t.Errorf("%s: got %+v", algorithm, head)
	}
}

func TestETag(t *testing.T) {
	h := newHouse(t, httptest.NewServer(new(Server)))
	h.create("orders")
	put, err := h.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("orders"), Key: aws.String("k"), Body: strings.NewReader("hello")})
	h.must(err)
	if want := `"5d41402abc4b2a76b9719d911017c592"`; *put.ETag != want {
		t.Errorf("got %s, want %s", *put.ETag, want)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	bothWays(t, func(h *house) {
		h.create("orders")
		ctx, orders, none := h.t.Context(), aws.String("orders"), aws.String("none")
		_, err := h.GetObject(ctx, &sdk.GetObjectInput{Bucket: orders, Key: none})
		if _, ok := errors.AsType[*types.NoSuchKey](err); !ok {
			h.t.Errorf("got %v, want NoSuchKey", err)
		}
		_, err = h.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: orders, Key: none})
		if _, ok := errors.AsType[*types.NotFound](err); !ok {
			h.t.Errorf("got %v, want NotFound", err)
		}
		_, err = h.GetObject(ctx, &sdk.GetObjectInput{Bucket: none, Key: none})
		h.wantCode(err, "NoSuchBucket")
		_, err = h.PutObject(ctx, &sdk.PutObjectInput{Bucket: none, Key: none, Body: strings.NewReader("x")})
		h.wantCode(err, "NoSuchBucket")
		_, err = h.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: none, Key: none})
		h.wantCode(err, "NoSuchBucket")
		_, err = h.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: none})
		h.wantCode(err, "NoSuchBucket")
		_, err = h.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: none})
		if _, ok := errors.AsType[*types.NoSuchBucket](err); !ok {
			h.t.Errorf("got %v, want NoSuchBucket", err)
		}
	})
}

func TestRanges(t *testing.T) {
	h := newHouse(t, httptest.NewServer(new(Server)))
	h.create("orders")
	h.put("orders", "k", "0123456789")
	h.put("orders", "empty", "")
	tests := []struct{ key, asked, body, shown string }{
		{"k", "bytes=2-4", "234", "bytes 2-4/10"},
		{"k", "bytes=2-", "23456789", "bytes 2-9/10"},
		{"k", "bytes=-3", "789", "bytes 7-9/10"},
		{"k", "bytes=-30", "0123456789", "bytes 0-9/10"},
		{"k", "bytes=9-99999999999", "9", "bytes 9-9/10"},
		{"k", "bytes=4-2", "0123456789", ""},
		{"k", "bytes=0-1,3-4", "0123456789", ""},
		{"k", "lines=0-1", "0123456789", ""},
		{"k", "bytes=-", "0123456789", ""},
		{"k", "bytes=10-", "", "refused"},
		{"k", "bytes=-0", "", "refused"},
		{"empty", "bytes=0-", "", "refused"},
		{"empty", "bytes=-1", "", "refused"},
	}
	for _, test := range tests {
		out, err := h.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("orders"), Key: &test.key, Range: &test.asked})
		if test.shown == "refused" {
			h.wantCode(err, "InvalidRange")
			continue
		}
		h.must(err)
		body, err := io.ReadAll(out.Body)
		h.must(err)
		out.Body.Close()
		if got := aws.ToString(out.ContentRange); string(body) != test.body || got != test.shown {
			t.Errorf("%s: got %q as %q, want %q as %q", test.asked, body, got, test.body, test.shown)
		}
	}
}

func TestConditions(t *testing.T) {
	h := newHouse(t, httptest.NewServer(new(Server)))
	h.create("orders")
	bucket, key, star := aws.String("orders"), aws.String("k"), aws.String("*")
	put := func(match, none *string) error {
		_, err := h.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("x"), IfMatch: match, IfNoneMatch: none})
		return err
	}
	h.must(put(nil, star))
	h.wantCode(put(nil, star), "PreconditionFailed")
	h.wantCode(put(aws.String(`"0"`), nil), "PreconditionFailed")
	head, err := h.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: bucket, Key: key, IfMatch: star})
	h.must(err)
	h.must(put(head.ETag, nil))
	_, err = h.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: key, IfNoneMatch: head.ETag})
	if answered, ok := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); !ok || answered.HTTPStatusCode() != http.StatusNotModified {
		t.Errorf("got %v, want Not Modified", err)
	}
	_, err = h.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: bucket, Key: key, IfModifiedSince: head.LastModified})
	h.wantCode(err, "NotImplemented")
}

func TestList(t *testing.T) {
	bothWays(t, func(h *house) {
		h.create("orders")
		for _, key := range []string{"a", "b/", "b/1", "b/2", "c d", "e/1/2", "f"} {
			h.put("orders", key, "body")
		}
		tests := []struct {
			in   sdk.ListObjectsV2Input
			want string // prefixes in brackets, a bar between pages
		}{
			{sdk.ListObjectsV2Input{}, "a b/ b/1 b/2 c d e/1/2 f"},
			{sdk.ListObjectsV2Input{MaxKeys: aws.Int32(3)}, "a b/ b/1 | b/2 c d e/1/2 | f"},
			{sdk.ListObjectsV2Input{MaxKeys: aws.Int32(7)}, "a b/ b/1 b/2 c d e/1/2 f"},
			{sdk.ListObjectsV2Input{Prefix: aws.String("b/")}, "b/ b/1 b/2"},
			{sdk.ListObjectsV2Input{Prefix: aws.String("x")}, ""},
			{sdk.ListObjectsV2Input{Delimiter: aws.String("/")}, "a c d f [b/] [e/]"},
			{sdk.ListObjectsV2Input{Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)}, "a [b/] | c d [e/] | f"},
			{sdk.ListObjectsV2Input{Delimiter: aws.String("/"), Prefix: aws.String("b/")}, "b/ b/1 b/2"},
			{sdk.ListObjectsV2Input{Delimiter: aws.String("/"), Prefix: aws.String("e")}, "[e/]"},
			{sdk.ListObjectsV2Input{StartAfter: aws.String("b/1")}, "b/2 c d e/1/2 f"},
			{sdk.ListObjectsV2Input{StartAfter: aws.String("b/1"), Delimiter: aws.String("/")}, "c d f [b/] [e/]"},
		}
		for _, test := range tests {
			if got := h.list(test.in); got != test.want {
				h.t.Errorf("got %s, want %s", got, test.want)
			}
			test.in.EncodingType = types.EncodingTypeUrl
			want := strings.ReplaceAll(test.want, "c d", "c+d")
			if got := h.list(test.in); got != want {
				h.t.Errorf("encoded: got %s, want %s", got, want)
			}
		}
	})
}

func (h *house) list(in sdk.ListObjectsV2Input) string {
	h.t.Helper()
	in.Bucket = aws.String("orders")
	var pages []string
	for p := sdk.NewListObjectsV2Paginator(h, &in); p.HasMorePages(); {
		out, err := p.NextPage(h.t.Context())
		h.must(err)
		var names []string
		for _, o := range out.Contents {
			names = append(names, *o.Key)
			if *o.Size != 4 || o.LastModified.IsZero() || *o.ETag == "" {
				h.t.Errorf("got %+v", o)
			}
		}
		for _, prefix := range out.CommonPrefixes {
			names = append(names, "["+*prefix.Prefix+"]")
		}
		if int(*out.KeyCount) != len(names) {
			h.t.Errorf("got KeyCount %d of %v", *out.KeyCount, names)
		}
		pages = append(pages, strings.Join(names, " "))
	}
	return strings.Join(pages, " | ")
}

func TestBadDigest(t *testing.T) {
	h := newHouse(t, httptest.NewServer(new(Server)))
	h.create("orders")
	in := sdk.PutObjectInput{Bucket: aws.String("orders"), Key: aws.String("k"), Body: bytes.NewReader([]byte("x"))}
	in.ChecksumCRC32 = aws.String("AAAAAA==")
	_, err := h.PutObject(t.Context(), &in)
	h.wantCode(err, "BadDigest")
	in.ChecksumCRC32, in.ContentMD5 = nil, aws.String("AAAAAAAAAAAAAAAAAAAAAA==")
	_, err = h.PutObject(t.Context(), &in)
	h.wantCode(err, "BadDigest")
}
