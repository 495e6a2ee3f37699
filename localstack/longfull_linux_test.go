package localstack_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk makes a file system of a megabyte or so in place of the DataDir.
func (c *corner) smallDisk() (dir string) {
	c.Helper()
	dir = filepath.Join(c.dir, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		c.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		c.Skipf("no small file system to be had, that takes root: %v", err)
	}
	c.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			c.Error(err)
		}
	})
	return dir
}

// fill leaves no room in dir, and returns what fills it.
func (c *corner) fill(dir string) string {
	c.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		c.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			c.Fatal(err)
		}
	}
	return f.Name()
}

// While the disk is full nothing is settled that is not durable, and all goes on by itself when there is room.
func TestTheDiskIsFull(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		dir := c.smallDisk()
		const shards = 60
		s := c.stream("full", shards)
		s.put("first")
		story := newFunction(t)
		f := follower{name: "f", fn: story, arn: s.arn}
		file := strings.Replace(fileOf(f), "{Timeout", "{ReservedConcurrentExecutions: 1, Timeout", 1)
		e := c.run(file)
		eventually(t, "the function is warm", func() bool { return len(story.texts()) == 1 })
		ballast := c.fill(dir)
		texts := numbers(3 * shards)
		for i, text := range texts {
			s.putInto(i%shards, "k", text)
		}
		eventually(t, "esm says that there is no room", func() bool {
			return strings.Contains(e.stderr.String(), "no space left on device")
		})
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		var last []string
		for i := range shards {
			last = append(last, "last-"+texts[i])
			s.putInto(i, "k", last[i])
		}
		eventually(t, "all goes on", func() bool { return containsAll(story.texts(), last) && containsAll(story.texts(), texts) })
		if got, want := len(story.texts()), 1+len(texts)+len(last); got != want {
			t.Errorf("%d records were given, want %d: none twice", got, want)
		}
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}

		again := newFunction(t)
		f.fn = again
		s.put("again")
		e = c.run(fileOf(f))
		eventually(t, "what is new is handled", func() bool { return slices.Contains(again.texts(), "again") })
		if code := e.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if got := again.texts(); !slices.Equal(got, []string{"again"}) {
			t.Errorf("what was settled comes again: %q", got)
		}
	})
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(text string) bool { return !slices.Contains(all, text) })
}

func TestTheDiskIsFullAtTheStart(t *testing.T) {
	overStreams(t, kinesisServices[:1], func(t *testing.T, c *corner) {
		dir := c.smallDisk()
		s := c.stream("full", 1)
		s.put("1")
		ballast := c.fill(dir)
		f := c.follow("f", s.arn, succeed)
		e := c.start(fileOf(f))
		code := e.wait(time.Minute)
		says := e.stderr.String()
		if code != 1 || !strings.Contains(says, dir) || !strings.Contains(says, "no space left on device") {
			t.Errorf("exit code %d, and esm says %q", code, says)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		c.run(fileOf(f))
		eventually(t, "the record is handled", func() bool { return len(f.fn.texts()) == 1 })
	})
}
