package dockertest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Registry is a registry of images on a loopback address, from which a Docker daemon on this machine pulls without TLS
// (OCI: "Distribution Specification", pull). It is closed when the test ends.
type Registry struct {
	Host string // the address: the first part of images' names

	// Gate, if it is set before the first pull, holds up layers: between any two of the sixteen parts of one, a value has to be
	// received, unless the channel is closed.
	Gate chan struct{}

	t         testing.TB
	mu        sync.Mutex
	manifests map[string]blob // by name and tag, and by name and digest
	blobs     map[string]blob // by digest
	pulled    atomic.Int64
}

// Image is an image of a Registry.
type Image struct {
	Layers       [][]File
	Entrypoint   []string
	Cmd          []string
	Architecture string // empty means that of this machine
}

type blob struct {
	mediaType string
	content   []byte
	layer     bool
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// NewRegistry starts a registry without images.
func NewRegistry(t testing.TB) *Registry {
	r := &Registry{t: t, manifests: map[string]blob{}, blobs: map[string]blob{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// Push adds an image under a name such as orders:1, which it may replace, and returns the name with that of the registry.
func (r *Registry) Push(name string, image Image) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var layers []map[string]any
	var diffs []string
	for _, files := range image.Layers {
		layer := r.add(blob{layerType, archive(r.t, files), true})
		layers, diffs = append(layers, layer), append(diffs, layer["digest"].(string))
	}
	architecture := image.Architecture
	if architecture == "" {
		architecture = runtime.GOARCH
	}
	config := r.add(blob{mediaType: configType, content: encode(map[string]any{
		"os": "linux", "architecture": architecture,
		"config": map[string]any{"Entrypoint": image.Entrypoint, "Cmd": image.Cmd},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	})})
	manifest := blob{mediaType: manifestType, content: encode(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": layers,
	})}
	repository, tag, _ := strings.Cut(name, ":")
	r.manifests[repository+"/manifests/"+tag] = manifest
	r.manifests[repository+"/manifests/"+digest(manifest.content)] = manifest
	return r.Host + "/" + name
}

// add keeps a blob, and returns its descriptor.
func (r *Registry) add(b blob) map[string]any {
	r.blobs[digest(b.content)] = b
	return map[string]any{"mediaType": b.mediaType, "digest": digest(b.content), "size": len(b.content)}
}

// Pulled returns the number of layers that were pulled.
func (r *Registry) Pulled() int { return int(r.pulled.Load()) }

// ServeHTTP answers a daemon.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := strings.TrimPrefix(req.URL.Path, "/v2/")
	b, found := r.find(path)
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case path == "":
		fmt.Fprint(w, "{}")
	case !found:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	default:
		r.send(w, req, b)
	}
}

// find returns what is at the path of a manifest or blob.
func (r *Registry) find(path string) (blob, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, sum, ok := strings.Cut(path, "/blobs/"); ok {
		b, found := r.blobs[sum]
		return b, found
	}
	b, found := r.manifests[path]
	return b, found
}

func (r *Registry) send(w http.ResponseWriter, req *http.Request, b blob) {
	w.Header().Set("Content-Type", b.mediaType)
	w.Header().Set("Docker-Content-Digest", digest(b.content))
	w.Header().Set("Content-Length", fmt.Sprint(len(b.content)))
	if req.Method == http.MethodHead {
		return
	}
	if !b.layer || r.Gate == nil {
		_, _ = w.Write(b.content)
	} else if !r.sendParts(w, req, b.content) {
		return
	}
	if b.layer {
		r.pulled.Add(1)
	}
}

// sendParts sends a layer in sixteen parts, and reports whether its receiver has waited for all of them.
func (r *Registry) sendParts(w http.ResponseWriter, req *http.Request, content []byte) bool {
	for part := range slices.Chunk(content, len(content)/15) {
		_, _ = w.Write(part)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Gate:
		case <-req.Context().Done():
			return false
		}
	}
	return true
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // values of maps, lists and strings have a JSON form
	}
	return text
}
