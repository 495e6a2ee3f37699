package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/trace"
)

// registry is one with a single image, which daemons may use without TLS since it is on this machine.
func registry(t *testing.T) (image string) {
	t.Helper()
	var layer, packed bytes.Buffer
	w := tar.NewWriter(&layer)
	must(t, w.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Typeflag: tar.TypeReg}))
	must(t, w.Close())
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(layer.Bytes()) // to memory
	must(t, z.Close())
	digest := func(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
	const docker = "application/vnd.docker."
	config := fmt.Appendf(nil, `{"architecture":%q,"os":"linux","config":{"Cmd":["/program"]},"rootfs":{"type":"layers","diff_ids":[%q]}}`,
		runtime.GOARCH, digest(layer.Bytes()))
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":"%[1]sdistribution.manifest.v2+json",`+
		`"config":{"mediaType":"%[1]scontainer.image.v1+json","size":%[2]d,"digest":%[3]q},`+
		`"layers":[{"mediaType":"%[1]simage.rootfs.diff.tar.gzip","size":%[4]d,"digest":%[5]q}]}`,
		docker, len(config), digest(config), packed.Len(), digest(packed.Bytes()))
	blobs := map[string][]byte{digest(config): config, digest(packed.Bytes()): packed.Bytes(), digest(manifest): manifest, "latest": manifest}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		data, ok := blobs[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", docker+"distribution.manifest.v2+json")
			w.Header().Set("Docker-Content-Digest", digest(data))
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/esm-test/pulled:latest"
}

// An image that the daemon does not have is pulled once, which is shown, and then stays the same even if its name moves on.
func TestPull(t *testing.T) {
	var mu sync.Mutex
	var pulls []trace.Pulling
	p := newPlatform(t, func(e trace.Event) {
		if pull, ok := e.(trace.Pulling); ok {
			mu.Lock()
			defer mu.Unlock()
			pulls = append(pulls, pull)
		}
	})
	ref := registry(t)
	c := dockertest.Client(t)
	t.Cleanup(func() { _, _ = c.ImageRemove(context.Background(), ref, client.ImageRemoveOptions{Force: true}) })
	fn := function(ref)
	var preparing sync.WaitGroup
	for range 3 {
		preparing.Go(func() {
			if err := p.Prepare(t.Context(), fn); err != nil {
				t.Error(err)
			}
		})
	}
	preparing.Wait()
	ended := 0
	for _, pull := range pulls {
		if pull.Done || pull.Err != nil {
			ended++
		}
		if pull.Image != ref || pull.Function != "f" {
			t.Errorf("got %+v", pull)
		}
	}
	if ended != 1 {
		t.Errorf("%d pulls ended, want 1: %+v", ended, pulls)
	}
	before := p.known(ref).id
	_, err := c.ImageTag(t.Context(), client.ImageTagOptions{Source: handlerImage(t), Target: ref})
	must(t, err)
	must(t, p.Prepare(t.Context(), fn))
	if after := p.known(ref).id; after != before || before == "" {
		t.Errorf("the image was %s and is %s", before, after)
	}
}
