package sqs

import "container/heap"

// An indexedHeap is a heap whose elements know their own index, so that any element can be removed or moved. The index of
// an element outside the heap is -1.
type indexedHeap[T any] struct {
	items []T
	less  func(a, b T) bool
	index func(T) *int
}

// Len, Less, Swap, Push and Pop are for container/heap alone.

func (h *indexedHeap[T]) Len() int           { return len(h.items) }
func (h *indexedHeap[T]) Less(i, j int) bool { return h.less(h.items[i], h.items[j]) }

func (h *indexedHeap[T]) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	*h.index(h.items[i]), *h.index(h.items[j]) = i, j
}

func (h *indexedHeap[T]) Push(x any) {
	item := x.(T)
	*h.index(item) = len(h.items)
	h.items = append(h.items, item)
}

func (h *indexedHeap[T]) Pop() any {
	last := len(h.items) - 1
	item := h.items[last]
	clear(h.items[last:])
	h.items = h.items[:last]
	*h.index(item) = -1
	return item
}

// first returns the least element, or the zero value if the heap is empty.
func (h *indexedHeap[T]) first() (item T) {
	if len(h.items) == 0 {
		return item
	}
	return h.items[0]
}

// put adds item, or moves it to its place if it is in the heap.
func (h *indexedHeap[T]) put(item T) {
	if i := *h.index(item); i >= 0 {
		heap.Fix(h, i)
		return
	}
	heap.Push(h, item)
}

// remove takes item out if it is in the heap.
func (h *indexedHeap[T]) remove(item T) {
	if i := *h.index(item); i >= 0 {
		heap.Remove(h, i)
	}
}
