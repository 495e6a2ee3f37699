package checkpoint_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// childVariable gives the child process of TestKilled the path of its store.
const childVariable = "ESM_TEST_CHECKPOINT_CHILD"

const childShards = 8

func TestMain(m *testing.M) {
	for variable, child := range map[string]func(path string) error{
		childVariable:       saveUntilKilled,
		eventsChildVariable: queueUntilKilled,
	} {
		if path := os.Getenv(variable); path != "" {
			fmt.Fprintln(os.Stderr, child(path))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// saveUntilKilled counts up the position of every shard, each in a goroutine of its own. It keeps a notice of each count,
// writes it into two documents together, and then prints it.
func saveUntilKilled(path string) error {
	db, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	all, err := db.All(ctx, "m")
	if err != nil {
		return err
	}
	var shards sync.WaitGroup
	for i := range childShards {
		shards.Go(func() {
			shard := fmt.Sprint(i)
			for cp := all[shard]; ; {
				count, _ := strconv.Atoi(cp.Position)
				cp.Position = fmt.Sprint(count + 1)
				next, err := db.Save(ctx, esm.Key{Mapping: "m", Shard: shard}, cp)
				if err != nil {
					return
				}
				cp = next
				if err := db.Keep(ctx, esm.Notice{ID: shard + "/" + cp.Position}, "arn", "reason"); err != nil {
					return
				}
				document := []byte(cp.Position)
				if err := db.Write(ctx, "k", map[string][]byte{shard: document, "twin of " + shard: document}); err != nil {
					return
				}
				fmt.Println(shard, cp.Position)
			}
		})
	}
	shards.Wait()
	return fmt.Errorf("a save failed")
}

// TestKilled kills a saving process repeatedly, and checks that everything it reported as saved is there.
func TestKilled(t *testing.T) {
	const kills = 20
	path := path(t)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	counts := map[string]int{} // of each shard after the last kill
	notices := map[string]bool{}
	for kill := range kills {
		for _, line := range runAndKill(t, childVariable, path, 1+dice.IntN(200)) {
			var save report
			if _, err := fmt.Sscan(line, &save.shard, &save.count); err != nil {
				t.Errorf("the child said %q", line)
			}
			counts[save.shard] = save.count
			notices[fmt.Sprintf("%s/%d", save.shard, save.count)] = true
		}
		checkReported(t, path, counts, notices)
		check(t, path)
		if t.Failed() {
			t.Fatalf("seed %d, kill %d", seed, kill)
		}
	}
	if len(counts) != childShards {
		t.Errorf("seed %d: %d shards of %d were saved", seed, len(counts), childShards)
	}
}

// report is one save that the child has reported.
type report struct {
	shard string
	count int
}

// runAndKill starts the child of a variable, kills it after a number of lines, and returns all that it has printed.
func runAndKill(t *testing.T, variable, path string, lines int) (printed []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), variable+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); scan.Scan(); {
		if printed = append(printed, scan.Text()); len(printed) == lines {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Errorf("the child ended by itself: %v", err)
	}
	return printed
}

// checkReported expects each shard at its last known count, or at most one save further, and every notice. It updates
// counts.
func checkReported(t *testing.T, path string, counts map[string]int, notices map[string]bool) {
	t.Helper()
	db, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.All(t.Context(), "m")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := db.Documents(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for shard, count := range counts {
		if got, _ := strconv.Atoi(all[shard].Position); got != count && got != count+1 {
			t.Errorf("shard %s is at %d, it reported %d", shard, got, count)
		}
		if got, _ := strconv.Atoi(string(documents[shard])); got != count && got != count+1 && got != count-1 {
			t.Errorf("the document of %s is at %d, it reported %d", shard, got, count)
		}
	}
	for shard, cp := range all {
		counts[shard], _ = strconv.Atoi(cp.Position)
	}
	for shard := range counts {
		if one, twin := string(documents[shard]), string(documents["twin of "+shard]); one != twin {
			t.Errorf("the documents of %s are %q and %q", shard, one, twin)
		}
	}
	kept := map[string]bool{}
	for u, err := range db.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kept[u.Notice.ID] = true
	}
	for id := range notices {
		if !kept[id] {
			t.Errorf("the notice %s is missing", id)
		}
	}
}
