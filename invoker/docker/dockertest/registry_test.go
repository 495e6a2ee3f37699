package dockertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// get returns the answer to a request.
func get(t *testing.T, url string) (status int, body []byte, header http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body, resp.Header
}

// A manifest leads to its configuration and layers.
func TestRegistry(t *testing.T) {
	r := NewRegistry(t)
	name := r.Push("orders:1", Image{Layers: [][]File{{{Path: "handler", Mode: 0o755, Content: []byte("one")}}, {{Path: "opt/more", Mode: 0o644, Content: []byte("two")}}}, Entrypoint: []string{"/handler"}})
	if name != r.Host+"/orders:1" {
		t.Errorf("the image is %s", name)
	}
	base := "http://" + r.Host + "/v2/"
	if status, _, _ := get(t, base); status != 200 {
		t.Errorf("/v2/ answers %d", status)
	}
	for _, path := range []string{"orders/manifests/2", "others/manifests/1", "orders/blobs/sha256:0"} {
		if status, _, _ := get(t, base+path); status != 404 {
			t.Errorf("%s answers %d", path, status)
		}
	}
	status, text, header := get(t, base+"orders/manifests/1")
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct {
			Digest string
			Size   int
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil || status != 200 || header.Get("Content-Type") != manifestType || len(manifest.Layers) != 2 {
		t.Fatalf("the manifest is %d %s: %v", status, text, err)
	}
	if _, same, _ := get(t, base+"orders/manifests/"+header.Get("Docker-Content-Digest")); string(same) != string(text) {
		t.Errorf("by its digest, the manifest is %s", same)
	}
	for _, layer := range manifest.Layers {
		if status, content, _ := get(t, base+"orders/blobs/"+layer.Digest); status != 200 || digest(content) != layer.Digest || len(content) != layer.Size {
			t.Errorf("the layer %s is %d bytes with status %d", layer.Digest, len(content), status)
		}
	}
	if _, config, _ := get(t, base+"orders/blobs/"+manifest.Config.Digest); !strings.Contains(string(config), `"Entrypoint":["/handler"]`) {
		t.Errorf("the configuration is %s", config)
	}
	if got := r.Pulled(); got != 2 {
		t.Errorf("%d layers were pulled, want 2", got)
	}
}
