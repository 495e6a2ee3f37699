package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// kindsOfResources has one resource of each kind, the actions of its service, and its expected contents.
var kindsOfResources = []struct {
	name, yaml            string
	describe, create, put string // actions
	made                  string
	contents              []string
}{
	{"stream clicks", "  Streams: [{StreamName: clicks, ShardCount: 2, Records: [{PartitionKey: u1, Data: a}, {PartitionKey: u2, Data: b}, {PartitionKey: u1, Data: c}]}]\n",
		"DescribeStreamSummary", "CreateStream", "PutRecord", "created, with 3 records", []string{"u1:a", "u2:b", "u1:c"}},
	{"table carts", "  Tables: [{TableName: carts, AttributeDefinitions: [{AttributeName: pk, AttributeType: S}], KeySchema: [{AttributeName: pk, KeyType: HASH}],\n" +
		"    StreamSpecification: {StreamEnabled: true, StreamViewType: NEW_IMAGE}, Items: [{pk: {S: a}}, {pk: {S: b}, n: {N: '1'}}]}]\n",
		"DescribeTable", "CreateTable", "PutItem", "created, with 2 items", []string{`{"pk":{"S":"a"}}`, `{"n":{"N":"1"},"pk":{"S":"b"}}`}},
	{"topic alerts", "  Topics: [{Name: alerts}]\n", "GetTopicAttributes", "CreateTopic", "", "created", nil},
	{"bucket failures", "  Buckets: [{Bucket: failures}]\n", http.MethodHead, http.MethodPut, "", "created", nil},
}

// allKinds returns a file with all kindsOfResources.
func allKinds(t *testing.T) *configfile.File {
	t.Helper()
	text := ""
	for _, k := range kindsOfResources {
		text += k.yaml
	}
	return resourcesFile(t, text)
}

// The first run creates and fills all resources, also if they take time to become ready; the second changes nothing.
func TestCreateOnce(t *testing.T) {
	file, s := allKinds(t), &fakeServices{creating: 3}
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			log := new(recorded)
			if err := Create(t.Context(), file, clientsTo(s), log); err != nil {
				t.Fatal(err)
			}
			for _, k := range kindsOfResources {
				_, name, _ := strings.Cut(k.name, " ")
				if got := s.resources[name].contents; !slices.Equal(got, k.contents) {
					t.Errorf("%s: got %q, want %q", k.name, got, k.contents)
				}
				if got := strings.Contains(log.String(), k.name+": "+k.made+"\n"); got != first {
					t.Errorf("first run %v, log: %s", first, log)
				}
			}
			if got, want := strings.Count(log.String(), "\n"), len(kindsOfResources); first && got != want || !first && got != 0 {
				t.Errorf("first run %v, log: %s", first, log)
			}
		})
	}
}

func TestCreateRequests(t *testing.T) {
	file, s := allKinds(t), &fakeServices{}
	synctest.Test(t, func(t *testing.T) {
		log := new(recorded)
		if err := Create(t.Context(), file, clientsTo(s), log); err != nil {
			t.Fatal(err)
		}
	})
	want := []string{
		"", // the topic
		`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`,
		`{"ShardCount":2,"StreamName":"clicks"}`,
		`{"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"BillingMode":"PAY_PER_REQUEST",` +
			`"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],` +
			`"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"},"TableName":"carts"}`,
	}
	if !slices.EqualFunc(s.bodies, want, sameBody) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(s.bodies, "\n"), strings.Join(want, "\n"))
	}
}

// sameBody compares two bodies, JSON by its meaning.
func sameBody(a, b string) bool { return sameAttribute(a, b) }

// Any call may fail more often than the SDK retries: in the end all contents are there, in order.
func TestCreateThroughFaults(t *testing.T) {
	const long = 7 // calls; the SDK makes three
	for _, k := range kindsOfResources {
		file := resourcesFile(t, k.yaml)
		for _, action := range []string{k.describe, k.create, k.put} {
			for after := range 2 {
				for name, how := range faults {
					if action == "" || action == k.create && after > 0 {
						continue
					}
					t.Run(fmt.Sprintf("%s/%s after %d, %s", k.name, action, after, name), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							s := &fakeServices{creating: 1}
							log := new(recorded)
							u := &unsteady{RoundTripper: s, fails: failing(action, after, after+long, how)}
							if err := Create(t.Context(), file, clientsTo(u), log); err != nil {
								t.Fatal(err)
							}
							_, name, _ := strings.Cut(k.name, " ")
							got := s.resources[name].contents
							if unique := slices.Compact(slices.Clone(got)); !slices.Equal(unique, k.contents) || how != done && len(got) != len(unique) {
								t.Errorf("got %q, want %q", got, k.contents)
							}
							if n := strings.Count(log.String(), "trying again"); n != 1 {
								t.Errorf("the wait is logged %d times: %s", n, log)
							}
						})
					})
				}
			}
		}
	}
}

