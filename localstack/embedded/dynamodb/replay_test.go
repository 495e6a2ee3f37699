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

// TestTheStreamTellsTheTable: who follows the stream from the beginning has what is in the table, and what was there before
// every record is its old image.
func TestTheStreamTellsTheTable(t *testing.T) {
	rapid.Check(t, func(c *rapid.T) {
		r := newRig(t)
		r.server.Shards = rapid.IntRange(1, 3).Draw(c, "shards")
		r.create("carts", "pk S")
		for _, write := range rapid.SliceOfN(rapid.SampledFrom(writes), 1, 40).Draw(c, "writes") {
			operation, body, _ := strings.Cut(write, " ")
			if operation == "RollOver" {
				r.roll("carts")
				continue
			}
			body = strings.ReplaceAll(body, "KEY", rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(c, "key"))
			if status, answer := r.server.post("DynamoDB_20120810."+operation, `{"TableName":"carts",`+body+`}`); status != 200 {
				c.Fatalf("%s: %s", body, answer)
			}
		}
		r.follow("carts")
		bytes := 0
		for _, i := range r.server.tables["carts"].items {
			bytes += i.size()
		}
		if got := *r.describe("carts").TableSizeBytes; got != int64(bytes) {
			c.Errorf("the table says %d bytes and has %d", got, bytes)
		}
	})
}

var writes = []string{
	`PutItem "Item":{"pk":{"S":"KEY"},"n":{"N":"1"}}`,
	`PutItem "Item":{"pk":{"S":"KEY"},"n":{"N":"2.0"},"s":{"SS":["x","y"]}}`,
	`PutItem "Item":{"pk":{"S":"KEY"},"s":{"SS":["y","x"]},"n":{"N":"2"}}`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}},"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"3"}}`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}},"UpdateExpression":"REMOVE n"`,
	`UpdateItem "Key":{"pk":{"S":"KEY"}}`,
	`DeleteItem "Key":{"pk":{"S":"KEY"}}`,
	`RollOver`,
}

// follow applies the records of a table's stream, and reports where they do not fit.
func (r *rig) follow(table string) map[string]item {
	r.Helper()
	t := r.server.tables[table]
	now := make(map[string]item)
	for _, sh := range t.stream.shards {
		for _, rec := range sh.records {
			path := t.schema.path(rec.keys)
			if !rec.old.equal(now[path]) || (rec.old == nil) != (now[path] == nil) {
				r.Errorf("%s: the old image of %s is %v, and it was %v", rec.number, path, rec.old, now[path])
			}
			if c := (change{old: rec.old, new: rec.new}); c.idle() {
				r.Errorf("%s changes nothing", rec.number)
			}
			if now[path] = rec.new; rec.new == nil {
				delete(now, path)
			}
		}
	}
	if !maps.EqualFunc(now, t.items, item.equal) {
		r.Errorf("the stream tells %v, the table has %v", now, t.items)
	}
	return now
}

// Writers side by side count right, and the stream has every count.
func TestWritersSideBySide(t *testing.T) {
	r := newRig(t)
	arn := r.create("carts", "pk S")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				_, err := r.client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
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
				r.roll("carts")
				r.all(arn)
			}
		})
	}
	all.Wait()
	if got := fmt.Sprint(r.follow("carts")); !strings.Contains(got, "100") || len(r.all(arn)) != 100 {
		t.Errorf("got %s and %d records", got, len(r.all(arn)))
	}
}
