package code

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
)

// notZip is the error of an archive that cannot be opened.
func notZip(from string, err error) error {
	if !damaged(err) {
		return fmt.Errorf("%s: %w", from, err)
	}
	return &Invalid{from, "", "is not a zip archive, or is incomplete (" + err.Error() + "): build or copy it again"}
}

// entryError adds the archive and the entry to an error.
func entryError(from, name string, err error) error {
	if invalid, ok := errors.AsType[*Invalid](err); ok {
		return &Invalid{from, name, invalid.Reason}
	}
	if damaged(err) {
		return &Invalid{from, name, "is damaged (" + err.Error() + "): build or copy the archive again"}
	}
	return fmt.Errorf("%s: entry %q: %w", from, name, err)
}

// damaged reports whether err is about the content of an archive, and not about reading its file.
func damaged(err error) bool {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrAlgorithm) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
