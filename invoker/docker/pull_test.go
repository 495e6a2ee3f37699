package docker

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/trace"
)

// An image that the daemon does not have is pulled once, with its progress.
func TestPull(t *testing.T) {
	t.Parallel()
	registry := dockertest.NewRegistry(t)
	registry.Gate = make(chan struct{})
	name := registry.Push("orders:1", dockertest.Image{
		Layers: [][]dockertest.File{{random(t, "handler", 1000)}, {random(t, "data", 4<<20)}}, Entrypoint: []string{"/handler"},
	})
	removeLater(t, name)
	events := make(chan trace.Pulling, 1000)
	p := newPlatform(t, func(e trace.Event) {
		if e, ok := e.(trace.Pulling); ok {
			events <- e
		}
	})
	prepared := make(chan error, 1)
	fn := config.Function{Name: "f", ImageUri: name}
	go func() { prepared <- p.Prepare(t.Context(), fn) }()
	waitProgress(t, registry, events)
	close(registry.Gate)
	if err := <-prepared; err != nil {
		t.Fatal(err)
	}
	last := drain(events)
	if !last.Done || last.Err != nil || last.Function != "f" || last.Image != name || last.Bytes != last.Total || last.Total < 4<<20 {
		t.Errorf("the last report is %+v", last)
	}
	if err := newPlatform(t, nil).Prepare(t.Context(), fn); err != nil {
		t.Error(err)
	}
	if got := registry.Pulled(); got != 2 {
		t.Errorf("%d layers were pulled, want 2", got)
	}
}

// removeLater removes a pulled image at the end.
func removeLater(t *testing.T, name string) {
	t.Helper()
	c := dockertest.Client(t)
	t.Cleanup(func() {
		if _, err := c.ImageRemove(context.Background(), name, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
}

// waitProgress lets layers go on until a report says that a part has arrived.
func waitProgress(t *testing.T, registry *dockertest.Registry, events <-chan trace.Pulling) {
	t.Helper()
	step := time.NewTicker(200 * time.Millisecond) // the daemon reports no more often, and p once a second
	defer step.Stop()
	for range step.C {
		select {
		case e := <-events:
			if e.Done || e.Err != nil {
				t.Fatalf("no progress before %+v", e)
			}
			if e.Bytes > 0 && e.Bytes < e.Total {
				return
			}
		default:
			select {
			case registry.Gate <- struct{}{}:
			default:
			}
		}
	}
}

func drain(events <-chan trace.Pulling) (last trace.Pulling) {
	for len(events) > 0 {
		last = <-events
	}
	return last
}

// random returns an executable file that no other image has.
func random(t *testing.T, path string, size int) dockertest.File {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return dockertest.File{Path: path, Mode: 0o755, Content: content}
}

// A pull that fails says why, and what to do.
func TestPullFails(t *testing.T) {
	t.Parallel()
	registry := dockertest.NewRegistry(t)
	other := registry.Push("other:1", dockertest.Image{
		Layers: [][]dockertest.File{{random(t, "handler", 100)}}, Entrypoint: []string{"/handler"}, Architecture: "s390x",
	})
	removeLater(t, other)
	for name, want := range map[string]string{
		registry.Host + "/orders:1": "manifest unknown",
		other:                       "the image is made for s390x",
		"127.0.0.1:1/orders:1":      "connection refused",
	} {
		var last trace.Pulling
		p := newPlatform(t, func(e trace.Event) {
			if e, ok := e.(trace.Pulling); ok {
				last = e
			}
		})
		err := p.Prepare(t.Context(), config.Function{Name: "f", ImageUri: name})
		if err == nil || !strings.Contains(err.Error(), want) || name != other && (last.Err == nil || last.Done) {
			t.Errorf("%s: got %v and %+v, want %q", name, err, last, want)
		}
	}
}

// Callers who need the same image at once share a pull. The image then stays what it was, even if its name moves on.
func TestImageIsResolvedOnce(t *testing.T) {
	t.Parallel()
	registry := dockertest.NewRegistry(t)
	name := registry.Push("moves:1", dockertest.Image{
		Layers: [][]dockertest.File{{random(t, "handler", 1000)}}, Entrypoint: []string{"/handler"},
	})
	removeLater(t, name)
	p, fn := newPlatform(t, nil), function(name)
	var preparing sync.WaitGroup
	for range 3 {
		preparing.Go(func() {
			if err := p.Prepare(t.Context(), fn); err != nil {
				t.Error(err)
			}
		})
	}
	preparing.Wait()
	if got := registry.Pulled(); got != 1 {
		t.Errorf("%d layers were pulled, want 1", got)
	}
	before := p.known(name).id
	_, err := dockertest.Client(t).ImageTag(t.Context(), client.ImageTagOptions{Source: handlerImage(t), Target: name})
	must(t, err)
	must(t, p.Prepare(t.Context(), fn))
	if after := p.known(name).id; after != before || before == "" {
		t.Errorf("the image was %s and is %s", before, after)
	}
}
