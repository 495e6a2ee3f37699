package configfile

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

type kind int

const (
	null kind = iota
	boolean
	integer
	number
	text
	list
	object
)

// node is one value of the file. An alias is the node of its anchor, so a tree may share branches. It has no cycles, because
// an anchor is known only once its value is complete.
type node struct {
	place
	kind    kind
	text    string  // of a scalar, as written but unquoted and with ${…} not yet expanded
	quoted  bool    // text that was written in quotes or as a block
	items   []*node // of a list
	entries []entry // of an object, in the file's order
}

// entry is one key of an object and its value. The merge key << has an empty key node text and merge set.
type entry struct {
	key, value *node
	merge      bool
}

// tree converts the parser's syntax into nodes. Anchors holds those seen so far; the latest of a name counts.
type tree struct {
	anchors map[string]*node
}

func (t tree) convert(n ast.Node) (*node, error) {
	switch n := n.(type) {
	case *ast.AnchorNode:
		return t.anchor(n)
	case *ast.AliasNode:
		return t.alias(n)
	case *ast.TagNode:
		return t.tagged(n)
	case *ast.MappingNode:
		return t.object(n, n.Values)
	case *ast.MappingValueNode:
		return t.object(n, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		return t.list(n)
	case *ast.LiteralNode:
		return &node{place: placeOf(n.Start), kind: text, text: n.Value.Value, quoted: true}, nil
	case *ast.StringNode:
		return stringNode(n), nil
	case *ast.NullNode:
		return &node{place: placeOf(n.Token), kind: null}, nil
	case ast.ScalarNode:
		return plain(n.GetToken()), nil
	}
	return nil, &syntaxError{message: "has a kind of YAML value that has no meaning here"}
}

func stringNode(n *ast.StringNode) *node {
	switch n.Token.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		return &node{place: placeOf(n.Token), kind: text, text: n.Value, quoted: true}
	}
	return &node{place: placeOf(n.Token), kind: plainKind(n.Value), text: n.Value}
}

func plain(t *token.Token) *node {
	return &node{place: placeOf(t), kind: plainKind(t.Value), text: t.Value}
}

func (t tree) anchor(n *ast.AnchorNode) (*node, error) {
	value, err := t.convert(n.Value)
	if err == nil {
		t.anchors[n.Name.GetToken().Value] = value
	}
	return value, err
}

func (t tree) alias(n *ast.AliasNode) (*node, error) {
	name := n.Value.GetToken().Value
	value, known := t.anchors[name]
	if !known {
		return nil, &syntaxError{placeOf(n.Start), "*" + name + " has no anchor &" + name + " before it"}
	}
	return value, nil
}

// tagged accepts the tags of YAML 1.2's core schema that match the value's kind, and !!str on scalars.
func (t tree) tagged(n *ast.TagNode) (*node, error) {
	tag := n.Start.Value
	value, err := t.convert(n.Value)
	if err != nil {
		return nil, err
	}
	want := map[string]kind{"!!map": object, "!!seq": list, "!!bool": boolean, "!!int": integer, "!!float": number, "!!null": null}
	k, known := want[tag]
	switch {
	case tag == "!!str" && value.kind < list:
		return &node{place: value.place, kind: text, text: value.text, quoted: true}, nil
	case known && value.kind == k:
		return value, nil
	}
	return nil, &syntaxError{placeOf(n.Start), "the tag " + tag + " has no meaning here: remove it"}
}

func (t tree) list(n *ast.SequenceNode) (*node, error) {
	made := &node{place: placeOf(n.Start), kind: list}
	for _, v := range n.Values {
		item, err := t.convert(v)
		if err != nil {
			return nil, err
		}
		made.items = append(made.items, item)
	}
	return made, nil
}

func (t tree) object(n ast.Node, values []*ast.MappingValueNode) (*node, error) {
	made := &node{place: placeOf(n.GetToken()), kind: object}
	for _, v := range values {
		e, err := t.entry(v)
		if err != nil {
			return nil, err
		}
		made.entries = append(made.entries, e)
	}
	if len(made.entries) > 0 && n.GetToken().Type != token.MappingStartType {
		made.place = made.entries[0].key.place // a block begins with its first key
	}
	return made, nil
}

func (t tree) entry(v *ast.MappingValueNode) (e entry, err error) {
	if v.Key.IsMergeKey() {
		e.merge, e.key = true, &node{place: placeOf(v.Key.GetToken()), kind: text, text: "<<"}
	} else if e.key, err = t.key(v.Key); err != nil {
		return entry{}, err
	}
	e.value, err = t.convert(v.Value)
	return e, err
}

func (t tree) key(n ast.MapKeyNode) (*node, error) {
	if explicit, ok := n.(*ast.MappingKeyNode); ok {
		return t.convert(explicit.Value)
	}
	if word, ok := n.(*ast.NullNode); ok { // DynamoDB has a type NULL
		return plain(word.Token), nil
	}
	return t.convert(n)
}
