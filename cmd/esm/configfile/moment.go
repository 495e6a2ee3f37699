package configfile

import (
	"math"
	"strconv"
	"time"
)

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

var momentText = textOf(rule{func(s string) string {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return "is not a time such as 2026-03-04T05:06:07Z"
	}
	return ""
}, schema{"pattern": orVariable(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})`)}})

// moment is a point in time: seconds since 1970, as in Lambda's API, or RFC 3339 text.
var moment = shape[time.Time]{func(d *decoder, n *node, at string) (time.Time, bool) {
	const want = "a number of seconds since 1970, or text such as 2026-03-04T05:06:07Z"
	switch n.kind {
	case integer, number:
		value, err := strconv.ParseFloat(n.text, 64)
		if err != nil || math.IsNaN(value) || value < 0 || value > lastSecond {
			d.errorf(at, "%s should be %s", n.text, want)
			return time.Time{}, false
		}
		whole, fraction := math.Modf(value)
		return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true
	case text:
		s, ok := momentText.read(d, n, at)
		if !ok {
			return time.Time{}, false
		}
		value, err := time.Parse(time.RFC3339, s)
		return value.UTC(), err == nil
	}
	d.wrongKind(n, at, want)
	return time.Time{}, false
}, schema{"anyOf": []schema{{"type": "number", "minimum": 0, "maximum": lastSecond}, momentText.schema}}}
