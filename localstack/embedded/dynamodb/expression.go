package dynamodb

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// aliases are the placeholders of a request's expressions.
type aliases struct {
	names  map[string]string
	values item
	used   map[string]bool
}

// expressions is the part of a request that concerns expressions.
type expressions struct {
	ConditionExpression       *string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues item
}

func (e expressions) aliases() *aliases {
	return &aliases{e.ExpressionAttributeNames, e.ExpressionAttributeValues, make(map[string]bool)}
}

// unused refuses placeholders that occur in no expression.
func (a *aliases) unused() error {
	check := func(member string, defined []string) error {
		for _, alias := range defined {
			if !a.used[alias] {
				return invalid("Value provided in %s unused in expressions: keys: {%s}", member, alias)
			}
		}
		return nil
	}
	return cmp.Or(check("ExpressionAttributeNames", slices.Sorted(maps.Keys(a.names))),
		check("ExpressionAttributeValues", slices.Sorted(maps.Keys(a.values))))
}

// A parser parses an expression from left to right. It keeps the first error, which takes it to the end.
type parser struct {
	*aliases
	member string // the name of the expression: UpdateExpression
	tokens []string
	at     int
	err    error
}

func (a *aliases) parser(member, text string) *parser {
	p := &parser{aliases: a, member: member}
	p.tokens = p.split(text)
	if p.err == nil && len(p.tokens) == 0 {
		p.fail("The expression can not be empty;")
	}
	return p
}

// split splits an expression into words and signs. It fails at a sign that no expression has.
func (p *parser) split(text string) (tokens []string) {
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		n := wordLength(rest)
		if n == 0 {
			n = 1
			if !strings.ContainsRune("=<>(),.+-[]", rune(rest[0])) {
				p.fail("Syntax error; token: %q, near: %q", rest[:1], rest[:min(len(rest), 16)])
				return nil
			}
		}
		tokens = append(tokens, rest[:n])
		rest = rest[n:]
	}
	return tokens
}

// wordLength returns the length of the name, number or placeholder that text begins with, or 0.
func wordLength(text string) int {
	begin := 0
	if text[0] == '#' || text[0] == ':' {
		begin = 1
	}
	n := begin
	for n < len(text) && (text[n] == '_' || '0' <= text[n] && text[n] <= '9' || 'a' <= text[n]|0x20 && text[n]|0x20 <= 'z') {
		n++
	}
	if n == begin {
		return 0
	}
	return n
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = invalid("Invalid "+p.member+": "+format, args...)
	}
	p.at = len(p.tokens)
}

// notSupported fails because of what AWS has and this package does not.
func (p *parser) notSupported(what string) {
	p.fail("%s is not supported by the embedded DynamoDB.", what)
}

// unexpected fails because of the next token.
func (p *parser) unexpected() {
	if p.at >= len(p.tokens) {
		p.fail("Syntax error; token: <EOF>, near: %q", strings.Join(p.tokens[max(0, len(p.tokens)-2):], " "))
		return
	}
	near := p.tokens[max(0, p.at-1):min(len(p.tokens), p.at+2)]
	p.fail("Syntax error; token: %q, near: %q", p.tokens[p.at], strings.Join(near, " "))
}

func (p *parser) more() bool { return p.at < len(p.tokens) }

// peek returns the next token in upper case, or "" at the end.
func (p *parser) peek() string {
	if !p.more() {
		return ""
	}
	return strings.ToUpper(p.tokens[p.at])
}

// take consumes the next token if it is that one.
func (p *parser) take(token string) bool {
	if p.peek() != token {
		return false
	}
	p.at++
	return true
}

// want consumes the next token, which must be that one.
func (p *parser) want(token string) {
	if !p.take(token) {
		p.unexpected()
	}
}

// word consumes and returns a name or a placeholder.
func (p *parser) word() string {
	if !p.more() || wordLength(p.tokens[p.at]) == 0 || '0' <= p.tokens[p.at][0] && p.tokens[p.at][0] <= '9' {
		p.unexpected()
		return ""
	}
	p.at++
	return p.tokens[p.at-1]
}

// path consumes a name or its placeholder, and returns the name of the attribute.
func (p *parser) path() string {
	name := p.word()
	switch {
	case strings.HasPrefix(name, ":"):
		p.at--
		p.unexpected()
	case strings.HasPrefix(name, "#"):
		name = p.named(name)
	}
	if p.peek() == "." || p.peek() == "[" {
		p.notSupported("A document path")
	}
	return name
}

func (p *parser) named(alias string) string {
	name, defined := p.names[alias]
	if !defined {
		p.fail("An expression attribute name used in the document path is not defined; attribute name: %s", alias)
	}
	p.used[alias] = true
	return name
}

// literal consumes a placeholder and returns its value.
func (p *parser) literal() value {
	alias := p.word()
	if alias != "" && !strings.HasPrefix(alias, ":") {
		p.at--
		p.unexpected()
		return value{}
	}
	v, defined := p.values[alias]
	if !defined {
		p.fail("An expression attribute value used in expression is not defined; attribute value: %s", alias)
	}
	p.used[alias] = true
	return v
}
