package esm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

func TestIsTraceHeader(t *testing.T) {
	const root = "Root=1-5759e988-bd862e3fe1be46a994272793"
	for header, want := range map[string]bool{
		root: true, root + ";Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:9c94b8f6:0": true, "Parent=53995c3f42cd8ad8; " + root: true,
		esm.NewTraceHeader(time.Now()): true, root + ";" + strings.Repeat("x", 500-len(root)-1): true,
		"": false, "Root=1-0-1": false, "X" + root: false, root + "0": false, root[:15] + "x" + root[16:]: false, root[:10] + root[11:]: false,
		strings.ToUpper(root): false, "\t" + root: false, root + "\x7f": false,
		root + ";a=\r\nX-Evil: 1": false, root + ";ä": false, root + "\n": false, root + ";" + strings.Repeat("x", 500-len(root)): false,
	} {
		if got := esm.IsTraceHeader(header); got != want {
			t.Errorf("%q: got %v", header, got)
		}
	}
}
