package dynamodb

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm/awserr"
)

func TestRecordOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		arn := c.create("carts", "pk S", "sk N")
		time.Sleep(1500 * time.Millisecond)
		c.put("carts", attributes{"pk": text("cust#9"), "sk": num("17.0"), "tags": &types.AttributeValueMemberSS{Value: []string{"b", "a"}}})
		it := c.iterator(arn, *c.shards(arn)[0].ShardId, "TRIM_HORIZON", "")
		_, answer := c.server.post("DynamoDBStreams_20120810.GetRecords", fmt.Sprintf(`{"ShardIterator":%q}`, it))
		answer = regexp.MustCompile(`"eventID":"[0-9a-f]{32}"`).ReplaceAllString(answer, `"eventID":"ID"`)
		answer = regexp.MustCompile(`"NextShardIterator":"[^"]+"`).ReplaceAllString(answer, `"NextShardIterator":"NEXT"`)
		want := `{"Records":[{"eventID":"ID","eventName":"INSERT","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-west-1",` +
			`"dynamodb":{"ApproximateCreationDateTime":946684801,"Keys":{"pk":{"S":"cust#9"},"sk":{"N":"17"}},` +
			`"NewImage":{"pk":{"S":"cust#9"},"sk":{"N":"17"},"tags":{"SS":["a","b"]}},` +
			`"SequenceNumber":"200000000000000000002","SizeBytes":30,"StreamViewType":"NEW_AND_OLD_IMAGES"}}],"NextShardIterator":"NEXT"}`
		if answer != want {
			t.Errorf("got  %s\nwant %s", answer, want)
		}
	})
}

func TestViewTypesAndEventNames(t *testing.T) {
	for view, want := range map[types.StreamViewType]string{
		"KEYS_ONLY":          "INSERT MODIFY REMOVE",
		"NEW_IMAGE":          "INSERT+n=1 MODIFY+n=2 REMOVE",
		"OLD_IMAGE":          "INSERT MODIFY-n=1 REMOVE-n=2",
		"NEW_AND_OLD_IMAGES": "INSERT+n=1 MODIFY+n=2-n=1 REMOVE-n=2",
	} {
		c := newClient(t)
		in := tableOf("carts", "pk S")
		in.StreamSpecification.StreamViewType = view
		out, err := c.CreateTable(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 1, 2, 2} { // what changes nothing is no record
			c.put("carts", attributes{"pk": text("a"), "n": num(n)})
		}
		c.delete("carts", attributes{"pk": text("a")})
		c.delete("carts", attributes{"pk": text("a")})
		var got []string
		for _, rec := range c.all(*out.TableDescription.LatestStreamArn) {
			if rec.Dynamodb.StreamViewType != streamtypes.StreamViewType(view) || len(rec.Dynamodb.Keys) != 1 || rec.UserIdentity != nil {
				t.Errorf("%s: got %+v", view, rec.Dynamodb)
			}
			got = append(got, string(rec.EventName)+shown("+", rec.Dynamodb.NewImage)+shown("-", rec.Dynamodb.OldImage))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: got %s, want %s", view, got, want)
		}
	}
}

// shown returns the attribute n of an image, or "".
func shown(sign string, image map[string]streamtypes.AttributeValue) string {
	if n, ok := image["n"].(*streamtypes.AttributeValueMemberN); ok {
		return sign + "n=" + n.Value
	}
	return ""
}

// fill creates a table with n records in one shard.
func fill(c *client, n int) (arn, shard string) {
	arn = c.create("carts", "pk S")
	for i := range n {
		c.put("carts", attributes{"pk": text(fmt.Sprint(i))})
	}
	return arn, *c.shards(arn)[0].ShardId
}

func keysOf(recs []streamtypes.Record) (keys []string) {
	for _, rec := range recs {
		keys = append(keys, rec.Dynamodb.Keys["pk"].(*streamtypes.AttributeValueMemberS).Value)
	}
	return keys
}

