package embedded

// A group is a row of messages that are handed out in order: a message group of a FIFO queue. On a standard queue every
// message is a group of its own.
type group struct {
	id         string
	head, tail *message
	index      int // place among the groups that are ready
}

// A line says which message of a queue is next. The groups whose oldest message is visible stand in it, in the order in
// which that message became visible; a group whose oldest message is in flight or delayed does not.
type line struct {
	fifo   bool
	groups map[string]*group // FIFO queues: those with messages
	ready  pile[*group]
}

func newLine(fifo bool) line {
	return line{
		fifo:   fifo,
		groups: make(map[string]*group),
		ready: pile[*group]{
			less:  func(a, b *group) bool { return a.head.turn < b.head.turn },
			place: func(g *group) *int { return &g.index },
		},
	}
}

// enter puts m at the end of its group.
func (l *line) enter(m *message) {
	g := l.groups[m.groupID]
	if !l.fifo || g == nil {
		g = &group{id: m.groupID, index: -1}
	}
	if l.fifo {
		l.groups[g.id] = g
	}
	m.group, m.prev = g, g.tail
	if g.tail == nil {
		g.head = m
	} else {
		g.tail.next = m
	}
	g.tail = m
	l.settle(g)
}

// leave takes m out of its group.
func (l *line) leave(m *message) {
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
	l.settle(g)
}

// settle gives g its place after one of its messages came, went or changed its state.
func (l *line) settle(g *group) {
	if g.head != nil && g.head.state == visible {
		l.ready.put(g)
		return
	}
	l.ready.drop(g)
	if l.fifo && g.head == nil {
		delete(l.groups, g.id)
	}
}

// first is the message to hand out next, or nil.
func (l *line) first() *message {
	if g := l.ready.first(); g != nil {
		return g.head
	}
	return nil
}

// following is the message that may follow m out of its group, or nil. AWS: "FIFO delivery logic": a receive takes as many
// messages of one group as it can.
func following(m *message) *message {
	if m.next != nil && m.next.state == visible {
		return m.next
	}
	return nil
}
