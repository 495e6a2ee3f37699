package localstack_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// aging are the services whose shards end by command. DynamoDB Local's do so for all tables at once: these tests are not
// parallel, so that no other test of this package runs beside them.
var aging = []streamService{dynamodbServices[0], dynamodbServices[1]}

// aloneOn runs a test against each of them, while nothing else runs.
func aloneOn(t *testing.T, services []streamService, test func(*testing.T, *corner)) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			if !s.runs(t) || s.streams != "embedded" && s.admin == "" {
				t.Skip("it has no port to age it by")
			}
			test(t, newCorner(t, s))
		})
	}
}

// rollOver ends the open shards of a table's stream and begins others behind them.
func (t *table) rollOver() {
	t.Helper()
	if t.where.admin != "" {
		t.admin("/rollover")
		return
	}
	if err := t.inside.DynamoDB().RollOver(t.name); err != nil {
		t.Fatal(err)
	}
}

// admin tells DynamoDB Local something.
func (t *table) admin(path string) {
	t.Helper()
	resp, err := http.Post(t.where.admin+path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
}

// putRound puts so many items, each with the same number.
func (t *table) putRound(keys, number int) {
	t.Helper()
	var writes []types.WriteRequest
	for k := range keys {
		item := attributes{"pk": ofText(fmt.Sprint("key-", k)), "n": ofNumber(number)}
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	out, err := t.db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.name: writes}})
	if err == nil && len(out.UnprocessedItems) > 0 {
		err = errors.New("some items were not put")
	}
	if err != nil {
		t.Error(err)
	}
}

// roundsOf are the items that a function was told of, as key/number.
func roundsOf(calls []event) (texts []string) {
	for _, e := range calls {
		for _, r := range changed(e) {
			texts = append(texts, keyOf(r)+"/"+r.Change.NewImage["n"].Number())
		}
	}
	return texts
}

// Shards end while records flow: the whole chain is read, parents before their children, so that every item's changes come
// in their order. Another mapping reads the chain when it is there already.
func TestShardsOfTablesEndWhileRecordsFlow(t *testing.T) {
	aloneOn(t, aging, func(t *testing.T, c *corner) {
		const keys, rounds, generations = 20, 60, 6
		tb := c.table("flow", types.StreamViewTypeNewImage)
		f := c.follow("f", tb.stream, succeed, "BatchSize: 30")
		e := c.run(fileOf(f))
		var writing sync.WaitGroup
		writing.Go(func() {
			for n := range rounds {
				tb.putRound(keys, n)
			}
		})
		for g := 1; g < generations; g++ {
			eventually(t, "records flow", func() bool { return f.fn.records() >= g*keys*rounds/generations/2 })
			tb.rollOver()
		}
		writing.Wait()
		eventually(t, "all are handled", func() bool { return f.fn.records() >= keys*rounds })
		wantOrder(t, roundsOf(f.fn.seen()), keys*rounds)
		if n := len(tb.shardsOf(tb.stream)); n < generations {
			t.Errorf("the stream has %d shards, want %d", n, generations)
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		late := c.follow("late", tb.arn, succeed)
		c.run(fileOf(f, late))
		eventually(t, "the late one has all", func() bool { return late.fn.records() >= keys*rounds })
		wantOrder(t, roundsOf(late.fn.seen()), keys*rounds)
		if n := f.fn.records(); n != keys*rounds {
			t.Errorf("%d records, want %d: some were handled again", n, keys*rounds)
		}
	})
}

var lostPositions = regexp.MustCompile(`(?m)^esm_lost_positions_total\{[^}]*\} [1-9]`)

// A day passes while the engine is stopped: what was behind its position is no longer kept. It goes on with what is left,
// and tells.
func TestPositionsThatAreTrimmed(t *testing.T) {
	aloneOn(t, aging[1:], func(t *testing.T, c *corner) {
		tb := c.table("trimmed")
		f := c.follow("f", tb.stream, succeed)
		tb.put("1", "2")
		e := c.run(fileOf(f))
		f.sees(tb, "1", "2")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		tb.put("lost")
		tb.admin("/dilate?25")
		tb.put("3", "4")
		e = c.run(fileOf(f))
		f.sees(tb, "1", "2", "3", "4")
		eventually(t, "the loss is counted", func() bool { return lostPositions.MatchString(get(t, "http://"+e.listen+"/metrics")) })
		if !strings.Contains(e.stderr.String(), "records may be missing") {
			t.Error("nothing tells of the loss")
		}
	})
}

// A day passes while the engine runs: its iterators are too old, its position is trimmed, and so are the shards that
// ended, which are listed all the same.
func TestADayPassesForARunningEngine(t *testing.T) {
	aloneOn(t, aging[1:], func(t *testing.T, c *corner) {
		tb := c.table("day")
		f := c.follow("f", tb.stream, succeed)
		e := c.run(fileOf(f))
		tb.put("1", "2")
		f.sees(tb, "1", "2")
		tb.rollOver()
		tb.put("3")
		f.sees(tb, "1", "2", "3")
		tb.admin("/dilate?25")
		tb.put("4")
		eventually(t, "the engine goes on", func() bool { return slices.Contains(f.fn.keysSeen(), "4") })
		tb.rollOver()
		tb.put("5")
		f.sees(tb, "1", "2", "3", "4", "5")
		late := c.follow("late", tb.arn, succeed)
		if n := strings.Count(e.stderr.String(), "records may be missing"); n == 0 {
			t.Error("nothing tells of the loss")
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		c.run(fileOf(f, late))
		late.sees(tb, "4", "5")
	})
}

// A position that the stream never reached is none of it, with whatever error a service says so: the shard is read from its
// beginning, and that is told.
func TestPositionsAheadOfTheStream(t *testing.T) {
	overStreams(t, dynamodbServices, func(t *testing.T, c *corner) {
		tb := c.table("ahead")
		f := c.follow("f", tb.stream, succeed)
		tb.put("1", "2")
		e := c.run(fileOf(f))
		f.sees(tb, "1", "2")
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		ahead := *tb.changes(2)[1].Dynamodb.SequenceNumber
		ahead = "9" + ahead[1:]
		out, err, code := esm(t, "position", "set", filepath.Join(c.dir, "mappings.yaml"), "--data-dir", filepath.Join(c.dir, "data"),
			"--mapping", "f", "--shard", *tb.shardsOf(tb.stream)[0].ShardId, "--after", ahead)
		if code != 0 {
			t.Fatalf("exit code %d\n%s%s", code, out, err)
		}
		e = c.run(fileOf(f))
		tb.put("3")
		f.sees(tb, "1", "2", "1", "2", "3")
		if !strings.Contains(e.stderr.String(), "the shard is read again from where the mapping started") {
			t.Error("nothing tells that records come again")
		}
	})
}
