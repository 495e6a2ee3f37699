package sqs

import (
	"crypto/md5"
	"encoding/hex"
	"time"
)

// A state says where a message is in its life.
type state int

const (
	visible  state = iota // may be received
	delayed               // not visible yet
	inFlight              // received, and not visible again yet
	gone                  // deleted, expired or moved to the dead-letter queue
)

// A message is in one queue. Its content never changes; the queue's lock guards the rest.
type message struct {
	content
	number   uint64 // within the queue; receipt handles carry it
	state    state
	due      time.Time     // when it becomes visible, while it is delayed or in flight
	turn     uint64        // grows with every message that becomes visible: the lowest is handed out first
	receives int           // in this queue; maxReceiveCount limits it
	first    time.Time     // the first receive in this queue
	received time.Time     // the last receive
	hidden   time.Duration // how long the last receive was to hide it
	touched  bool          // ChangeMessageVisibility was called since the last receive

	group      *group
	prev, next *message // within the group
	dueIndex   int      // in queue.byDue
	sentIndex  int      // in queue.byAge
}

// A content is what a producer sent and what a move to a dead-letter queue keeps.
type content struct {
	id         string
	body       string
	bodyMD5    string
	attributes []attribute // sorted by name
	attrMD5    string      // of all attributes; "" if there are none
	trace      string      // AWSTraceHeader
	groupID    string
	dedupID    string
	sequence   string // FIFO queues
	origin     string // ARN of the queue it was moved from as a dead letter
	sent       time.Time
	elsewhere  int // receives in queues before this one
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
