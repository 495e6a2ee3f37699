package status

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/httpserver"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/mappings"
)

var (
	statusTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	someStatus = httpserver.Status{
		Version: "v1", PID: 7, Started: statusTime, Waiting: []string{"others → g:live"},
		Status: observe.Status{
			Mappings: []observe.MappingStatus{{
				Mapping: someMapping, State: "Enabled", Polling: true, Pollers: 5, InFlight: 1, LastResult: "FunctionError",
				LastError:   &observe.Note{Time: statusTime, Text: "Unhandled:\n \x1b[31mboom " + strings.Repeat("é", 100)},
				LastWarning: &observe.Note{Time: statusTime, Text: "an odd answer"},
				Polled:      12, Deleted: 3,
			}, {
				Mapping: observe.Mapping{Source: "arn:aws:sqs:us-east-1:000000000000:others", Function: "g:live"}, State: "Enabled", Failing: true,
			}},
			Functions: []observe.FunctionStatus{{Name: "f", Environments: 2, Busy: 1, Invocations: 4, Errors: 1}},
		},
	}
)

var someMapping = observe.Mapping{UUID: "u", Source: "arn:aws:sqs:us-east-1:000000000000:orders", Function: "f"}

func TestStatusTable(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, someStatus, statusTime.Add(90*time.Minute+499*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	want := `esm v1, process 7, up 1h30m0s
not ready, waiting for others → g:live

SOURCE  FUNCTION  STATE              POLLERS  IN FLIGHT  POLLED  DELETED  LAST RESULT    LAST ERROR
orders  f         Enabled            5        1          12      3        FunctionError  03:04:05 Unhandled: [31mboom ` + strings.Repeat("é", 59) + `…
others  g:live    Enabled (failing)  0        0          0       0        -              -

FUNCTION  ENVIRONMENTS  BUSY  INVOCATIONS  ERRORS  THROTTLES  LAST ERROR
f         2             1     4            1       0          -

warning: orders → f: 03:04:05 an odd answer
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEnvironmentsTable(t *testing.T) {
	many := make([]observe.EnvironmentStatus, 12)
	for i := range many {
		many[i] = observe.EnvironmentStatus{State: "starting", Kind: "on-demand", Started: statusTime}
	}
	functions := []observe.FunctionStatus{{Name: "none"}, {Name: "f", List: []observe.EnvironmentStatus{
		{ID: "0123456789abcdef", State: "busy", Kind: "provisioned", Started: statusTime, Invocations: 12, Memory: 40},
		{ID: "b", State: "frozen", Kind: "spare", Started: statusTime.Add(time.Minute)},
	}}, {Name: "g", List: many, MoreEnvironments: 3, States: map[string]int{"starting": 14, "busy": 1}}}
	var out strings.Builder
	writeEnvironments(&out, functions, statusTime.Add(90*time.Minute))
	want := `
ENVIRONMENT   FUNCTION  STATE     KIND         AGE    INVOCATIONS  MEMORY
0123456789ab  f         busy      provisioned  1h30m  12           40 MB
b             f         frozen    spare        1h29m  0            -
` + strings.Repeat("-             g         starting  on-demand    1h30m  0            -\n", 10) +
		"and 5 more    g         in all: 14 starting, 1 busy\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	out.Reset()
	writeEnvironments(&out, functions[:1], statusTime)
	if got := out.String(); got != "" {
		t.Errorf("without environments: %s", got)
	}
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		wrong  string // what the error says; empty if there is none
	}{
		{"an engine", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(someStatus) }, ""},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "something else does (HTTP 200)"},
		{"other JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, "something else does (HTTP 200)"},
		{"another server", http.NotFound, "something else does (HTTP 404)"},
		{"an answer cut short", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "no engine answers"},
	} {
		server := httptest.NewServer(c.answer)
		status, raw, err := Ask(t.Context(), server.Listener.Addr().String())
		server.Close()
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.wrong)
			}
			continue
		}
		if err != nil || status.PID != 7 || len(status.Mappings) != 2 || !json.Valid(raw) {
			t.Errorf("%s: got %+v, %s, %v", c.name, status, raw, err)
		}
	}
}

func TestStateOf(t *testing.T) {
	for _, c := range []struct {
		status observe.MappingStatus
		want   string
	}{
		{observe.MappingStatus{Origin: mappings.OriginFile}, "Enabled"},
		{observe.MappingStatus{Origin: mappings.OriginFile, Failing: true}, "Enabled (failing)"},
		{observe.MappingStatus{Origin: mappings.OriginFile, Changed: true}, "Enabled (changed over HTTP)"},
		{observe.MappingStatus{Origin: mappings.OriginHTTP, Failing: true}, "Enabled (created over HTTP, failing)"},
	} {
		c.status.State = mappings.Enabled
		if got := stateOf(c.status); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
