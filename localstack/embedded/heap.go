package embedded

import "container/heap"

// A pile keeps elements so that the one that comes first is at hand. Every element knows its place in the pile, which
// makes taking one out of the middle cheap; -1 is "not in the pile".
type pile[T any] struct {
	items []T
	less  func(a, b T) bool
	place func(T) *int
}

func (p *pile[T]) Len() int           { return len(p.items) }
func (p *pile[T]) Less(i, j int) bool { return p.less(p.items[i], p.items[j]) }

func (p *pile[T]) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	*p.place(p.items[i]), *p.place(p.items[j]) = i, j
}

// Push is called by container/heap alone.
func (p *pile[T]) Push(x any) {
	item := x.(T)
	*p.place(item) = len(p.items)
	p.items = append(p.items, item)
}

// Pop is called by container/heap alone.
func (p *pile[T]) Pop() any {
	last := len(p.items) - 1
	item := p.items[last]
	clear(p.items[last:])
	p.items = p.items[:last]
	*p.place(item) = -1
	return item
}

// first returns the element that comes first, or the zero value of an empty pile.
func (p *pile[T]) first() (item T) {
	if len(p.items) == 0 {
		return item
	}
	return p.items[0]
}

// put adds item, or moves it to its new place when it is in the pile already.
func (p *pile[T]) put(item T) {
	if i := *p.place(item); i >= 0 {
		heap.Fix(p, i)
		return
	}
	heap.Push(p, item)
}

// drop takes item out; one that is not in the pile is left alone.
func (p *pile[T]) drop(item T) {
	if i := *p.place(item); i >= 0 {
		heap.Remove(p, i)
	}
}
