package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// A flush waits for output that is likely, and not for a handler that writes nothing.
func TestPace(t *testing.T) {
	p := pace{longestFirst, longestNext}
	for range 6 {
		p.adapt(-1, 0)
	}
	if p.first >= leastWait {
		t.Errorf("a silent handler is waited for %v", p.first)
	}
	p.adapt(0, 0)
	if p.first != leastFirst {
		t.Errorf("after output that was late: %v", p.first)
	}
	p.adapt(5*time.Millisecond, 500*time.Microsecond)
	if p.first != 20*time.Millisecond {
		t.Errorf("after a delay of 5 ms: %v", p.first)
	}
	for range 100 {
		p.adapt(300*time.Microsecond, 100*time.Microsecond)
	}
	if p.first != leastFirst || p.next != leastWait {
		t.Errorf("for a handler that always writes at once: %+v", p)
	}
	p.adapt(time.Second, time.Second)
	if p.first != longestFirst || p.next != longestNext {
		t.Errorf("after a delay of a second: %+v", p)
	}
}

// Extensions are the executable files directly in the directory.
func TestListExtensions(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []tar.Header{
		{Name: "extensions/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "extensions/b", Typeflag: tar.TypeReg, Mode: 0o755},
		{Name: "extensions/a", Typeflag: tar.TypeReg, Mode: 0o711},
		{Name: "extensions/text", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "extensions/link", Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: "a"},
		{Name: "extensions/dir/c", Typeflag: tar.TypeReg, Mode: 0o755},
	} {
		must(t, w.WriteHeader(&h))
	}
	must(t, w.Close())
	got, err := listExtensions(&archive)
	if !slices.Equal(got, []string{"a", "b"}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := listExtensions(strings.NewReader("no archive, but long enough for a header" + strings.Repeat("x", 512))); err == nil {
		t.Error("an archive that is none: no error")
	}
}

// Errors of the machine say what to do.
func TestExplain(t *testing.T) {
	c, err := client.New(client.WithHost("unix:///nowhere"))
	must(t, err)
	d := &daemon{Client: c}
	for want, err := range map[string]error{
		"does not answer in time": context.DeadlineExceeded,
		"raise its own (LimitNOFILE": errdefs.ErrInternal.WithMessage(
			"runc create failed: error setting rlimits for ready process: error setting rlimit type 7: operation not permitted"),
		"docker: start: other": errdefs.ErrInternal.WithMessage("other"),
	} {
		if got := d.explain("start", err); !strings.Contains(got.Error(), want) {
			t.Errorf("got %v, want %q", got, want)
		}
	}
	_, err = c.Info(t.Context(), client.InfoOptions{})
	if got := d.explain("ask", err); !strings.Contains(got.Error(), "is it being restarted?") {
		t.Errorf("got %v", got)
	}
}
