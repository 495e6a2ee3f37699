package observe

import (
	"strings"
	"time"

	"github.com/esm-run/esm/trace"
)

// troubles decides when it is reported that a source fails, and that all of it answers again. The zero value is ready. It
// belongs to one goroutine.
type troubles struct {
	repeats repeats                    // about mappings
	failing map[string]map[string]bool // by mapping, the shards that fail; "" is a queue, or a stream as a whole
}

// news reports whether e is to be reported. Many shards that fail for one reason are reported once.
func (t *troubles) news(now time.Time, e trace.Failing) bool {
	if t.failing == nil {
		t.failing = map[string]map[string]bool{}
	}
	if t.failing[e.Mapping] == nil {
		t.failing[e.Mapping] = map[string]bool{}
	}
	t.failing[e.Mapping][e.Shard] = true
	text := kind(e.Err)
	if e.Shard != "" {
		text = strings.ReplaceAll(text, e.Shard, "")
	}
	return t.repeats.news(now, e.Mapping, text, everyMinute)
}

// answered notes that a shard can be read, or need not be read any more. It reports, once, that the trouble of its mapping is
// over with that.
func (t *troubles) answered(now time.Time, mapping, shard string) bool {
	delete(t.failing[mapping], shard)
	return len(t.failing[mapping]) == 0 && t.repeats.over(now, mapping)
}

// forget notes that the stream of a mapping was recreated, without the shards that it had.
func (t *troubles) forget(mapping string) { delete(t.failing, mapping) }