func TestDifferencesAreReported(t *testing.T) {
	const table = "  Tables: [{TableName: carts, AttributeDefinitions: [{AttributeName: pk, AttributeType: %s}], KeySchema: [{AttributeName: pk, KeyType: HASH}]%s}]\n"
	for _, c := range []struct{ name, first, second, want string }{
		{"shards", "  Streams: [{StreamName: clicks, ShardCount: 2}]\n", "  Streams: [{StreamName: clicks, ShardCount: 4, Records: [{PartitionKey: a, Data: b}]}]\n",
			"stream clicks: exists and is left as it is: it has 2 open shards, in the file its ShardCount is 4"},
		{"stream of a table", fmt.Sprintf(table, "S", ""), fmt.Sprintf(table, "S", ", StreamSpecification: {StreamEnabled: true, StreamViewType: KEYS_ONLY}"),
			"table carts: exists and is left as it is: its stream is none, in the file KEYS_ONLY"},
		{"key", fmt.Sprintf(table, "S", ""), fmt.Sprintf(table, "N", ", StreamSpecification: {StreamEnabled: false}"),
			"table carts: exists and is left as it is: its key is pk (HASH, S), in the file pk (HASH, N)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second, s := resourcesFile(t, c.first), resourcesFile(t, c.second), &fakeServices{}
			synctest.Test(t, func(t *testing.T) {
				log := new(recorded)
				for _, file := range []*configfile.File{first, first, second} {
					if err := Create(t.Context(), file, clientsTo(s), log); err != nil {
						t.Fatal(err)
					}
				}
				if got := log.String(); !strings.Contains(got, c.want) || strings.Count(got, "warning:") != 1 {
					t.Errorf("logged %s, want %s once", got, c.want)
				}
				for name, r := range s.resources {
					if len(r.contents) > 0 {
						t.Errorf("%s holds %q", name, r.contents)
					}
				}
			})
		})
	}
}

// A stream that is being deleted is created again once it is gone; one that another process creates is awaited, not filled.
func TestPendingResourceIsAwaited(t *testing.T) {
	file := resourcesFile(t, kindsOfResources[0].yaml)
	slow := slices.Repeat([]string{"CREATING"}, 300) // half a minute
	for _, c := range []struct {
		name     string
		statuses []string
		contents int
		log      string
	}{
		{"deleted", []string{"DELETING", "DELETING", "GONE"}, 3, "stream clicks: created, with 3 records"},
		{"created by another", []string{"CREATING", "CREATING", "ACTIVE"}, 0, ""},
		{"for long", append(slow, "ACTIVE"), 0, "stream clicks: its status is CREATING; trying again until it answers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &fakeServices{resources: map[string]*fakeResource{"clicks": {statuses: c.statuses, shards: 2}}}
				log := new(recorded)
				if err := Create(t.Context(), file, clientsTo(s), log); err != nil {
					t.Fatal(err)
				}
				if got := len(s.resources["clicks"].contents); got != c.contents {
					t.Errorf("it holds %d records, want %d", got, c.contents)
				}
				if got := log.String(); !strings.Contains(got, c.log) || strings.Count(got, "\n") != min(len(c.log), 1) {
					t.Errorf("logged %q, want %q", got, c.log)
				}
			})
		})
	}
}

// busy refuses some calls of one action with an error code.
type busy struct {
	*fakeServices
	action, code string
	times        int
}

func (b *busy) RoundTrip(r *http.Request) (*http.Response, error) {
	r, action, err := actionOf(r)
	if err != nil {
		return nil, err
	}
	resp, err := b.fakeServices.RoundTrip(r)
	if action == b.action && b.times > 0 && err == nil {
		b.times--
		status, answer := refusal(b.code, "no")
		resp = answered(r, status, answer)
	}
	return resp, err
}

func TestTemporaryErrors(t *testing.T) {
	file := resourcesFile(t, kindsOfResources[0].yaml)
	for _, c := range []struct {
		action, code, want string
	}{
		{"PutRecord", "ProvisionedThroughputExceededException", ""},
		{"DescribeStreamSummary", "ThrottlingException", ""},
		{"CreateStream", "LimitExceededException", "stream clicks: create: "},
		{"DescribeStreamSummary", "AccessDeniedException", "stream clicks: describe: "},
		{"PutRecord", "AccessDeniedException", "stream clicks: put record 0: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := new(recorded)
			err := Create(t.Context(), file, clientsTo(&busy{&fakeServices{}, c.action, c.code, 5}), log)
			if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.HasPrefix(got, c.want) && c.want != "" {
				t.Errorf("%s, %s: got %v, want %q", c.action, c.code, err, c.want)
			}
			if got := strings.Contains(log.String(), "trying again"); got != (c.want == "") {
				t.Errorf("%s, %s: logged %s", c.action, c.code, log)
			}
		})
	}
}

// An interruption while filling is logged, because the next run does not fill an existing resource.
func TestCancelBetweenContents(t *testing.T) {
	file, s := resourcesFile(t, kindsOfResources[0].yaml), &fakeServices{}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		log := new(recorded)
		u := &unsteady{RoundTripper: s, fails: failing("PutRecord", 1, 1000, undone)}
		if err := Create(ctx, file, clientsTo(u), log); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the end of ctx", err)
		}
		want := "stream clicks: created with only 1 of its 3 records: the next run finds it and adds none"
		if got := log.String(); !strings.Contains(got, want) {
			t.Errorf("logged %s, want %s", got, want)
		}
	})
}

// A service that loses its memory while it is filled is filled again from the first record.
func TestServiceRestartsEmpty(t *testing.T) {
	file, s := resourcesFile(t, kindsOfResources[0].yaml), &fakeServices{}
	synctest.Test(t, func(t *testing.T) {
		log := new(recorded)
		fails := failing("PutRecord", 2, 5, undone) // the number of the SDK's tries
		u := &unsteady{RoundTripper: s, fails: func(action string) fault {
			how := fails(action)
			if how == undone {
				s.resources = nil
			}
			return how
		}}
		if err := Create(t.Context(), file, clientsTo(u), log); err != nil {
			t.Fatal(err)
		}
		if got, want := s.resources["clicks"].contents, kindsOfResources[0].contents; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
