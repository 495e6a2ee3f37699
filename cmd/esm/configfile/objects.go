package configfile

import (
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
)

// key is one key of an object that is decoded into a T.
type key[T any] struct {
	name, doc string
	required  bool
	read      func(d *decoder, n *node, at string, into *T) bool
	schema    schema
}

// field returns a key whose value is stored where place points.
func field[T, V any](name string, place func(*T) *V, s shape[V], doc string) key[T] {
	return key[T]{name: name, doc: doc, schema: s.schema, read: func(d *decoder, n *node, at string, into *T) bool {
		value, ok := s.read(d, n, at)
		*place(into) = value
		return ok
	}}
}

// required marks a key as required.
func required[T any](k key[T]) key[T] {
	k.required = true
	return k
}

// objectOf returns the shape of an object with these keys and no others. Its name selects the entries of refused that apply.
func objectOf[T any](name string, keys ...key[T]) shape[T] {
	var nothing T
	return objectFrom(nothing, name, keys...)
}

// objectFrom is objectOf with default values for keys that are left out.
func objectFrom[T any](otherwise T, name string, keys ...key[T]) shape[T] {
	names := make([]string, len(keys))
	byName := map[string]key[T]{}
	for i, k := range keys {
		names[i], byName[k.name] = k.name, k
	}
	read := func(d *decoder, n *node, at string) (value T, ok bool) {
		value = otherwise
		if n.kind != object {
			d.wrongKind(n, at, "an object with keys such as "+names[0])
			return value, false
		}
		ok = true
		for _, e := range d.entries(n, at) {
			path := config.Member(at, e.key.text)
			k, known := byName[e.key.text]
			switch {
			case !d.take(path, e.key.place):
				return value, false
			case known:
				ok = k.read(d, e.value, path, &value) && ok
			default:
				d.unknown(name, at, e.key, names)
				ok = false
			}
		}
		for _, k := range keys {
			path := config.Member(at, k.name)
			if _, given := d.places[path]; k.required && !given {
				d.errorf(path, "is missing: %s", k.doc)
				ok = false
			}
		}
		return value, ok
	}
	return shape[T]{read, objectSchema(keys)}
}

// unknown reports a key that the object at a path does not have.
func (d *decoder) unknown(object, at string, k *node, names []string) {
	path := config.Member(at, k.text)
	if why, refused := refusal(object, k.text); refused {
		d.errorf(path, "%s", why)
		return
	}
	near := nearest(k.text, names)
	if near == "" {
		d.errorf(path, "unknown key: the keys here are %s", strings.Join(names, ", "))
		return
	}
	d.errorf(path, "unknown key; did you mean %s?", near)
	d.failed[config.Member(at, near)] = true // so that it is not reported as missing too
}

// member is one value of a map whose keys the user chooses.
type member[T any] struct {
	key   string
	value T
}

// membersOf returns the shape of an object with arbitrary keys, kept in the order of the file.
func membersOf[T any](item shape[T]) shape[[]member[T]] {
	return shape[[]member[T]]{func(d *decoder, n *node, at string) (members []member[T], ok bool) {
		if n.kind != object {
			d.wrongKind(n, at, "an object (key: value)")
			return nil, false
		}
		ok = true
		for _, e := range d.entries(n, at) {
			path := config.Member(at, e.key.text)
			if !d.take(path, e.key.place) {
				return members, false
			}
			value, good := item.read(d, e.value, path)
			members = append(members, member[T]{e.key.text, value})
			ok = ok && good
		}
		return members, ok
	}, schema{"type": "object", "additionalProperties": item.schema}}
}

// mapOf returns the shape of an object with arbitrary keys, as a map.
func mapOf[T any](item shape[T]) shape[map[string]T] {
	members := membersOf(item)
	return shape[map[string]T]{func(d *decoder, n *node, at string) (map[string]T, bool) {
		list, ok := members.read(d, n, at)
		made := make(map[string]T, len(list))
		for _, m := range list {
			made[m.key] = m.value
		}
		return made, ok
	}, members.schema}
}

// entries returns the keys and values of an object: its own, which must be unique, followed by those merged in by << that it
// does not have itself.
func (d *decoder) entries(n *node, at string) []entry {
	var all []entry
	first := map[string]place{}
	for _, e := range n.entries {
		switch earlier, twice := first[e.key.text]; {
		case e.merge:
		case e.key.kind >= list:
			d.errorHere(e.key.place, at, "has a key that is %s: keys are text", e.key.kind)
		case twice:
			path := config.Member(at, e.key.text)
			d.errorHere(e.key.place, path, "is given twice, first in line %d: remove one", earlier.line)
		default:
			first[e.key.text] = e.key.place
			all = append(all, e)
		}
	}
	for _, e := range d.merged(n, at) {
		if _, known := first[e.key.text]; !known {
			first[e.key.text] = e.key.place
			all = append(all, e)
		}
	}
	return all
}

// merged returns the entries of the object or list of objects that << names. The first object with a key wins.
func (d *decoder) merged(n *node, at string) []entry {
	var all []entry
	for _, e := range n.entries {
		if !e.merge {
			continue
		}
		from := []*node{e.value}
		if e.value.kind == list {
			from = e.value.items
		}
		for i, one := range from {
			path := fmt.Sprintf("%s[%d]", config.Member(at, "<<"), i)
			if one.kind != object {
				d.errorHere(one.place, path, "%s and should be an object: << merges its keys in", what(one))
				continue
			}
			if !d.spend(path, one.place) {
				return all
			}
			all = append(all, d.entries(one, at)...)
		}
	}
	return all
}
