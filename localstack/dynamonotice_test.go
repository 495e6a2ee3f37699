package localstack_test

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// asOfTable makes a handler for an event of a stream one for that of a table.
func asOfTable(handler func(event) (string, error)) func(event) (string, error) {
	return func(e event) (string, error) { return handler(asKinesis(e)) }
}

// The notices of a table's mapping, in a topic and as an object. Those in queues are in the stories.
func TestNoticesOfTables(t *testing.T) {
	const uuid = "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88"
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("notices")
		tb.put("1", "2", "3")
		topic, url := c.topic("failed")
		bucket, client := c.bucket("failed")
		published := c.follow("published", tb.stream, asOfTable(raise("1")), tries(1), "BatchSize: 2", onFailure(topic))
		stored := c.follow("stored", tb.stream, asOfTable(reportRecord("2")), tries(1), reporting, "UUID: "+uuid, onFailure(bucket))
		c.run(fileOf(published, stored))

		t.Run("topic", func(t *testing.T) {
			var got envelope
			if err := json.Unmarshal([]byte(c.receiveOne(url)), &got); err != nil {
				t.Fatal(err)
			}
			if got.Type != "Notification" || got.TopicArn != topic || got.Subject != nil || len(got.MessageAttributes) > 0 {
				t.Errorf("the envelope %+v", got)
			}
			w := told{records: "1-2", count: 2, fault: "Unhandled"}
			wantNotice(t, got.Message, tb.notice(w, published, published.fn.seen()[0].ID, 3))
			eventually(t, "the third item is handled", func() bool { return slices.Contains(published.fn.keysSeen(), "3") })
		})
		t.Run("bucket", func(t *testing.T) {
			key, body := c.onlyObject(client, bucket)
			last := stored.fn.seen()[2]
			payload := `"payload":` + asJSON(string(last.Raw)) + ","
			wantNotice(t, body, tb.notice(told{records: "2-3", count: 2}, stored, last.ID, 3, payload))
			shard := tb.changes(3)[0].shard
			wantObjectKey(t, strings.Replace(key, "/"+shard+"/", "/shardId-000000000000/", 1), uuid, readNotice(t, body).Timestamp)
		})
	})
}

// onlyObject waits for a bucket's object.
func (c *corner) onlyObject(client *s3.Client, bucket string) (key, body string) {
	c.Helper()
	name := strings.TrimPrefix(bucket, "arn:aws:s3:::")
	eventually(c.T, "there is an object", func() bool {
		listed, err := client.ListObjectsV2(c.Context(), &s3.ListObjectsV2Input{Bucket: &name})
		if err != nil {
			c.Fatal(err)
		}
		if len(listed.Contents) > 0 {
			key = *listed.Contents[0].Key
		}
		return key != ""
	})
	object, err := client.GetObject(c.Context(), &s3.GetObjectInput{Bucket: &name, Key: &key})
	if err != nil {
		c.Fatal(err)
	}
	defer object.Body.Close()
	text, err := io.ReadAll(object.Body)
	if err != nil {
		c.Fatal(err)
	}
	return key, string(text)
}
