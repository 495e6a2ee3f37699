package undelivered

import (
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

const function = "arn:aws:lambda:us-east-1:000000000000:function:"

func TestSelection(t *testing.T) {
	store := &checkpointtest.Memory{}
	for id, arn := range map[string]string{"latest": function + "f:$LATEST", "bare": function + "f", "live": function + "f:live", "other": function + "ff", "none": ""} {
		if err := store.Keep(t.Context(), esm.Notice{ID: id, FunctionArn: arn}, oldQueue, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		wanted Selection
		want   string
		err    string
	}{
		{Selection{All: true}, "bare latest live none other", ""},
		{Selection{}, "", ""},
		{Selection{IDs: []string{"live", "bare", "live"}}, "bare live", ""},
		{Selection{IDs: []string{"live", "gone"}}, "", "there is no undelivered notice gone"},
		{Selection{Function: "f"}, "bare latest live", ""},
		{Selection{Function: "f:$LATEST"}, "bare latest", ""},
		{Selection{Function: "f:live"}, "live", ""},
		{Selection{Function: "f:old"}, "", ""},
		{Selection{Function: function + "f:live"}, "live", ""},
		{Selection{Function: "000000000000:function:ff"}, "other", ""},
		{Selection{Function: strings.ReplaceAll(function, "us-", "eu-") + "f"}, "", ""},
		{Selection{Function: "111122223333:function:f"}, "", ""},
		{Selection{Function: "a b"}, "", "--function a b is neither a function's name"},
	} {
		err := c.wanted.Check()
		var found []string
		if err == nil {
			found, err = c.wanted.Find(store.Undelivered(t.Context()))
		}
		if got := sorted(found); got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: got %q, %v", c.wanted, got, err)
		}
	}
}
