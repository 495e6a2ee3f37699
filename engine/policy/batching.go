package policy

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Batching decides how a batch grows and when it is closed: when it reaches its size or the payload limit, or when its
// window ends (AWS: "How Lambda processes records from stream and queue-based event sources", batching behavior).
type Batching struct {
	// Size is the maximum number of records in a batch; 0 means 10, AWS's default.
	Size int

	// Window is the maximum time to gather a batch, counted from its first record. If it is 0, a batch is closed as soon
	// as it has records.
	Window time.Duration

	// MaxBytes is the maximum size of a batch's event; 0 means [esm.MaxPayload].
	MaxBytes int

	// Envelope is the JSON around the records; nil means [Records].
	Envelope Envelope
}

// Batch is a batch being gathered. The zero Batch is empty.
type Batch struct {
	Records []esm.Record
	Bytes   int       // the size of the event for Records; 0 for an empty batch
	Since   time.Time // when the first record joined
	Close   time.Time // when the window ends
	Full    bool      // closed: no more records may join
}

// Add adds recs to b at the time now, in their order. Once a record does not fit, the batch is closed; that record and
// all later ones are returned as carry, for the next batch. A record that fits no batch even alone is returned as
// oversized with the later records of its group, which must not overtake it: these cannot be delivered.
//
// Every record is in exactly one of next, carry and oversized. Like append, Add may reuse the array of b's records, so b
// must not be used again. recs is not changed.
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

// Oversized reports whether rec fits no batch, not even alone.
func (g Batching) Oversized(rec esm.Record) bool {
	g = g.filled()
	return g.Envelope.Size(0, nil, rec) > g.MaxBytes
}

// Want returns how many more records may join b.
func (g Batching) Want(b Batch) int {
	if b.Full {
		return 0
	}
	return max(g.filled().Size-len(b.Records), 0)
}

// Ready reports whether b should be delivered now. An empty batch is never ready.
func (g Batching) Ready(b Batch, now time.Time) bool {
	return len(b.Records) > 0 && (b.Full || g.Window <= 0 || !now.Before(b.Close))
}

// Wait returns how long a further receive for b may wait for messages: MaxWait while b is empty, because no window runs
// then; 0 when b is ready; otherwise the rest of the window. AWS may wait 20 s for a shorter window when there is little
// traffic (AWS: "Using Lambda with Amazon SQS"); here the window is kept.
func (g Batching) Wait(b Batch, now time.Time) time.Duration {
	switch {
	case len(b.Records) == 0:
		return esm.MaxWait
	case g.Ready(b, now):
		return 0
	}
	return min(b.Close.Sub(now), esm.MaxWait)
}

// Event returns the event that the function gets for recs.
func (g Batching) Event(recs []esm.Record) json.RawMessage { return g.filled().Envelope.Event(recs) }

func (g Batching) filled() Batching {
	if g.Size <= 0 {
		g.Size = 10
	}
	if g.MaxBytes <= 0 {
		g.MaxBytes = esm.MaxPayload
	}
	if g.Envelope == nil {
		g.Envelope = Records
	}
	return g
}

func (g Batching) fits(b Batch, rec esm.Record) bool {
	return len(b.Records) < g.Size && g.Envelope.Size(b.Bytes, b.Records, rec) <= g.MaxBytes
}

func (g Batching) join(b Batch, rec esm.Record, now time.Time) Batch {
	if len(b.Records) == 0 {
		b.Since, b.Close = now, now.Add(max(g.Window, 0))
	}
	b.Bytes = g.Envelope.Size(b.Bytes, b.Records, rec)
	b.Records = append(b.Records, rec)
	b.Full = len(b.Records) == g.Size
	if !rec.Until.IsZero() && !b.Close.Before(rec.Until) {
		// The record would become visible again before the window ends: AWS accepts windows that are as long as the
		// visibility timeout. Half of the remaining time is left for the function.
		b.Close = now.Add(max(rec.Until.Sub(now), 0) / 2)
	}
	return b
}

// follows reports whether a record of the same group is among earlier.
func follows(earlier []esm.Record, rec esm.Record) bool {
	return rec.Group != "" && slices.ContainsFunc(earlier, func(e esm.Record) bool { return e.Group == rec.Group })
}
