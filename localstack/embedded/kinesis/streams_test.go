package kinesis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
)

func TestRetention(t *testing.T) {
	bubble(t, 1, func(c *client) {
		first := c.put("k", "expired").SequenceNumber
		time.Sleep(25 * time.Hour)
		c.put("k", "kept")
		c.split(0, half)
		_, err := c.IncreaseStreamRetentionPeriod(c.t.Context(), &sdk.IncreaseStreamRetentionPeriodInput{StreamName: c.name, RetentionPeriodHours: aws.Int32(48)})
		c.must(err)
		for _, it := range []*string{c.iterator(0, trimHorizon, nil), c.iterator(0, atNumber, first), c.iterator(0, afterNumber, first)} {
			if got := dataOf(c.read(it, 10).Records); got != "kept" {
				t.Errorf("read %q", got)
			}
		}
		time.Sleep(47 * time.Hour)
		if got := c.all(0); got != "kept" {
			t.Errorf("read %q", got)
		}
		_, err = c.DecreaseStreamRetentionPeriod(c.t.Context(), &sdk.DecreaseStreamRetentionPeriodInput{StreamName: c.name, RetentionPeriodHours: aws.Int32(24)})
		c.must(err)
		if got := c.shards(nil); len(got) != 2 || *got[0].ShardId != shardID(1) {
			t.Errorf("got the shards %v, want those that are not expired", got)
		}
	})
}

func TestDataIsKept(t *testing.T) {
	bubble(t, 1, func(c *client) {
		for _, data := range []string{"", "\x00\xff\xf3\x89", "{\"é\": \"<&>\u2028\"}"} {
			for _, key := range []string{"a", "é <&> \"\\\u2028 😀", strings.Repeat("é", 256)} {
				c.put(key, data)
				recs := c.read(c.iterator(0, trimHorizon, nil), 1000).Records
				if last := recs[len(recs)-1]; string(last.Data) != data || *last.PartitionKey != key {
					t.Errorf("got %q under %q, want %q under %q", last.Data, *last.PartitionKey, data, key)
				}
			}
		}
	})
}
