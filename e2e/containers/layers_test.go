package containers_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// archive returns the bytes of a zip archive with these files, each a name and its text.
func archive(t testing.TB, files ...[2]string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range files {
		h := &zip.FileHeader{Name: file[0]}
		h.SetMode(0o644)
		entry, err := w.CreateHeader(h)
		if err == nil {
			_, err = entry.Write([]byte(file[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Code of an archive is at /var/task, and layers are at /opt, later ones over earlier ones. The handler is the command of the
// base image.
func TestArchiveAndLayers(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	base := handler(t)
	e.WriteFile("code.zip", archive(t, [2]string{"app.txt", "code"}, [2]string{"lib/more.txt", "more"}))
	e.WriteFile("one.zip", archive(t, [2]string{"a.txt", "a of one"}, [2]string{"b.txt", "b of one"}))
	e.WriteFile("two/b.txt", "b of two")
	e.WriteFile("two/c.txt", "c of two")
	f := &rig.Function{Name: "f", Description: fmt.Sprintf(
		"{Run: container, BaseImage: %q, Runtime: provided.al2023, Handler: app.handler, CodeUri: code.zip, Layers: [one.zip, two], Timeout: 30}", base)}
	engine := e.Run(f)
	want(engine, "f", `{"Args": true}`, "/handler app.handler")
	want(engine, "f", `{"Read": "/var/task/app.txt"}`, "code")
	want(engine, "f", `{"Read": "lib/more.txt"}`, "more") // in the working directory
	want(engine, "f", `{"List": "/opt"}`, "a.txt b.txt c.txt")
	want(engine, "f", `{"Read": "/opt/a.txt"}`, "a of one")
	want(engine, "f", `{"Read": "/opt/b.txt"}`, "b of two")
	engine.Stop()
	noLeftovers(t, e)
}
