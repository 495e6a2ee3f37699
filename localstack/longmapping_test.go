package localstack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func TestTwoMappingsOfOneStreamHavePositionsOfTheirOwn(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("two", 2)
		s.put(numbers(20)...)
		good := c.follow("good", s.arn, succeed, "BatchSize: 5")
		bad := c.follow("bad", s.arn, throw, "BatchSize: 5")
		e := c.run(fileOf(good, bad))
		eventually(t, "one has handled all, the other tried", func() bool {
			return len(good.fn.texts()) == 20 && len(bad.fn.seen()) > 2
		})
		s.put("21")
		eventually(t, "one goes on", func() bool { return len(good.fn.texts()) == 21 })
		s.put("22")
		eventually(t, "one goes on, and 21 is settled", func() bool { return len(good.fn.texts()) == 22 })
		e.kill()
		if texts := bad.fn.texts(); slices.Contains(texts, "6") {
			t.Errorf("the function that always fails was given %q", texts)
		}

		then := c.follow("good", s.arn, succeed, "BatchSize: 5")
		healed := c.follow("bad", s.arn, succeed, "BatchSize: 5")
		e = c.run(fileOf(then, healed))
		s.put("23")
		eventually(t, "both have handled all", func() bool {
			return slices.Contains(then.fn.texts(), "23") && slices.Contains(healed.fn.texts(), "23")
		})
		if got := slices.Compact(healed.fn.texts()); !slices.Equal(got, numbers(23)) {
			t.Errorf("the function that has healed was given %q", got)
		}
		if got := then.fn.texts(); !slices.Equal(got, []string{"23"}) && !slices.Equal(got, []string{"22", "23"}) {
			t.Errorf("the good function was given %q", got)
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

// runTo runs an engine until its function was given the last of these texts, and checks that it was given no others.
func (s *stream) runTo(meanwhile func(*engine), keys []string, want ...string) {
	s.Helper()
	f := s.follow("f", s.arn, succeed, keys...)
	e := s.run(fileOf(f))
	meanwhile(e)
	eventually(s.T, fmt.Sprintf("the function was given %q", want), func() bool { return len(f.fn.texts()) >= len(want) })
	if code := e.stop(); code != 0 {
		s.Errorf("exit code %d", code)
	}
	if got := f.fn.texts(); !slices.Equal(got, want) {
		s.Errorf("the function was given %q, want %q", got, want)
	}
}

func nothing(*engine) {}

func TestADisabledMappingResumes(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("disabled", 1)
		s.put("1", "2")
		s.runTo(nothing, nil, "1", "2")
		s.runTo(func(*engine) { s.put("3", "4") }, []string{"Enabled: false"})
		s.runTo(func(*engine) { s.put("5") }, []string{"BatchSize: 2"}, "3", "4", "5")
	})
}

// Where LATEST is, is decided when the mapping is enabled first, and never again.
func TestLatestOfAMappingThatWasMadeDisabled(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		s := c.stream("latest", 1)
		latest := "StartingPosition: LATEST"
		s.put("before")
		s.runTo(func(*engine) { s.put("while it is disabled") }, []string{latest, "Enabled: false"})
		tick := time.NewTimer(1100 * time.Millisecond) // kinesis-mock knows times by the second
		<-tick.C
		s.runTo(nothing, []string{latest})
		s.put("while it is down")
		s.runTo(func(*engine) { s.put("while it is disabled again") }, []string{latest, "Enabled: false"})
		s.runTo(func(*engine) { s.put("at last") }, []string{latest}, "while it is down", "while it is disabled again", "at last")
	})
}

// again deletes the stream and, once it is missed, makes one of the same name.
func (s *stream) again(missed func() bool) {
	s.Helper()
	if _, err := s.kinesis.DeleteStream(s.Context(), &kinesis.DeleteStreamInput{StreamName: &s.name}); err != nil {
		s.Fatal(err)
	}
	eventually(s.T, "the stream is missed", missed)
	eventually(s.T, "the stream is gone, and made anew", func() bool {
		_, err := s.kinesis.CreateStream(s.Context(), &kinesis.CreateStreamInput{StreamName: &s.name, ShardCount: aws.Int32(int32(s.shards))})
		return err == nil
	})
	s.active()
}

