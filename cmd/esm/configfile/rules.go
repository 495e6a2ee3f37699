package configfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/esm-run/esm/config"
)

// A rule checks a text. Its wrong returns a predicate to put after the text, or "". Its schema is the same rule in JSON
// Schema. A text with ${…} satisfies every schema, because an editor does not know the variable's value.
type rule struct {
	wrong  func(s string) string
	schema schema
}

// matching requires the whole text to match form, and otherwise returns fault.
func matching(form, fault string) rule {
	re := regexp.MustCompile(`^(?:` + form + `)$`)
	return rule{func(s string) string {
		if re.MatchString(s) {
			return ""
		}
		return fault
	}, schema{"pattern": orVariable(form)}}
}

// orVariable returns a JSON Schema pattern for a text that matches form or has a ${…}.
func orVariable(form string) string {
	return `^(?:` + form + `)$|\$\{`
}

// notEmpty requires at least one character.
var notEmpty = rule{func(s string) string {
	if s == "" {
		return "is empty"
	}
	return ""
}, schema{"minLength": 1}}

// oneOf requires one of the words, spelled exactly.
func oneOf(words ...string) rule {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = regexp.QuoteMeta(w)
	}
	return rule{func(s string) string {
		if slices.Contains(words, s) {
			return ""
		}
		return "should be " + config.OrList(words) + suggestion(s, words)
	}, schema{"anyOf": []schema{{"enum": words}, {"pattern": `\$\{`}}}}
}

// suggestion returns a question naming the nearest of words, or "" if none is near.
func suggestion(s string, words []string) string {
	if near := nearest(s, words); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// nearest returns the word that differs from s in case only, or else by the fewest slips: at most two, and fewer than half
// of its letters. It returns "" if there is none.
func nearest(s string, words []string) string {
	best, fewest := "", 3
	for _, w := range words {
		if strings.EqualFold(s, w) {
			return w
		}
		if n := slips(strings.ToLower(s), strings.ToLower(w)); n < fewest && 2*n < len(w) {
			best, fewest = w, n
		}
	}
	return best
}

// slips counts the letters to insert, remove, replace or swap with their neighbours to get from a to b.
func slips(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}

// seconds requires the digits of a whole number from low to high: attributes of queues are text.
func seconds(low, high int) rule {
	return rule{func(s string) string {
		value, err := strconv.Atoi(s)
		if err != nil || strings.ContainsAny(s, "+-") {
			return fmt.Sprintf("should be a whole number from %d to %d", low, high)
		}
		if value < low || value > high {
			return fmt.Sprintf("should be from %d to %d", low, high)
		}
		return ""
	}, schema{"pattern": orVariable(`[0-9]+`)}}
}

// jsonRule requires the text of a JSON object.
var jsonRule = rule{func(s string) string {
	var o map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &o); err != nil || o == nil {
		return "is not the text of a JSON object"
	}
	return ""
}, schema{}}

// base64Rule requires padded base64.
var base64Rule = matching(`([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?`, "is not base64")

// redriveRule requires the JSON text of a RedrivePolicy.
var redriveRule = rule{func(s string) string {
	policy, err := readRedrive(s)
	if err != nil || policy.deadLetterTargetArn == "" || policy.maxReceiveCount < 1 || policy.maxReceiveCount > 1000 {
		return `is not JSON such as {"deadLetterTargetArn": "arn:aws:sqs:…", "maxReceiveCount": "5"}, with a count from 1 to 1000`
	}
	return ""
}, schema{}}
