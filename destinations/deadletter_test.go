package destinations

import (
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm"
)

func TestDeadLetters(t *testing.T) {
	requestID := attribute{"RequestID", "String", givenUp().RequestID}
	for name, c := range map[string]struct {
		notice esm.Notice
		body   string
		want   []attribute
	}{
		"a function error": {givenUp(), string(givenUp().Payload), []attribute{{"ErrorCode", "Number", "200"}, {"ErrorMessage", "String", "<no> & <never>"}}},
		"throttled":        {notRun(esm.EventAgeExceeded, &esm.NoticeResponse{Status: 429}), string(givenUp().Payload), []attribute{{"ErrorCode", "Number", "429"}}},
		"switched off":     {notRun(esm.ZeroReservedConcurrency, nil), string(givenUp().Payload), nil},
		"no body": {made(func(n *esm.Notice) { n.Payload, n.Response, n.Event.Error = nil, nil, "gone" }), "{}",
			[]attribute{{"ErrorMessage", "String", "gone"}}},
	} {
		n := c.notice
		n.Event.DeadLetter = true
		for _, of := range []func(esm.Notice) (message, error){messageOf, topicMessage} {
			m, err := of(n)
			if err != nil || m.body != c.body || !slices.Equal(m.attributes, append([]attribute{requestID}, c.want...)) {
				t.Errorf("%s: got %q, %v", name, m, err)
			}
		}
	}
}

func TestAttributeTexts(t *testing.T) {
	long := strings.Repeat("x", esm.MaxErrorMessage-1)
	for text, want := range map[string]string{
		"plain":              "plain",
		"a\r\n\tb":           "a\r\n\tb",
		"\x1b[31mred\x00":    "\uFFFD[31mred\uFFFD",
		"\uFFFE\uFFFF":       "\uFFFD\uFFFD",
		"broken \xff\xfe.":   "broken \uFFFD.",
		long + "yz":          long + "y",
		long + "\u00e4":      long + "\uFFFD",
		long[1:] + "\u00e4z": long[1:] + "\u00e4",
		long + "\U0001F600":  long + "\uFFFD",
		long[1:] + "\u20ac":  long[1:] + "\uFFFD",
		"\U0001F600":         "\U0001F600",
	} {
		if got := attributeText(text); got != want {
			t.Errorf("%.40q of %d bytes: got %.40q of %d, want %.40q of %d", text, len(text), got, len(got), want, len(want))
		}
	}
}
