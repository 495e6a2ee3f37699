package api

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
)

// story is a sequence of calls, with the answers that AWS was recorded to give, except for names and for what functions are here:
// those of the file, with one version. The nth mapping that is
// made has the UUID 0000000n-0000-4000-8000-000000000000.
type story struct {
	Calls []struct {
		Call   string // method and path
		Body   json.RawMessage
		Settle bool // wait for the end of transitions before this call
		Status int
		Answer json.RawMessage
	}
}

// TestGolden compares the answers key by key, so that absent, null and empty members differ.
func TestGolden(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) < 4 {
		t.Fatalf("only %d stories", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playStory(t, file) })
		})
	}
}

func playStory(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s story
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	r, uuids := newRig(t), map[string]string{}
	for i, c := range s.Calls {
		if c.Settle {
			synctest.Wait()
		}
		var given []string // placeholders and UUIDs in turn
		for placeholder, uuid := range uuids {
			given = append(given, placeholder, uuid)
		}
		request := strings.NewReplacer(given...)
		method, path, _ := strings.Cut(c.Call, " ")
		w := r.ask(method, request.Replace(path), request.Replace(string(c.Body)))
		if got, want := w.Code, c.Status; got != want {
			t.Errorf("%d %s: status %d, want %d: %s", i, c.Call, got, want, w.Body)
		}
		if made, ok := parsed(t, w.Body.String()).(map[string]any)["UUID"]; ok && method == "POST" {
			uuids[fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(uuids)+1)] = made.(string)
		}
		got := w.Body.String()
		for placeholder, uuid := range uuids {
			got = strings.ReplaceAll(got, uuid, placeholder)
		}
		if !reflect.DeepEqual(parsed(t, got), parsed(t, string(c.Answer))) {
			t.Errorf("%d %s:\ngot  %s\nwant %s", i, c.Call, got, c.Answer)
		}
	}
	if w := r.warnings(); w != "" {
		t.Errorf("warned: %s", w)
	}
}

func parsed(t *testing.T, text string) (v any) {
	t.Helper()
	if text == "" {
		return map[string]any(nil)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	return v
}
