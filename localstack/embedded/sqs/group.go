package sqs

// A group is a list of messages that are handed out in order: a message group of a FIFO queue. On a standard queue every
// message is a group of its own.
type group struct {
	id         string
	head, tail *message
	index      int // in groups.ready
}

// groups decides which message of a queue is next. Ready holds the groups whose oldest message is visible, in the order in
// which that message became visible.
type groups struct {
	fifo  bool
	byID  map[string]*group // FIFO queues: the groups with messages
	ready indexedHeap[*group]
}

func newGroups(fifo bool) groups {
	return groups{
		fifo: fifo,
		byID: make(map[string]*group),
		ready: indexedHeap[*group]{
			less:  func(a, b *group) bool { return a.head.turn < b.head.turn },
			index: func(g *group) *int { return &g.index },
		},
	}
}

// add puts m at the end of its group.
func (l *groups) add(m *message) {
	g := l.byID[m.groupID]
	if !l.fifo || g == nil {
		g = &group{id: m.groupID, index: -1}
	}
	if l.fifo {
		l.byID[g.id] = g
	}
	m.group, m.prev = g, g.tail
	if g.tail == nil {
		g.head = m
	} else {
		g.tail.next = m
	}
	g.tail = m
	l.update(g)
}

// remove takes m out of its group.
func (l *groups) remove(m *message) {
	g := m.group
	if m.prev == nil {
		g.head = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		g.tail = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.prev, m.next = nil, nil
	l.update(g)
}

// update moves g to its place after one of its messages was added, was removed or changed its state.
func (l *groups) update(g *group) {
	if g.head != nil && g.head.state == visible {
		l.ready.put(g)
		return
	}
	l.ready.remove(g)
	if l.fifo && g.head == nil {
		delete(l.byID, g.id)
	}
}

// first returns the message to hand out next, or nil.
func (l *groups) first() *message {
	if g := l.ready.first(); g != nil {
		return g.head
	}
	return nil
}

// following returns the message that may be handed out after m from the same group, or nil. AWS: "FIFO delivery logic": a
// receive takes as many messages of one group as it can.
func following(m *message) *message {
	if m.next != nil && m.next.state == visible {
		return m.next
	}
	return nil
}
