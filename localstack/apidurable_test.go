package localstack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// A keeper is what one client knows of its mapping, of a function of its own: all that it may be after a kill.
type keeper struct {
	function, arn string

	uuid     string
	batch    int32 // 0 is none
	unknown  bool  // the last call was not answered
	intended int32 // by that
}

// TestKilledWhileMappingsChange kills the engine at random while clients make, change and delete: a change that was
// answered is there, and one that was not is there or is not.
func TestKilledWhileMappingsChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	_, arn := h.queue("kept", map[string]string{})
	var keepers []*keeper
	file := "Functions:\n"
	for i := range 6 {
		k := &keeper{function: fmt.Sprint("f", i), arn: arn}
		keepers, file = append(keepers, k), file+"  "+k.function+": "+h.fn.yaml()+"\n"
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	changes := 0
	for life := range 12 {
		e := h.run(file)
		for _, k := range keepers {
			k.look(t, e.lambda(), life)
		}
		dice := rand.New(rand.NewPCG(seed, uint64(life)))
		moment := time.After(time.Duration(dice.IntN(120)) * time.Millisecond)
		var clients sync.WaitGroup
		for n, k := range keepers {
			own, before := rand.New(rand.NewPCG(seed, uint64(100*life+n))), k
			clients.Go(func() {
				sdk := e.lambda()
				for before.change(t, sdk, own) {
				}
			})
		}
		<-moment
		e.kill()
		clients.Wait()
		for _, k := range keepers {
			if k.unknown {
				changes++
			}
		}
	}
	t.Logf("%d changes were not answered", changes)
}

// change makes a change, and says whether it was answered.
func (k *keeper) change(t *testing.T, sdk *lambda.Client, dice *rand.Rand) bool {
	ctx := context.Background()
	k.intended = 1 + dice.Int32N(10)
	var err error
	switch {
	case k.batch == 0:
		var made *lambda.CreateEventSourceMappingOutput
		made, err = sdk.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{
			FunctionName: &k.function, EventSourceArn: &k.arn, BatchSize: &k.intended,
		})
		if err == nil {
			k.uuid = *made.UUID
		}
	case dice.IntN(3) == 0:
		k.intended = 0
		_, err = sdk.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: &k.uuid})
	default:
		_, err = sdk.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: &k.uuid, BatchSize: &k.intended})
	}
	var exception smithy.APIError
	switch {
	case err == nil:
		k.batch, k.unknown = k.intended, false
	case errors.As(err, &exception) && (exception.ErrorCode() == "ResourceInUseException" || exception.ErrorCode() == "ResourceConflictException"):
		k.unknown = false // refused; what is deleted is not gone yet
	case errors.As(err, &exception) && exception.ErrorCode() != "ServiceException":
		t.Errorf("%s: %v", k.function, err)
		return false
	default:
		k.unknown = true
		return false
	}
	return true
}

// look compares what there is with what there may be, and goes on from there.
func (k *keeper) look(t *testing.T, sdk *lambda.Client, life int) {
	t.Helper()
	listed, err := sdk.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &k.function})
	if err != nil {
		t.Fatal(err)
	}
	got := int32(0)
	if len(listed.EventSourceMappings) > 1 {
		t.Fatalf("%s has %d mappings", k.function, len(listed.EventSourceMappings))
	}
	for _, m := range listed.EventSourceMappings {
		if *m.State == "Deleting" {
			t.Errorf("%s is Deleting after a start", k.function)
		}
		if k.batch != 0 && *m.UUID != k.uuid {
			t.Errorf("life %d: %s has another UUID", life, k.function)
		}
		got, k.uuid = *m.BatchSize, *m.UUID
	}
	if got != k.batch && !(k.unknown && got == k.intended) {
		t.Errorf("life %d: %s has batches of %d, want %d (or %d: %v)", life, k.function, got, k.batch, k.intended, k.unknown)
	}
	k.batch, k.unknown = got, false
}

// originsOf tells, for each function, its mapping's batch size, origin and whether HTTP has changed it.
func (e *engine) originsOf() map[string]string {
	e.Helper()
	var all struct {
		EventSourceMappings []struct {
			FunctionName, Origin string
			BatchSize            int
			Changed              bool
		}
	}
	text := get(e.T, "http://"+e.listen+"/esm/v1/mappings")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		e.Fatalf("%s: %v", text, err)
	}
	origins := map[string]string{}
	for _, m := range all.EventSourceMappings {
		origins[m.FunctionName] = fmt.Sprintf("%d %s %v", m.BatchSize, m.Origin, m.Changed)
	}
	return origins
}

func (e *engine) wantOrigins(want map[string]string) {
	e.Helper()
	if got := e.originsOf(); fmt.Sprint(got) != fmt.Sprint(want) {
		e.Errorf("the mappings are %v, want %v", got, want)
	}
}

func (e *engine) wantSays(says ...string) {
	e.Helper()
	for _, text := range says {
		if !strings.Contains(e.stderr.String(), text) {
			e.Errorf("esm says nothing of %q", text)
		}
	}
}

