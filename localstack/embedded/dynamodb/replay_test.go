package dynamodb

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"
)

// TestStreamMatchesTable performs random writes: the records of the stream, applied in order, yield the items of the table,
// and the old image of every record is the item before it.
func TestStreamMatchesTable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newClient(t)
		c.server.Shards = rapid.IntRange(1, 3).Draw(r, "shards")
		c.create("carts", "pk S")
		for _, write := range rapid.SliceOfN(rapid.SampledFrom(randomWrites), 1, 40).Draw(r, "writes") {
			operation, body, _ := strings.Cut(write, " ")
			if operation == "RollOver" {
				c.roll("carts")
				continue
			}
			body = strings.ReplaceAll(body, "KEY", rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "key"))
			if status, answer := c.server.post("DynamoDB_20120810."+operation, `{"TableName":"carts",`+body+`}`); status != 200 {
				r.Fatalf("%s: %s", body, answer)
			}
		}
		c.replay("carts")
		bytes := 0
		for _, i := range c.server.tables["carts"].items {
			bytes += i.size()
		}
		if got := *c.describe("carts").TableSizeBytes; got != int64(bytes) {
			r.Errorf("TableSizeBytes is %d, want %d", got, bytes)
		}
	})
}

var randomWrites = []string{
	`PutItem "Item":{"pk":{"S":"KEY"},"n":{"N":"1"}}`,
	`PutItem "Item":{"pk":{"S":"KEY"},"n":{"N":"2.0"},"s":{"SS":["x","y"]}}`,
	`PutItem "Item":{"pk":{"S":"KEY"},"s":{"SS":["y","x"]},"n":{"N":"2"}}`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}},"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"3"}}`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}},"UpdateExpression":"REMOVE n"`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}}`,
	`DeleteItem "Key":{"pk":{"S":"KEY"}}`,
	`RollOver`,
}

// replay applies the records of a table's stream, and compares them and the result with the table.
func (c *client) replay(table string) map[string]item {
	c.t.Helper()
	t := c.server.tables[table]
	now := make(map[string]item)
	for _, sh := range t.stream.shards {
		for _, rec := range sh.records {
			path := t.schema.path(rec.keys)
			if !rec.old.equal(now[path]) || (rec.old == nil) != (now[path] == nil) {
				c.t.Errorf("%s: the old image of %s is %v, want %v", rec.number, path, rec.old, now[path])
			}
			if (change{old: rec.old, new: rec.new}).isEmpty() {
				c.t.Errorf("%s changes nothing", rec.number)
			}
			if now[path] = rec.new; rec.new == nil {
				delete(now, path)
			}
		}
	}
	if !maps.EqualFunc(now, t.items, item.equal) {
		c.t.Errorf("the stream yields %v, the table has %v", now, t.items)
	}
	return now
}

// Concurrent increments are all counted, and the stream has a record of each.
func TestConcurrentWriters(t *testing.T) {
	c := newClient(t)
	arn := c.create("carts", "pk S")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				_, err := c.UpdateItem(t.Context(), &sdk.UpdateItemInput{
					TableName: aws.String("carts"), Key: attributes{"pk": text("a")},
					UpdateExpression: aws.String("ADD n :v"), ExpressionAttributeValues: attributes{":v": num(1)},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 4 {
				c.roll("carts")
				c.all(arn)
			}
		})
	}
	all.Wait()
	if got := fmt.Sprint(c.replay("carts")); !strings.Contains(got, "100") || len(c.all(arn)) != 100 {
		t.Errorf("got %s and %d records", got, len(c.all(arn)))
	}
}
