package code

import (
	"context"
	"io"
	"time"

	"github.com/esm-run/esm/trace"
)

// quiet is the time after which unpacking is reported, and the time between two reports.
const quiet = time.Second

// progress reports how much of an archive or of layers is written, if that takes longer than quiet. It belongs to one
// goroutine.
type progress struct {
	path        string
	total, done int64
	last        time.Time // of a report, or the beginning
	reported    bool
	trace       trace.Func
}

// add counts n bytes that are written at now.
func (p *progress) add(n int64, now time.Time) {
	p.done += n
	if now.Sub(p.last) >= quiet {
		p.report(now)
	}
}

// end reports the end, if there was a report before.
func (p *progress) end(now time.Time) {
	if p.reported {
		p.report(now)
	}
}

func (p *progress) report(now time.Time) {
	p.last, p.reported = now, true
	p.trace.Emit(trace.Unpacking{Path: p.path, Done: p.done, Total: p.total})
}

// meter is a reader that ends with ctx, and counts what is read through it unless progress is nil.
type meter struct {
	ctx      context.Context // of one copy
	r        io.Reader
	progress *progress
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if m.progress != nil {
		m.progress.add(int64(n), time.Now())
	}
	return n, err
}
