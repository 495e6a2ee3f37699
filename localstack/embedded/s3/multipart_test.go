package s3

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// parts puts an object in parts with the SDK, until it is to be completed.
func (c *client) parts(key string, bodies ...[]byte) *sdk.CompleteMultipartUploadInput {
	c.t.Helper()
	begun, err := c.CreateMultipartUpload(c.t.Context(), &sdk.CreateMultipartUploadInput{
		Bucket: orders, Key: &key, ContentType: aws.String("image/jpeg"), Metadata: map[string]string{"barista": "Ann"},
	})
	c.must(err)
	in := &sdk.CompleteMultipartUploadInput{Bucket: orders, Key: &key, UploadId: begun.UploadId, MultipartUpload: new(types.CompletedMultipartUpload)}
	for i, body := range bodies {
		number := aws.Int32(int32(i + 1))
		put, err := c.UploadPart(c.t.Context(), &sdk.UploadPartInput{Bucket: orders, Key: &key, UploadId: begun.UploadId, PartNumber: number, Body: bytes.NewReader(body)})
		c.must(err)
		in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, types.CompletedPart{PartNumber: number, ETag: put.ETag, ChecksumCRC32: put.ChecksumCRC32})
	}
	return in
}

func TestObjectInParts(t *testing.T) {
	s, targets := notifying(t, toFunction("all", "s3:ObjectCreated:*"))
	c := newClient(t, inprocess.Config(s))
	first, last := bytes.Repeat([]byte("a"), minPartSize), []byte("the end")
	in := c.parts("a/picture.jpg", first, last)
	if listed := c.list(sdk.ListObjectsV2Input{}); listed != "" || len(targets.Take()) != 0 {
		t.Errorf("an object that is not completed is listed: %s", listed)
	}
	done, err := c.CompleteMultipartUpload(t.Context(), in)
	c.must(err)
	const etag = `"dc2bc882b07e1e67a48bed8997ce6caf-2"`
	got, err := c.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: orders, Key: in.Key})
	c.must(err)
	body, err := io.ReadAll(got.Body)
	c.must(err)
	if !slices.Equal(body, slices.Concat(first, last)) || *got.ContentType != "image/jpeg" || got.Metadata["barista"] != "Ann" || *got.ETag != *done.ETag || *done.ETag != etag {
		t.Errorf("got %d bytes, %+v; the upload returned %s, want %s", len(body), got, *done.ETag, etag)
	}
	sent := targets.Take()
	if len(sent) != 1 || !strings.Contains(sent[0].Body, `"eventName":"ObjectCreated:CompleteMultipartUpload"`) || !strings.Contains(sent[0].Body, `"size":5242887`) {
		t.Errorf("the function was sent %+v", sent)
	}
	_, err = c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "NoSuchUpload")
}

func TestUploadsThatAreNotCompleted(t *testing.T) {
	c := newClient(t, inprocess.Config(new(Server)))
	small := []byte("small")
	in := c.parts("k", small, small)
	_, err := c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "EntityTooSmall")

	in.MultipartUpload.Parts[1].ETag = aws.String(`"0"`)
	_, err = c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "EntityTooSmall") // the first part comes first
	in.MultipartUpload.Parts = in.MultipartUpload.Parts[1:]
	_, err = c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "InvalidPart")

	in = c.parts("k", bytes.Repeat([]byte("a"), minPartSize))
	in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, in.MultipartUpload.Parts...)
	_, err = c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "InvalidPartOrder")

	_, err = c.AbortMultipartUpload(t.Context(), &sdk.AbortMultipartUploadInput{Bucket: orders, Key: in.Key, UploadId: in.UploadId})
	c.must(err)
	_, err = c.CompleteMultipartUpload(t.Context(), in)
	wantCode(t, err, "NoSuchUpload")
	if listed := c.list(sdk.ListObjectsV2Input{}); listed != "" {
		t.Errorf("there is %s", listed)
	}
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
