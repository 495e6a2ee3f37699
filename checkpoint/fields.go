package checkpoint

import "github.com/esm-run/esm"

func (w *wire) checkpoint(cp *esm.Checkpoint) {
	w.text(&cp.Position)
	w.moment(&cp.Since)
	w.flag(&cp.Drained)
	list(w, &cp.Lanes, w.text)
	list(w, &cp.Owed, w.owed)
	optional(w, &cp.Window, w.window)
	w.more(cp.Owed, func(o *esm.Owed) { optional(w, &o.Response, w.response) })
	w.more(cp.Owed, func(o *esm.Owed) { w.count(&o.Sum) })
}

// more moves a field of owed runs that was added after the first schema.
func (w *wire) more(owed []esm.Owed, each func(*esm.Owed)) {
	if w.ended() {
		return
	}
	for i := range owed {
		each(&owed[i])
	}
}

func (w *wire) owed(o *esm.Owed) {
	w.text(&o.ID)
	w.text(&o.First)
	w.text(&o.Last)
	w.int(&o.Lane)
	w.int(&o.Tries)
}

func (w *wire) window(win *esm.Window) {
	w.moment(&win.Start)
	w.bytes((*[]byte)(&win.State))
	w.flag(&win.Final)
	w.flag(&win.Terminated)
	w.int(&win.Tries)
	w.text(&win.ID)
}

func (w *wire) undelivered(u *esm.UndeliveredNotice) {
	w.text(&u.Destination)
	w.text(&u.Reason)
	w.moment(&u.Kept)
	w.notice(&u.Notice)
}

func (w *wire) notice(n *esm.Notice) {
	w.text(&n.ID)
	w.text(&n.Mapping)
	w.moment(&n.Time)
	w.text(&n.RequestID)
	w.text(&n.FunctionArn)
	w.text((*string)(&n.Condition))
	w.int(&n.Invokes)
	optional(w, &n.Response, w.response)
	w.stream(&n.Stream)
	w.bytes((*[]byte)(&n.Payload))
	if !w.ended() {
		optional(w, &n.Event, w.eventEnd)
	}
}

// ended reports whether there is nothing more to read: a value ends before fields that were added after it was written.
func (w *wire) ended() bool { return w.reading && len(w.buf) == 0 }

// stream moves a batch. None is stored as a zero batch, since the first schema had no notices without one.
func (w *wire) stream(b **esm.StreamBatch) {
	var batch esm.StreamBatch
	if *b != nil {
		batch = **b
	}
	w.text(&batch.Source)
	w.text(&batch.Shard)
	w.mark(&batch.First)
	w.mark(&batch.Last)
	w.int(&batch.Size)
	optional(w, &batch.Window, w.noticeWindow)
	if w.reading && batch != (esm.StreamBatch{}) {
		*b = &batch
	}
}

func (w *wire) eventEnd(e *esm.EventEnd) {
	w.flag(&e.DeadLetter)
	w.bytes((*[]byte)(&e.Response))
	w.text(&e.Error)
	w.text(&e.TraceHeader)
}

func (w *wire) response(r *esm.NoticeResponse) {
	w.int(&r.Status)
	w.text(&r.Version)
	w.text(&r.Fault)
}

func (w *wire) mark(m *esm.RecordMark) {
	w.text(&m.SequenceNumber)
	w.moment(&m.Arrived)
}

func (w *wire) noticeWindow(win *esm.NoticeWindow) {
	w.moment(&win.Start)
	w.moment(&win.End)
	w.flag(&win.Final)
	w.flag(&win.Terminated)
}

// event moves what only a try changes. The function comes first: functionOf reads it alone.
func (w *wire) event(e *esm.Event) {
	w.text(&e.Function)
	w.text(&e.ID)
	w.bytes((*[]byte)(&e.Payload))
	w.text(&e.TraceHeader)
	w.int(&e.Tries)
	w.int(&e.Throttles)
	optional(w, &e.Last, w.result)
}

// times moves what an event's rank holds.
func (w *wire) times(e *esm.Event) {
	w.moment(&e.Accepted)
	w.moment(&e.Due)
	w.int(&e.Crashes)
}

func (w *wire) result(r *esm.EventResult) {
	w.response(&r.NoticeResponse)
	w.bytes((*[]byte)(&r.Payload))
	w.text(&r.Error)
}

func (w *wire) owedNotice(o *esm.OwedNotice) {
	w.text(&o.Destination)
	w.notice(&o.Notice)
}