// TestTheFileAndHTTP has both change mappings over the lives of several engines.
func TestTheFileAndHTTP(t *testing.T) {
	t.Parallel()
	c := newCorner(t, kinesisServices[0])
	s := c.stream("origins", 1)
	functions := "Functions:\n"
	for _, name := range []string{"changed", "deleted", "removed", "made"} {
		functions += "  " + name + ": " + c.fn.yaml() + "\n"
	}
	file := func(size int, names ...string) (text string) {
		for _, name := range names {
			text += strings.Replace(mapping(s.arn, fmt.Sprint("BatchSize: ", size), "StartingPosition: TRIM_HORIZON"), ": f\n", ": "+name+"\n", 1)
		}
		return functions + "EventSourceMappings:\n" + text
	}
	uuidOf := func(sdk *lambda.Client, name string) *string {
		listed, err := sdk.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &name})
		if err != nil || len(listed.EventSourceMappings) != 1 {
			t.Fatalf("%s has not one mapping: %v", name, err)
		}
		return listed.EventSourceMappings[0].UUID
	}
	s.put("1")
	e := c.run(file(10, "changed", "deleted", "removed"))
	sdk := e.lambda()
	eventually(t, "all have handled the record", func() bool { return len(c.fn.texts()) == 3 })
	changed, deleted := uuidOf(sdk, "changed"), uuidOf(sdk, "deleted")
	update(t, sdk, lambda.UpdateEventSourceMappingInput{UUID: changed, BatchSize: aws.Int32(20)}, "Enabled")
	if _, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: deleted}); err != nil {
		t.Fatal(err)
	}
	_, err := sdk.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("made"), EventSourceArn: &s.arn, BatchSize: aws.Int32(30), StartingPosition: types.EventSourcePositionTrimHorizon,
		Tags: map[string]string{"kept": "yes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	made := uuidOf(sdk, "made")
	eventually(t, "the new one has handled it too", func() bool { return len(c.fn.texts()) == 4 })
	e.kill()

	e = c.run(file(10, "changed", "deleted", "removed"))
	e.wantOrigins(map[string]string{"changed": "20 File true", "removed": "10 File false", "made": "30 HTTP false"})
	e.wantSays("was changed over HTTP: that holds until", "was deleted over HTTP: that holds until")
	tags, err := e.lambda().ListTags(t.Context(), &lambda.ListTagsInput{
		Resource: aws.String("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:" + *made),
	})
	if err != nil || tags.Tags["kept"] != "yes" || *uuidOf(e.lambda(), "made") != *made {
		t.Errorf("what was made over HTTP has the tags %v (%v)", tags, err)
	}
	s.put("2")
	eventually(t, "three go on", func() bool { return count(c.fn.texts(), "2") == 3 })
	settle := slices.Clone(c.fn.texts())
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	e = c.run(file(11, "changed", "deleted")) // their texts are others now
	e.wantOrigins(map[string]string{"changed": "11 File false", "deleted": "11 File false", "made": "30 HTTP false"})
	e.wantSays("has changed in the file: what HTTP had changed is discarded", "it is back, and reads from its StartingPosition", "is removed; its positions are kept")
	eventually(t, "what begins anew does", func() bool { return len(c.fn.texts()) >= len(settle)+2 })
	if code := e.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	settle = slices.Clone(c.fn.texts())

	e = c.run(file(11, "changed", "deleted", "removed")) // one is back
	s.put("3")
	eventually(t, "all four go on", func() bool { return count(c.fn.texts(), "3") == 4 })
	e.kill()
	if got := c.fn.texts()[len(settle):]; count(got, "1")+count(got, "2") > 0 {
		t.Errorf("the mapping that is in the file again does not go on where it stood: %q", got)
	}
}

func count(texts []string, text string) (n int) {
	for _, one := range texts {
		if one == text {
			n++
		}
	}
	return n
}

// TestChangesAtOnce has two clients make the same mapping, and then change and delete it, at the same time.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, standIn)
	_, arn := h.queue("race", map[string]string{})
	e := h.run(h.scaled())
	sdk := e.lambda()
	both := func(first, second func() error) (a, b string) {
		var wg sync.WaitGroup
		wg.Go(func() { a = nameOf(first()) })
		wg.Go(func() { b = nameOf(second()) })
		wg.Wait()
		return a, b
	}
	for range 20 {
		var uuids [2]string
		creating := func(n int) func() error {
			return func() error {
				made, err := sdk.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("f"), EventSourceArn: &arn})
				if err == nil {
					uuids[n] = *made.UUID
				}
				return err
			}
		}
		a, b := both(creating(0), creating(1))
		if got := a + b; got != "ResourceConflictException" {
			t.Fatalf("of two creates one says %q and the other %q", a, b)
		}
		uuid := uuids[0] + uuids[1]
		if state := stateOf(t, sdk, uuid); state != "Creating" && state != "Enabled" {
			t.Errorf("the one that won is %q", state)
		}
		settles(t, sdk, uuid, "Enabled")
		updating, deleting := both(func() error {
			_, err := sdk.UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: &uuid, BatchSize: aws.Int32(3)})
			return err
		}, func() error {
			_, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid})
			return err
		})
		switch updating + "/" + deleting {
		case "/", "/ResourceInUseException", "ResourceInUseException/", "ResourceNotFoundException/":
		default:
			t.Fatalf("the update says %q and the delete %q", updating, deleting)
		}
		if deleting != "" {
			settles(t, sdk, uuid, "Enabled")
			if _, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid}); err != nil {
				t.Fatal(err)
			}
		}
		settles(t, sdk, uuid, "")
	}
}
