package embedded

import (
	"crypto/md5"
	"encoding/hex"
	"time"
)

// Where a message is in its life. A message that is in none of these was deleted.
type state int

const (
	visible  state = iota // may be received
	delayed               // not yet
	inFlight              // received, and not due again
	gone                  // deleted, expired or moved to the dead-letter queue
)

// A message of one queue. What the producer sent never changes; the rest is owned by the queue's lock.
type message struct {
	parcel
	number    uint64 // within the queue; receipt handles carry it
	state     state
	due       time.Time     // when it becomes visible, while it is delayed or in flight
	turn      uint64        // grows with every message that becomes visible: who was first is served first
	receives  int           // in this queue; what maxReceiveCount is about
	first     time.Time     // the first receive in this queue
	received  time.Time     // the last receive
	hidden    time.Duration // how long that receive was to hide it
	touched   bool          // its visibility was changed by hand since the last receive
	group     *group        // FIFO queues
	prev      *message      // among the visible ones of a standard queue, or all of its group
	next      *message
	dueIndex  int // place in the queue's pile of messages that wait for their time
	sentIndex int // place in the queue's pile of all messages by age
}

// A parcel is what travels: the part of a message that a move to a dead-letter queue keeps.
type parcel struct {
	id         string
	body       string
	bodyMD5    string
	attributes []attribute // sorted by name
	attrMD5    string      // of all attributes, "" when there are none
	trace      string      // AWSTraceHeader
	groupID    string
	dedupID    string
	sequence   string // FIFO queues
	origin     string // ARN of the queue it was dead-lettered from
	sent       time.Time
	elsewhere  int // receives in queues before this one
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
