package events

import (
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
)

func TestWriteTable(t *testing.T) {
	now := time.Date(2026, 9, 14, 15, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		list httpserver.EventList
		want string
	}{
		"none": {httpserver.EventList{}, "no event waits\n"},
		"each kind": {httpserver.EventList{More: true, Events: []httpserver.Event{
			{RequestID: "id-1", Function: "orders", Accepted: now.Add(-7 * time.Second), Due: now.Add(time.Minute), Tries: 1, Size: 9, LastError: "out of\nstock"},
			{RequestID: "id-2", Function: "orders", Accepted: now, Due: now, Throttles: 3, Size: 9},
			{RequestID: "damaged-17", Function: "orders", Accepted: now, Due: now, LastError: "event 17 is damaged", Damaged: true},
		}}, `
REQUEST ID  FUNCTION  AGE  NEXT TRY               TRIES  THROTTLES  BYTES  LAST ERROR
id-1        orders    7s   in 1m0s                1      0          9      out of stock
id-2        orders    0s   when a permit is free  0      3          9      -
damaged-17  orders    0s   never: drop it         0      0          0      event 17 is damaged
and more: these are the oldest 3
`},
	} {
		var got strings.Builder
		if err := WriteTable(&got, tt.list, now); err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimPrefix(tt.want, "\n"); got.String() != want {
			t.Errorf("%s: got\n%s, want\n%s", name, got.String(), want)
		}
	}
}