func TestIteratorTypes(t *testing.T) {
	c := newClient(t)
	arn, shard := fill(c, 4)
	recs := c.all(arn)
	number := *recs[2].Dynamodb.SequenceNumber
	start := *c.shards(arn)[0].SequenceNumberRange.StartingSequenceNumber
	latest := c.iterator(arn, shard, "LATEST", "")
	c.put("carts", attributes{"pk": text("4")})
	for _, test := range []struct{ iterator, want string }{
		{c.iterator(arn, shard, "TRIM_HORIZON", ""), "[0 1 2 3 4]"},
		{c.iterator(arn, shard, "AT_SEQUENCE_NUMBER", number), "[2 3 4]"},
		{c.iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", number), "[3 4]"},
		{c.iterator(arn, shard, "AT_SEQUENCE_NUMBER", start), "[0 1 2 3 4]"},
		{latest, "[4]"},
	} {
		recs, next, err := c.records(test.iterator, 0)
		if got := fmt.Sprint(keysOf(recs)); err != nil || got != test.want {
			t.Errorf("got %s, %v, want %s", got, err, test.want)
		}
		if recs, _, err := c.records(next, 0); err != nil || len(recs) != 0 {
			t.Errorf("next: got %v, %v", keysOf(recs), err)
		}
	}
	c.roll("carts")
	end := *c.shards(arn)[0].SequenceNumberRange.EndingSequenceNumber
	for _, it := range []string{c.iterator(arn, shard, "LATEST", ""), c.iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", end)} {
		if recs, next, err := c.records(it, 0); err != nil || len(recs) != 0 || next != "" {
			t.Errorf("at the end: got %v, next %q, %v", keysOf(recs), next, err)
		}
	}
}

func TestPagesOfRecords(t *testing.T) {
	c := newClient(t)
	arn, shard := fill(c, 1005)
	c.roll("carts")
	var sizes []int
	for it := c.iterator(arn, shard, "TRIM_HORIZON", ""); it != ""; {
		recs, next, err := c.records(it, 0)
		if err != nil {
			t.Fatal(err)
		}
		sizes, it = append(sizes, len(recs)), next
	}
	if !slices.Equal(sizes, []int{1000, 5}) { // the end comes with the last records
		t.Errorf("got pages of %v", sizes)
	}
	if recs, next, err := c.records(c.iterator(arn, shard, "TRIM_HORIZON", ""), 3); err != nil || len(recs) != 3 || next == "" {
		t.Errorf("got %d records, %v", len(recs), err)
	}
	if _, _, err := c.records(c.iterator(arn, shard, "TRIM_HORIZON", ""), 1001); awserr.Code(err) != "LimitExceededException" {
		t.Errorf("a limit of 1001: got %v", err)
	}
}

func TestIteratorsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		arn, shard := fill(c, 1)
		it := c.iterator(arn, shard, "TRIM_HORIZON", "")
		time.Sleep(iteratorLifetime - time.Millisecond)
		_, next, err := c.records(it, 0)
		if err != nil {
			t.Errorf("just before: %v", err)
		}
		time.Sleep(time.Millisecond)
		if _, _, err := c.records(it, 0); awserr.Code(err) != "ExpiredIteratorException" {
			t.Errorf("got %v", err)
		}
		if _, _, err := c.records(next, 0); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
}

func TestTrimming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		arn, shard := fill(c, 2)
		recs := c.all(arn)
		time.Sleep(retention - time.Minute)
		c.put("carts", attributes{"pk": text("young")})
		early := c.iterator(arn, shard, "TRIM_HORIZON", "")
		behind := c.iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", *recs[1].Dynamodb.SequenceNumber)
		time.Sleep(time.Minute)
		if _, _, err := c.records(early, 0); awserr.Code(err) != "TrimmedDataAccessException" {
			t.Errorf("an iterator overtaken by trimming: got %v", err)
		}
		if recs, _, err := c.records(behind, 0); err != nil || len(recs) != 1 {
			t.Errorf("an iterator behind what was trimmed: got %d records, %v", len(recs), err)
		}
		for _, kind := range []string{"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"} {
			if _, err := c.tryIterator(arn, shard, kind, *recs[1].Dynamodb.SequenceNumber); awserr.Code(err) != "TrimmedDataAccessException" {
				t.Errorf("%s: got %v", kind, err)
			}
		}
		if got := keysOf(c.all(arn)); !slices.Equal(got, []string{"young"}) {
			t.Errorf("kept %v", got)
		}
	})
}

func TestClosedShardsAreKeptForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		arn, shard := fill(c, 1)
		c.roll("carts")
		time.Sleep(retention - time.Minute)
		it := c.iterator(arn, shard, "TRIM_HORIZON", "")
		if got := len(c.shards(arn)); got != 2 {
			t.Errorf("%d shards", got)
		}
		time.Sleep(time.Minute)
		if got := c.shards(arn); len(got) != 1 || aws.ToString(got[0].ParentShardId) != shard {
			t.Errorf("after a day: %v", got)
		}
		if _, err := c.tryIterator(arn, shard, "TRIM_HORIZON", ""); awserr.Code(err) != "ResourceNotFoundException" {
			t.Errorf("got %v", err)
		}
		if _, _, err := c.records(it, 0); awserr.Code(err) != "TrimmedDataAccessException" {
			t.Errorf("got %v", err)
		}
	})
}

