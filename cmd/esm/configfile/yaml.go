package configfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The limits of a file. The parser's time grows with the square of the tokens, and its stack with the nesting.
const (
	maxBytes   = 512 << 10
	maxTokens  = 50_000
	maxNesting = 100
)

// place is a position in the file: line and column, in characters, from 1. The zero place is nowhere.
type place struct{ line, column int }

// syntaxError is an error that prevents decoding of the whole file.
type syntaxError struct {
	place
	message string
}

func (e *syntaxError) Error() string { return e.message }

// parse parses a file of one YAML 1.2 document into a tree. Its error is a *syntaxError.
func parse(data []byte) (root *node, err error) {
	data = normal(data)
	if err := checkText(data); err != nil {
		return nil, err
	}
	// The parser is third-party code and the file is untrusted: a panic must not end the process.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &syntaxError{message: "is not YAML that can be read here"}
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, inOurWords(err)
	}
	body, err := onlyDocument(file)
	if err != nil {
		return nil, err
	}
	t := tree{anchors: map[string]*node{}}
	return t.convert(body)
}

// normal returns data without a byte order mark and with line feeds as its only line breaks.
func normal(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
}

// widthsOf returns the number of characters of each line.
func widthsOf(data []byte) []int {
	var widths []int
	for line := range bytes.SplitSeq(normal(data), []byte("\n")) {
		widths = append(widths, utf8.RuneCount(line))
	}
	return widths
}

// checkText refuses a file that is too large or not UTF-8.
func checkText(data []byte) error {
	if len(data) > maxBytes {
		return &syntaxError{message: fmt.Sprintf("is larger than %d bytes", maxBytes)}
	}
	for i, line := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(line) {
			return &syntaxError{place{i + 1, 1}, "is not UTF-8 text"}
		}
	}
	return nil
}

// checkTokens refuses a file with too many tokens or nested too deeply, before the parser works on it. Flow collections are
// counted; a block collection cannot be nested deeper than its column.
func checkTokens(tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return &syntaxError{placeOf(tokens[maxTokens]), fmt.Sprintf("has more than %d words and signs: split the file", maxTokens)}
	}
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			if depth == 0 && t.Position.Column > 2*maxNesting {
				return tooDeep(t)
			}
		}
		if depth > maxNesting {
			return tooDeep(t)
		}
	}
	return nil
}

func tooDeep(t *token.Token) error {
	return &syntaxError{placeOf(t), fmt.Sprintf("is nested more than %d deep", maxNesting)}
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// inOurWords keeps the parser's message and place, and replaces the message for the most common mistake, a tab.
func inOurWords(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return &syntaxError{message: "is not YAML: " + err.Error()}
	}
	message := "is not YAML: " + y.GetMessage()
	if strings.Contains(y.GetMessage(), "'\t'") {
		message = "is not YAML: a tab where blanks are wanted; indent with blanks alone"
	}
	return &syntaxError{placeOf(y.GetToken()), message}
}

// onlyDocument returns the content of a file that has exactly one document.
func onlyDocument(file *ast.File) (ast.Node, error) {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			return nil, &syntaxError{placeOf(firstToken(doc)), "begins a second document: a mappings file is a single one"}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, &syntaxError{place{1, 1}, "is empty: a mappings file is an object with the keys Functions and EventSourceMappings"}
	}
	return body, nil
}

func firstToken(doc *ast.DocumentNode) *token.Token {
	if doc.Start != nil {
		return doc.Start
	}
	return doc.Body.GetToken()
}
