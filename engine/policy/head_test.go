package policy_test

import (
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"pgregory.net/rapid"
)

func TestHead(t *testing.T) {
	sized := func(sizes ...int) []esm.Record {
		recs := records(1, len(sizes))
		for i, size := range sizes {
			recs[i].Event = []byte(strings.Repeat("x", size))
		}
		return recs
	}
	g := policy.Batching{Size: 3, MaxBytes: len(`{"Records":[]}`) + 10}
	for _, test := range []struct {
		name            string
		recs            []esm.Record
		n               int
		full, oversized bool
	}{
		{"nothing", nil, 0, false, false},
		{"one", sized(10), 1, false, false},
		{"two that fit, with the comma", sized(5, 4), 2, false, false},
		{"two that do not", sized(5, 5), 1, true, false},
		{"as many as there may be", sized(1, 1, 1), 3, true, false},
		{"more", sized(1, 1, 1, 1), 3, true, false},
		{"one that is too large", sized(11), 1, true, true},
		{"one that is too large, and more", sized(11, 1), 1, true, true},
		{"before one that is too large", sized(1, 11, 1), 1, true, false},
	} {
		n, full, oversized := g.Head(test.recs)
		if n != test.n || full != test.full || oversized != test.oversized {
			t.Errorf("%s: got %d, full %v, oversized %v", test.name, n, full, oversized)
		}
	}
}

// Batches cut from the head hold every record once, in order; each is as large as it may be, and no larger.
func TestHeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := records(1, rapid.IntRange(0, 30).Draw(t, "records"))
		for i := range recs {
			recs[i].Event = []byte(strings.Repeat("x", rapid.IntRange(1, 60).Draw(t, "bytes")))
		}
		g := policy.Batching{Size: rapid.IntRange(1, 8).Draw(t, "size"), MaxBytes: rapid.IntRange(20, 150).Draw(t, "most")}
		for rest := recs; len(rest) > 0; {
			n, full, oversized := g.Head(rest)
			if n < 1 || n > g.Size || oversized && n > 1 {
				t.Fatalf("%d records, oversized %v", n, oversized)
			}
			if fits := len(policy.Payload(rest[:n])) <= g.MaxBytes; fits == oversized {
				t.Fatalf("%d records fit %v, oversized %v", n, fits, oversized)
			}
			couldGrow := n < g.Size && (n == len(rest) || len(policy.Payload(rest[:n+1])) <= g.MaxBytes)
			if full == couldGrow && !oversized {
				t.Fatalf("%d of %d records, full %v", n, len(rest), full)
			}
			rest = rest[n:]
		}
	})
}
