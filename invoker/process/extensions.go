package process

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// findExtensions returns the files of the external extensions by name: the executable files directly in the directory
// extensions of the code and of each layer. Of two with the same name, that of the later layer counts.
func findExtensions(code string, layers []string) (map[string]string, error) {
	found := map[string]string{}
	for _, in := range append([]string{code}, layers...) {
		dir := filepath.Join(in, "extensions")
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil, err
		}
		for _, e := range entries {
			if path := filepath.Join(dir, e.Name()); executable(path) {
				found[e.Name()] = path
			}
		}
	}
	return found, nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func names(extensions map[string]string) []string { return slices.Sorted(maps.Keys(extensions)) }
