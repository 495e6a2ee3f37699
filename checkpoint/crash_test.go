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

// What the child of TestKilled is told by: the path of its store.
const childVariable = "ESM_TEST_CHECKPOINT_CHILD"

const childShards = 8

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := saveForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForEver counts every shard up, each in a goroutine of its own, and tells each count that was saved. It also keeps
// a notice of each, and writes it into two documents at once.
func saveForEver(path string) error {
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

// TestKilled kills a process that saves, again and again, and looks whether everything is there that it said it had saved.
func TestKilled(t *testing.T) {
	const kills = 20
	path := path(t)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	stands := map[string]int{} // where each shard was found after the last kill
	notices := map[string]bool{}
	for kill := range kills {
		for _, save := range runAndKill(t, path, 1+dice.IntN(200)) {
			stands[save.shard] = save.count
			notices[fmt.Sprintf("%s/%d", save.shard, save.count)] = true
		}
		checkTold(t, path, stands, notices)
		check(t, path)
		if t.Failed() {
			t.Fatalf("seed %d, kill %d", seed, kill)
		}
	}
	if len(stands) != childShards {
		t.Errorf("seed %d: %d shards of %d were saved", seed, len(stands), childShards)
	}
}

// told is one save that the child told of.
type told struct {
	shard string
	count int
}

// runAndKill kills the child after so many lines, and returns all that it has told until then.
func runAndKill(t *testing.T, path string, lines int) (saves []told) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); scan.Scan(); {
		var save told
		if _, err := fmt.Sscan(scan.Text(), &save.shard, &save.count); err != nil {
			t.Errorf("the child said %q", scan.Text())
		}
		if saves = append(saves, save); len(saves) == lines {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Errorf("the child ended by itself: %v", err)
	}
	return saves
}

// checkTold expects each shard where it stood when it was last told of or found, or at most one save further, and every
// notice. It notes where it finds the shards.
func checkTold(t *testing.T, path string, stands map[string]int, notices map[string]bool) {
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
	for shard, count := range stands {
		if got, _ := strconv.Atoi(all[shard].Position); got != count && got != count+1 {
			t.Errorf("shard %s is at %d, it told of %d", shard, got, count)
		}
		if got, _ := strconv.Atoi(string(documents[shard])); got != count && got != count+1 && got != count-1 {
			t.Errorf("the document of %s is at %d, it told of %d", shard, got, count)
		}
	}
	for shard, cp := range all {
		stands[shard], _ = strconv.Atoi(cp.Position)
	}
	for shard := range stands {
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
