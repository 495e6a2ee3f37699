package code

import "fmt"

// MaxBytes is Lambda's limit for a function and its layers, unzipped and together: less than 250 MB (AWS: "Lambda quotas").
const MaxBytes = 250 << 20

// limits bound what is unpacked and merged.
type limits struct {
	bytes   int64 // of all files together; they must be fewer
	entries int   // files, directories and links, the directories without an entry of their own included
	steps   int   // from link to link, for all links together
	list    int   // bytes of an archive's list of entries, which is held in memory
}

var lambdaLimits = limits{bytes: MaxBytes, entries: 100_000, steps: 10_000_000, list: 32 << 20}

const (
	maxArchive = MaxBytes + 50<<20 // bytes of a zip file: no larger one can hold less than MaxBytes
	maxName    = 4096              // bytes of an entry's name, or of a link's target
	maxLinks   = 40                // that a link leads through, as on Linux
)

// smaller is the remedy for what is too large.
const smaller = "leave out what the function does not need, or deploy it as an image (ImageUri)"

// megabytes formats a number of bytes that is above a limit.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }
