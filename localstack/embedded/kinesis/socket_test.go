package kinesis

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestOnASocket(t *testing.T) {
	a := onSocket(t, new(Server), 1)
	events, err := a.listen(a.consumer("c"), 0, types.StartingPosition{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	a.puts(3)
	var pushed []string
	for len(pushed) < 3 {
		e, _ := next(t, events)
		pushed = append(pushed, strings.Fields(dataOf(e.Records))...)
	}
	if got := strings.Join(pushed, " "); got != "0 1 2" || a.all(0) != got {
		t.Errorf("pushed %q, read %q", got, a.all(0))
	}
}

// Writers, readers, listeners and reshards side by side: nothing is lost, and each shard is in order.
func TestSideBySide(t *testing.T) {
	const writers, each = 4, 50
	a := onSocket(t, new(Server), 2)
	c := a.consumer("c")
	pushed, err := a.listen(c, 0, types.StartingPosition{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				a.put(strconv.Itoa(w), strconv.Itoa(i))
			}
		})
	}
	all.Go(func() {
		a.split(0, "7777777777777777777777777777777777777")
		a.merge(3, 1)
		a.shards(nil)
	})
	all.Go(func() {
		if _, _, err := over(pushed); err != nil { // ends with the split
			t.Error(err)
		}
	})
	all.Wait()
	seen := map[string]int{}
	for shard := range 5 {
		for _, r := range a.read(a.iterator(shard, sdk.GetShardIteratorInput{}), 10_000).Records {
			if want := strconv.Itoa(seen[*r.PartitionKey]); string(r.Data) != want {
				t.Errorf("shard %d: %s of writer %s, want %s", shard, r.Data, *r.PartitionKey, want)
			}
			seen[*r.PartitionKey]++
		}
	}
	for w := range writers {
		if got := seen[strconv.Itoa(w)]; got != each {
			t.Errorf("%d records of writer %d, want %d", got, w, each)
		}
	}
}

func post(s *Server, operation, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", api.Target+operation)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestWhatItDoesNotHave(t *testing.T) {
	if w := post(new(Server), "StartStreamEncryption", "{}"); w.Code != 400 || !strings.Contains(w.Body.String(), "StartStreamEncryption is not supported by the embedded Kinesis.") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("\xbf\xff"))
	r.Header.Set("X-Amz-Target", "Kinesis_20131202.ListStreams")
	r.Header.Set("Content-Type", "application/x-amz-cbor-1.1")
	w := httptest.NewRecorder()
	new(Server).ServeHTTP(w, r)
	if w.Code != 400 || !strings.Contains(w.Body.String(), "AWS_CBOR_DISABLE") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// The answer to a GetRecords byte by byte, as encoding/json might have written it.
func TestAnswer(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.put("k", "hello")
		w := httptest.NewRecorder()
		it := a.iterator(0, sdk.GetShardIteratorInput{})
		r := httptest.NewRequest("POST", "/", strings.NewReader(`{"ShardIterator":"`+*it+`"}`))
		r.Header.Set("X-Amz-Target", "Kinesis_20131202.GetRecords")
		a.Options().HTTPClient.(*http.Client).Transport.(*straight).handler.ServeHTTP(w, r)
		number := a.read(it, 1).Records[0].SequenceNumber
		want := `{"Records":[{"SequenceNumber":"` + *number + `","ApproximateArrivalTimestamp":946684800.000,"Data":"aGVsbG8=","PartitionKey":"k"}],` +
			`"MillisBehindLatest":0,"NextShardIterator":"` + *a.read(it, 1).NextShardIterator + `"}`
		if got := w.Body.String(); got != want || w.Header().Get("Content-Length") != strconv.Itoa(len(want)) {
			t.Errorf("got  %s,\nwant %s", got, want)
		}
	})
}

