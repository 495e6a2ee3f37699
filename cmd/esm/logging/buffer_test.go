package logging

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestBacklogPassesOnInOrder(t *testing.T) {
	var out bytes.Buffer
	b := NewBuffer(&out)
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintln(b, i)
		fmt.Fprintln(&want, i)
	}
	b.Close(time.Minute)
	if out.String() != want.String() {
		t.Errorf("%d bytes came out, want %d in order", out.Len(), want.Len())
	}
}

func TestBacklogOfAReaderThatStops(t *testing.T) {
	r, w := io.Pipe()
	b := NewBuffer(w)
	line := []byte(strings.Repeat("x", 1<<20-1) + "\n")
	for range 50 {
		if _, err := b.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	b.Close(time.Millisecond) // does not wait for ever
	read := bufioOf(r, len(line))
	<-read
	if _, err := b.Write([]byte("after\n")); err != nil {
		t.Fatal(err)
	}
	r.Close()
	<-b.done
}

// bufioOf reads n bytes and closes what it returns.
func bufioOf(r io.Reader, n int) <-chan bool {
	done := make(chan bool)
	go func() {
		defer close(done)
		_, _ = io.CopyN(io.Discard, r, int64(n))
	}()
	return done
}

func TestBacklogTellsWhatWasLost(t *testing.T) {
	gate := make(chan bool)
	var out bytes.Buffer
	b := NewBuffer(gated{&out, gate})
	half := []byte(strings.Repeat("x", bufferSize/2-1) + "\n")
	fmt.Fprintln(b, "first")
	gate <- true  // now it is written, and nothing waits
	for range 5 { // of which two may be taken to be written, and two wait
		_, _ = b.Write(half)
	}
	close(gate)
	for b.waits() {
		<-time.After(time.Millisecond)
	}
	fmt.Fprintln(b, "last")
	b.Close(time.Minute)
	if got := out.String(); !strings.Contains(got, "lines were lost here") || !strings.HasSuffix(got, "last\n") {
		t.Errorf("the end is %q", got[max(0, len(got)-100):])
	}
}

func (b *Buffer) waits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) > 0
}

// gated writes once its gate lets it.
type gated struct {
	w    io.Writer
	gate chan bool
}

func (g gated) Write(p []byte) (int, error) {
	<-g.gate
	return g.w.Write(p)
}
