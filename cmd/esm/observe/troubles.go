package observe

import (
	"strings"
	"sync"

	"github.com/esm-run/esm/trace"
)

// troubles tells when it is news that a source fails, and when all of it answers again. The zero value is ready. Its
// methods may be called side by side.
type troubles struct {
	repeats repeats // about mappings

	mu   sync.Mutex
	down map[string]map[string]bool // by mapping, the shards that fail; the empty one is a queue, or a stream as a whole
}

// failing reports whether e is to be told. Many shards that fail for one reason are told once.
func (t *troubles) failing(e trace.Failing) bool {
	t.mu.Lock()
	if t.down == nil {
		t.down = map[string]map[string]bool{}
	}
	if t.down[e.Mapping] == nil {
		t.down[e.Mapping] = map[string]bool{}
	}
	t.down[e.Mapping][e.Shard] = true
	t.mu.Unlock()
	text := kind(e.Err)
	if e.Shard != "" {
		text = strings.ReplaceAll(text, e.Shard, "")
	}
	return t.repeats.news(e.Mapping, text, everyMinute)
}

// answered notes that a shard can be read, or needs not to be any more, and reports, once, that the trouble of its
// mapping is over by that.
func (t *troubles) answered(mapping, shard string) bool {
	t.mu.Lock()
	delete(t.down[mapping], shard)
	still := len(t.down[mapping]) > 0
	t.mu.Unlock()
	return !still && t.repeats.over(mapping)
}

// forget notes that the shards of a mapping are gone: they are those of a stream that was made anew.
func (t *troubles) forget(mapping string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.down, mapping)
}
