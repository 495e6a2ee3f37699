package bootstrap

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
)

// writeAll copies every file of from into dir. Each file is written atomically: a crash, or another process that does the
// same, leaves no partial file.
func writeAll(from fs.FS, dir string) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, data) {
			return nil
		}
		return writeFile(to, data)
	})
}

func writeFile(to string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails once it is renamed
	_, err = temp.Write(data)
	if chmod := temp.Chmod(0o644); err == nil {
		err = chmod
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), to)
}