func TestAStreamThatIsMadeAnewIsReadFromItsBeginning(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprint("while the engine runs ", running), func(t *testing.T) {
			overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
				s := c.stream("anew", 1)
				s.put("1", "2", "3")
				f := c.follow("f", s.arn, succeed)
				e := c.run(fileOf(f))
				eventually(t, "the old stream is handled", func() bool { return len(f.fn.texts()) == 3 })
				missed := func() bool { // the iterators of emulators outlive a stream, and read the next one of its name
					return !running || c.where.name == "embedded" || strings.Contains(e.stderr.String(), "there is no such stream")
				}
				if !running {
					if code := e.stop(); code != 0 {
						t.Errorf("exit code %d", code)
					}
				}
				s.again(missed)
				s.put("4", "5")
				if !running {
					e = c.run(fileOf(f))
				}
				eventually(t, "the new stream is handled", func() bool { return slices.Contains(f.fn.texts(), "5") })
				if got := f.fn.texts(); !slices.Equal(got, numbers(5)) {
					t.Errorf("the function was given %q", got)
				}
				if says := e.stderr.String(); !strings.Contains(says, "was recreated") {
					t.Errorf("esm does not say that the stream was recreated")
				}
			})
		})
	}
}

// At least 490 of the shards are closed: they are read in order, and what is open then.
func TestManyClosedShards(t *testing.T) {
	overStreams(t, kinesisServices, func(t *testing.T, c *corner) {
		rounds, shards := 6, 10
		if c.where.name != "embedded" {
			rounds, shards = 4, 4 // what lies in memory there is slow to write
		}
		s := c.stream("closed", shards)
		story := newChronicle()
		var put []string
		generation := 0
		write := func() {
			var entries []types.PutRecordsRequestEntry
			for key := range 20 {
				text := fmt.Sprintf("k%d/%d", key, generation)
				put = append(put, text)
				entries = append(entries, types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: aws.String(fmt.Sprint("k", key))})
			}
			if err := s.send(entries); err != nil {
				t.Fatal(err)
			}
			generation++
		}
		scale := func(n int) {
			write()
			if err := s.scale(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			if err := s.settled(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range rounds {
			scale(2 * shards)
			scale(shards)
		}
		scale(2 * shards)
		write()
		all, err := s.all(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if open, err := s.open(t.Context()); err != nil || c.where.name == "embedded" && len(all)-len(open) < 490 {
			t.Fatalf("%d of %d shards are open (%v)", len(open), len(all), err)
		}
		_, answer := story.begin()
		began := time.Now()
		e := c.run(fileOf(c.follow("f", s.arn, answer)))
		ready := time.Since(began)
		eventually(t, "every record is handled", func() bool { return story.handled() == len(put) })
		t.Logf("%d shards: ready after %v, and all is handled after %v", len(all), ready, time.Since(began))
		e.kill()
		story.check(t, put)

		_, answer = story.begin() // where it stands is known
		e = c.run(fileOf(c.follow("f", s.arn, answer)))
		write()
		eventually(t, "what came later is handled", func() bool { return story.handled() == len(put) })
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		story.check(t, put)
	})
}

// A checkpoint file that is damaged, or none, is named and left alone.
func TestACheckpointFileThatIsNone(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		s := c.stream("damaged", 1)
		s.put("1")
		s.runTo(nothing, nil, "1")
		path := filepath.Join(c.dir, "data", "checkpoints.db")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := slices.Clone(whole)
		for i := range damaged {
			if i > 8192 && i%64 == 0 {
				damaged[i] ^= 0xff
			}
		}
		for says, content := range map[string][]byte{
			"the checkpoint file is damaged, and left alone": damaged,
			"not a checkpoint file of esm, and left alone":   []byte("positions: none\n"),
		} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			e := c.start(fileOf(c.follow("f", s.arn, succeed)))
			if code := e.wait(time.Minute); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if got := e.stderr.String(); !strings.Contains(got, path) || !strings.Contains(got, says) {
				t.Errorf("esm says %q, want it to name %s and say %q", got, path, says)
			}
			if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, content) {
				t.Errorf("the file is not as it was (%v)", err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		s.put("2")
		s.runTo(nothing, nil, "2")
	})
}
