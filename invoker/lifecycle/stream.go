package lifecycle

import "bytes"

// longestLine is what CloudWatch Logs takes as one event, in bytes. A longer line is continued in the next.
const longestLine = 256 << 10

// maxKept is how much of a line's memory a Stream keeps for the next line.
const maxKept = 32 << 10

// Stream cuts what a runtime or an extension writes to one of its outputs into lines. Calls are not concurrent.
type Stream struct {
	output    *Output
	extension bool
	rest      []byte // a line without its end
}

// Stream returns a Stream of o's runtime: each for one of its outputs.
func (o *Output) Stream() *Stream { return &Stream{output: o} }

// ExtensionStream returns a Stream of an external extension: each for one of its outputs.
func (o *Output) ExtensionStream() *Stream { return &Stream{output: o, extension: true} }

// Write passes on the lines of data and keeps what is left. It never fails, and does not keep data.
func (s *Stream) Write(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		part, next := rest, rest[len(rest):]
		if end >= 0 {
			part, next = rest[:end], rest[end+1:]
		}
		if room := longestLine - len(s.rest); len(part) > room {
			part, next, end = rest[:room], rest[room:], room
		}
		switch {
		case end < 0:
			s.rest = append(s.rest, part...)
		case len(s.rest) == 0:
			s.output.line(part, s.extension)
		default:
			s.output.line(append(s.rest, part...), s.extension)
			s.rest = s.rest[:0]
		}
		rest = next
	}
	if len(s.rest) == 0 && cap(s.rest) > maxKept {
		s.rest = nil
	}
	return len(data), nil
}

// Flush passes on a line that has no end yet.
func (s *Stream) Flush() {
	if len(s.rest) > 0 {
		s.output.line(s.rest, s.extension)
		s.rest = nil
	}
}