// FuzzRequest sends anything to any operation: the answer is always JSON, and a refusal is always the caller's fault.
func FuzzRequest(f *testing.F) {
	const arn = `"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s"`
	for _, seed := range [][2]string{
		{"CreateStream", `{"StreamName":"t","ShardCount":2,"StreamModeDetails":{"StreamMode":"PROVISIONED"}}`},
		{"DeleteStream", `{"StreamName":"s","EnforceConsumerDeletion":true}`},
		{"DescribeStream", `{` + arn + `,"Limit":1,"ExclusiveStartShardId":"shardId-000000000000"}`},
		{"ListShards", `{` + arn + `,"ShardFilter":{"Type":"AT_TIMESTAMP","Timestamp":1.5},"MaxResults":1}`},
		{"ListShards", `{"NextToken":"` + token{Of: "shards", Stream: "s"}.String() + `"}`},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"AFTER_SEQUENCE_NUMBER","StartingSequenceNumber":"49"}`},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"AT_TIMESTAMP","Timestamp":-1e300}`},
		{"GetRecords", `{"ShardIterator":"` + iterator{shard: 1, next: 9, stream: "s"}.String() + `","Limit":7}`},
		{"PutRecord", `{` + arn + `,"Data":"eA==","PartitionKey":"\ud83d","ExplicitHashKey":"12"}`},
		{"PutRecords", `{"StreamName":"s","Records":[{"Data":"","PartitionKey":"k"}]}`},
		{"SplitShard", `{"StreamName":"s","ShardToSplit":"shardId-000000000001","NewStartingHashKey":"170141183460469231731687303715884105999"}`},
		{"MergeShards", `{"StreamName":"s","ShardToMerge":"shardId-000000000001","AdjacentShardToMerge":"shardId-000000000000"}`},
		{"UpdateShardCount", `{"StreamName":"s","TargetShardCount":3,"ScalingType":"UNIFORM_SCALING"}`},
		{"DescribeStreamConsumer", `{"ConsumerARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1"}`},
		{"ListStreamConsumers", `{` + arn + `,"MaxResults":1}`},
		{"SubscribeToShard", `{"ConsumerARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1","ShardId":"x"}`},
		{"IncreaseStreamRetentionPeriod", `{"StreamName":"s","RetentionPeriodHours":48}`},
		{"ListTagsForStream", `{"StreamName":"s"}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, operation, body string) {
		s := new(Server)
		post(s, "CreateStream", `{"StreamName":"s","ShardCount":2}`)
		post(s, "PutRecord", `{"StreamName":"s","Data":"eA==","PartitionKey":"k"}`)
		w := post(s, operation, body)
		if !json.Valid(w.Body.Bytes()) || w.Code >= 500 {
			t.Errorf("%s %s: got %d %s", operation, body, w.Code, w.Body)
		}
	})
}

// fill puts n records of 200 bytes.
func fill(b testing.TB, a *account, n int) {
	data := bytes.Repeat([]byte("x"), 200)
	entries := make([]types.PutRecordsRequestEntry, maxEntries)
	for i := range entries {
		entries[i] = types.PutRecordsRequestEntry{Data: data, PartitionKey: aws.String("key-" + strconv.Itoa(i))}
	}
	for range n / maxEntries {
		if _, err := a.PutRecords(context.Background(), &sdk.PutRecordsInput{StreamName: &a.name, Records: entries}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetRecords is the server's own work of handing out 10,000 records of 200 bytes on a socket.
func BenchmarkGetRecords(b *testing.B) {
	a := onSocket(b, new(Server), 1)
	fill(b, a, maxRead)
	body := `{"ShardIterator":"` + *a.iterator(0, sdk.GetShardIteratorInput{}) + `"}`
	for b.Loop() {
		r, _ := http.NewRequest("POST", *a.Options().BaseEndpoint, strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "Kinesis_20131202.GetRecords")
		resp, err := a.Options().HTTPClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, _ := new(bytes.Buffer).ReadFrom(resp.Body)
		resp.Body.Close()
		b.SetBytes(n)
	}
}

// BenchmarkPutRecords puts 500 records of 200 bytes with a real SDK client.
func BenchmarkPutRecords(b *testing.B) {
	a := onSocket(b, new(Server), 4)
	for b.Loop() {
		fill(b, a, maxEntries)
	}
}