func TestListingShards(t *testing.T) {
	c := newClient(t)
	c.server.Shards = 3
	arn := c.create("carts", "pk S")
	for range 50 {
		c.roll("carts")
	}
	all := c.shards(arn)
	if len(all) != 153 {
		t.Fatalf("%d shards", len(all))
	}
	named := regexp.MustCompile(`^shardId-[0-9]{20}-[0-9a-f]{8}$`)
	for i, sh := range all {
		parent, open := "", i >= 150
		if i >= 3 {
			parent = *all[i-3].ShardId
		}
		if !named.MatchString(*sh.ShardId) || aws.ToString(sh.ParentShardId) != parent || (sh.SequenceNumberRange.EndingSequenceNumber == nil) != open {
			t.Errorf("%d: %s of %s, %+v", i, *sh.ShardId, aws.ToString(sh.ParentShardId), sh.SequenceNumberRange)
		}
	}
	out, err := c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &arn,
		ShardFilter: &streamtypes.ShardFilter{Type: "CHILD_SHARDS", ShardId: all[4].ShardId}})
	if err != nil || len(out.StreamDescription.Shards) != 1 || *out.StreamDescription.Shards[0].ShardId != *all[7].ShardId {
		t.Errorf("children: got %+v, %v", out, err)
	}
}

func TestTimeToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t)
		arn := c.create("carts", "pk S")
		due := time.Now().Add(time.Hour).Unix()
		c.put("carts", attributes{"pk": text("before"), "until": num(due)})
		if _, err := c.UpdateTimeToLive(t.Context(), &sdk.UpdateTimeToLiveInput{TableName: aws.String("carts"),
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)}}); err != nil {
			t.Fatal(err)
		}
		c.put("carts", attributes{"pk": text("after"), "until": num(due - 60)})
		c.put("carts", attributes{"pk": text("text"), "until": text("1")})
		c.put("carts", attributes{"pk": text("ancient"), "until": num(1)})
		c.put("carts", attributes{"pk": text("never")})
		time.Sleep(time.Hour)
		if got := len(c.all(arn)); got != 6 {
			t.Errorf("%d records in the second of the time", got)
		}
		time.Sleep(time.Second)
		recs := c.all(arn)
		if len(recs) != 7 {
			t.Fatalf("%d records", len(recs))
		}
		for i, want := range []string{"after", "before"} {
			rec := recs[5+i]
			if id := rec.UserIdentity; rec.EventName != "REMOVE" || keysOf(recs[5 : 6+i])[i] != want || id == nil || *id.Type != "Service" || *id.PrincipalId != "dynamodb.amazonaws.com" {
				t.Errorf("got %s of %v by %v, want %s", rec.EventName, rec.Dynamodb.Keys, id, want)
			}
		}
		_, answer := c.server.post("DynamoDB_20120810.Scan", `{"TableName":"carts","Select":"COUNT"}`)
		if want := `{"Count":3,"ScannedCount":3}`; answer != want {
			t.Errorf("left: got %s, want %s", answer, want)
		}
		_, answer = c.server.post("DynamoDB_20120810.DescribeTimeToLive", `{"TableName":"carts"}`)
		if want := `{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"until"}}`; answer != want {
			t.Errorf("got %s, want %s", answer, want)
		}
	})
}

// FuzzIterator checks that only iterators that were issued are accepted, and that no text causes a failure.
func FuzzIterator(f *testing.F) {
	c := newClient(f)
	arn, shard := fill(c, 3)
	f.Add(c.iterator(arn, shard, "TRIM_HORIZON", ""))
	f.Add(iterator{arn, shard, 1 << 63, time.UnixMilli(-1)}.String())
	f.Add(arn + "|1|")
	f.Add("|1|fDE=")
	f.Fuzz(func(t *testing.T, text string) {
		if it, ok := parseIterator(text); ok && it.String() != text {
			t.Errorf("%q became %q", text, it)
		}
		status, answer := c.server.post("DynamoDBStreams_20120810.GetRecords", fmt.Sprintf(`{"ShardIterator":%s}`, quoted(text)))
		if status != 200 && status != 400 || !json.Valid([]byte(answer)) {
			t.Errorf("%q: %d %s", text, status, answer)
		}
	})
}

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}
