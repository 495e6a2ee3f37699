package s3

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// A client is an SDK client with a bucket called orders.
type client struct {
	*sdk.Client
	t *testing.T
}

var orders = aws.String("orders")

func newClient(t *testing.T, config aws.Config) *client {
	c := &client{t: t, Client: sdk.NewFromConfig(config, func(o *sdk.Options) { o.UsePathStyle = true })}
	_, err := c.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: orders})
	c.must(err)
	return c
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) put(key, body string) {
	c.t.Helper()
	_, err := c.PutObject(c.t.Context(), &sdk.PutObjectInput{Bucket: orders, Key: &key, Body: strings.NewReader(body)})
	c.must(err)
}

// The SDK sends checksums as headers over HTTP, and in the trailer of an aws-chunked body over HTTPS.
func TestObjects(t *testing.T) {
	web := httptest.NewTLSServer(new(Server))
	defer web.Close()
	overTLS := inprocess.Config(nil)
	overTLS.BaseEndpoint, overTLS.HTTPClient = &web.URL, web.Client()
	for _, c := range []*client{newClient(t, inprocess.Config(new(Server))), newClient(t, overTLS)} {
		for _, body := range []string{"", "latte", strings.Repeat("espresso", 50_000)} {
			for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
				c.putAndGet(body, algorithm)
			}
		}
	}
}

func (c *client) putAndGet(body string, algorithm types.ChecksumAlgorithm) {
	c.t.Helper()
	key := aws.String("a/ü+ %2F//b.txt")
	put, err := c.PutObject(c.t.Context(), &sdk.PutObjectInput{
		Bucket: orders, Key: key, Body: strings.NewReader(body), ChecksumAlgorithm: algorithm, ContentType: aws.String("text/plain"),
		ContentEncoding: aws.String("identity"), Metadata: map[string]string{"barista": "Ann"},
	})
	c.must(err)
	got, err := c.GetObject(c.t.Context(), &sdk.GetObjectInput{Bucket: orders, Key: key, ChecksumMode: types.ChecksumModeEnabled})
	c.must(err)
	defer got.Body.Close()
	read, err := io.ReadAll(got.Body) // the SDK verifies the checksum
	c.must(err)
	if string(read) != body || *got.ContentType != "text/plain" || *got.ContentEncoding != "identity" || got.Metadata["barista"] != "Ann" || got.ChecksumType == "" {
		c.t.Errorf("%s: got %.40q, %+v", algorithm, read, got)
	}
	head, err := c.HeadObject(c.t.Context(), &sdk.HeadObjectInput{Bucket: orders, Key: key})
	c.must(err)
	if *head.ContentLength != int64(len(body)) || *head.ETag != *put.ETag || head.LastModified.IsZero() {
		c.t.Errorf("%s: got %+v", algorithm, head)
	}
}

func TestList(t *testing.T) {
	c := newClient(t, inprocess.Config(new(Server)))
	for _, key := range []string{"a", "b/", "b/1", "b/2", "c d", "e/1/2", "f"} {
		c.put(key, "body")
	}
	for _, test := range []struct {
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
	} {
		if got := c.list(test.in); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		test.in.EncodingType = types.EncodingTypeUrl
		if got, want := c.list(test.in), strings.ReplaceAll(test.want, "c d", "c+d"); got != want {
			t.Errorf("encoded: got %s, want %s", got, want)
		}
	}
}

func (c *client) list(in sdk.ListObjectsV2Input) string {
	c.t.Helper()
	in.Bucket = orders
	var pages []string
	for p := sdk.NewListObjectsV2Paginator(c, &in); p.HasMorePages(); {
		out, err := p.NextPage(c.t.Context())
		c.must(err)
		var names []string
		for _, o := range out.Contents {
			names = append(names, *o.Key)
			if *o.Size != 4 || o.LastModified.IsZero() || *o.ETag == "" {
				c.t.Errorf("got %+v", o)
			}
		}
		for _, prefix := range out.CommonPrefixes {
			names = append(names, "["+*prefix.Prefix+"]")
		}
		if int(*out.KeyCount) != len(names) {
			c.t.Errorf("got KeyCount %d of %v", *out.KeyCount, names)
		}
		pages = append(pages, strings.Join(names, " "))
	}
	return strings.Join(pages, " | ")
}
