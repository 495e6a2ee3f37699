package mappings

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
)

// What the child of TestKilled is told by: the path of its store.
const childVariable = "ESM_TEST_MAPPINGS_CHILD"

// Each of the child's people makes a mapping, gives it the sizes 2 to lastSize, deletes it, and begins anew.
const (
	people   = 4
	lastSize = 5
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		fmt.Fprintln(os.Stderr, changeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// idle is a runner of which nothing is in hand, ever.
type idle struct{}

func (idle) Run(config.Mapping) (<-chan struct{}, error) { return nothing(), nil }
func (idle) Stop(string) <-chan struct{}                 { return nothing() }

func nothing() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func openFile(path string) (*checkpoint.DB, *Register, error) {
	db, err := checkpoint.Open(path)
	if err != nil {
		return nil, nil, err
	}
	r, _, err := Open(context.Background(), Config{
		Store: db, Runner: idle{}, Now: time.Now,
		Check:       func(context.Context, config.Mapping, *config.Mapping) error { return nil },
		Forget:      func(context.Context, string) error { return nil },
		FunctionArn: func(m config.Mapping) string { return m.FunctionName },
		Trouble:     func(config.Mapping, error) {},
	})
	return db, r, err
}

// changeForEver has everybody at work, who tell what was answered: their function and the size of its mapping, 0 for none.
func changeForEver(path string) error {
	_, r, err := openFile(path)
	if err != nil {
		return err
	}
	found := sizes(r)
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			function := fmt.Sprint("f", i)
			for now := found[function]; ; {
				next, err := step(r, function, now)
				if errors.As(err, new(*ExistsError)) {
					continue // what was deleted is on its way out
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return
				}
				now = next
				fmt.Println(function, now)
			}
		})
	}
	all.Wait()
	return errors.New("a change failed")
}

func sizes(r *Register) map[string]int {
	all := map[string]int{}
	for _, m := range r.List() {
		all[m.FunctionName] = *m.BatchSize
	}
	return all
}

// step takes the mapping of a function one change further.
func step(r *Register, function string, now int) (next int, err error) {
	ctx, next := context.Background(), (now+1)%(lastSize+1)
	if now == 0 {
		m := ofQueue(function)
		m.BatchSize = &next
		_, err = r.Create(ctx, m)
		return next, err
	}
	for _, m := range r.List() {
		switch {
		case m.FunctionName != function || m.State == Deleting:
		case next == 0:
			_, err = r.Delete(ctx, m.UUID)
		default:
			_, err = r.Update(ctx, m.UUID, by(size(next)))
		}
	}
	return next, err
}

// TestKilled kills a process that changes mappings, again and again: each is as it was last told to be, or one change
// further.
func TestKilled(t *testing.T) {
	const kills = 10
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	stands := map[string]int{}
	for kill := range kills {
		runAndKill(t, path, 1+dice.IntN(150), stands)
		db, r, err := openFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := sizes(r)
		for function, told := range stands {
			if got := found[function]; got != told && got != (told+1)%(lastSize+1) {
				t.Errorf("%s is of size %d, it was told of %d", function, got, told)
			}
		}
		if documents, err := db.Documents(t.Context(), kind); err != nil || len(documents) != len(found) {
			t.Errorf("%d rows of %d mappings (%v)", len(documents), len(found), err)
		}
		r.Close()
		db.Close()
		for i := range people {
			stands[fmt.Sprint("f", i)] = found[fmt.Sprint("f", i)]
		}
		if t.Failed() {
			t.Fatalf("seed %d, kill %d", seed, kill)
		}
	}
}

// runAndKill kills the child after so many lines, and notes all that it has told until then.
func runAndKill(t *testing.T, path string, lines int, stands map[string]int) {
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
	heard := 0
	for scan := bufio.NewScanner(out); scan.Scan(); heard++ {
		var function string
		var size int
		if _, err := fmt.Sscan(scan.Text(), &function, &size); err != nil {
			t.Errorf("the child said %q", scan.Text())
		}
		stands[function] = size
		if heard == lines {
			child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Errorf("the child ended by itself: %v", err)
	}
}
