package policy

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

const envelope = len(`{"Records":[]}`)

// Batching decides how a batch grows and when it is closed: at the first of its size, its window and the payload limit
// (AWS: "How Lambda processes records from stream and queue-based event sources", batching behavior).
type Batching struct {
	// Size is the most records of a batch; 0 means 10, AWS's default.
	Size int

	// Window is how long a batch may be gathered, counted from its first record. At 0 it is closed as soon as it has
	// records.
	Window time.Duration

	// MaxBytes is the most bytes of a batch's Payload; 0 means [esm.MaxPayload].
	MaxBytes int
}

// Batch is a batch being gathered. The zero Batch is empty.
type Batch struct {
	Records []esm.Record
	Bytes   int       // the length of Payload(Records); 0 for an empty batch
	Since   time.Time // when the first record joined
	Close   time.Time // when the window ends
	Full    bool      // closed: no more records may join
}

// Add lets recs, which no filter holds back, join b at the time now, in their order. Once one does not fit any more, the
// batch is closed; that record and all later ones are carry, for the next batch. A record that would fit no batch even
// alone is oversized, and so are the later ones of its group among recs, because none may overtake it: these are to be
// left.
//
// Every record is in exactly one of next, carry and oversized. Like append, Add may reuse the array of b's records: b is
// spent. recs is not changed.
func (g Batching) Add(b Batch, recs []esm.Record, now time.Time) (next Batch, carry, oversized []esm.Record) {
	g = g.filled()
	b.Records = slices.Grow(b.Records, min(len(recs), g.Want(b)))
	for _, rec := range recs {
		switch {
		case g.Oversized(rec), follows(oversized, rec):
			oversized = append(oversized, rec)
		case b.Full || !g.fits(b, rec):
			b.Full = true
			carry = append(carry, rec)
		default:
			b = g.join(b, rec, now)
		}
	}
	return b, carry, oversized
}

// Oversized says that rec fits no batch, not even alone.
func (g Batching) Oversized(rec esm.Record) bool {
	return envelope+len(rec.Event) > g.filled().MaxBytes
}

// Want is how many more records may join b.
func (g Batching) Want(b Batch) int {
	if b.Full {
		return 0
	}
	return max(g.filled().Size-len(b.Records), 0)
}

// Ready says that b is to be run now. An empty batch never is.
func (g Batching) Ready(b Batch, now time.Time) bool {
	return len(b.Records) > 0 && (b.Full || g.Window <= 0 || !now.Before(b.Close))
}

// Wait is how long a further receive for b may wait for messages: MaxWait while b is empty, since no window runs then;
// 0 when b is ready; and else what is left of the window, exactly. AWS may take 20 s with a shorter window when there is
// little traffic (AWS: "Using Lambda with Amazon SQS"); here the last poll is as short as the window asks for.
func (g Batching) Wait(b Batch, now time.Time) time.Duration {
	switch {
	case len(b.Records) == 0:
		return esm.MaxWait
	case g.Ready(b, now):
		return 0
	}
	return min(b.Close.Sub(now), esm.MaxWait)
}

// Payload is the event that a function gets: {"Records":[…]} with the records' events as they are.
func Payload(recs []esm.Record) json.RawMessage {
	size := envelope + max(len(recs)-1, 0)
	for _, rec := range recs {
		size += len(rec.Event)
	}
	p := make([]byte, 0, size)
	p = append(p, `{"Records":[`...)
	for i, rec := range recs {
		if i > 0 {
			p = append(p, ',')
		}
		p = append(p, rec.Event...)
	}
	return append(p, "]}"...)
}

func (g Batching) filled() Batching {
	if g.Size <= 0 {
		g.Size = 10
	}
	if g.MaxBytes <= 0 {
		g.MaxBytes = esm.MaxPayload
	}
	return g
}

func (g Batching) fits(b Batch, rec esm.Record) bool {
	return len(b.Records) < g.Size && grown(b, rec) <= g.MaxBytes
}

func (g Batching) join(b Batch, rec esm.Record, now time.Time) Batch {
	if len(b.Records) == 0 {
		b.Since, b.Close = now, now.Add(max(g.Window, 0))
	}
	b.Bytes = grown(b, rec)
	b.Records = append(b.Records, rec)
	b.Full = len(b.Records) == g.Size
	if !rec.Until.IsZero() && !b.Close.Before(rec.Until) {
		// The record would return to the queue before the window ends. AWS does not refuse a window that is no
		// shorter than the visibility timeout; half of the time that is left remains for the function.
		b.Close = now.Add(max(rec.Until.Sub(now), 0) / 2)
	}
	return b
}

// grown is what b.Bytes would be with rec.
func grown(b Batch, rec esm.Record) int {
	if len(b.Records) == 0 {
		return envelope + len(rec.Event)
	}
	return b.Bytes + len(",") + len(rec.Event)
}

// follows says that a record of the same group is among earlier.
func follows(earlier []esm.Record, rec esm.Record) bool {
	return rec.Group != "" && slices.ContainsFunc(earlier, func(e esm.Record) bool { return e.Group == rec.Group })
}
