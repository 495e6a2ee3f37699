package observe

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// logged returns the lines about events, one each second, without time, mapping, source and function.
func logged(t *testing.T, level slog.Level, events ...trace.Event) (all []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		handler := slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})
		l := &Logs{Handler: handler, Mappings: described([]Mapping{orders})}
		for _, e := range events {
			report(l, e)
			time.Sleep(time.Second)
		}
		for line := range strings.Lines(out.String()) {
			all = append(all, withoutMapping(t, line))
		}
	})
	return all
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// withoutMapping checks that a line names the mapping, and leaves that out.
func withoutMapping(t *testing.T, line string) string {
	t.Helper()
	who := `,"mapping":"` + uuid + `","source":"arn:aws:sqs:us-east-1:000000000000:orders","function":"f:live"`
	rest := strings.Replace(line, who, "", 1)
	if rest == line && !strings.Contains(line, `"msg":"environment`) {
		t.Errorf("%s does not name the mapping", line)
	}
	return rest
}

func TestLogsOfABatch(t *testing.T) {
	check(t, strings.Join(logged(t, slog.LevelDebug, story()...), ""), `
{"level":"INFO","msg":"state","state":"Enabled"}
{"level":"DEBUG","msg":"scaled","pollers":5}
{"level":"DEBUG","msg":"received","records":10,"tookMs":40}
{"level":"DEBUG","msg":"filtered out","records":2}
{"level":"DEBUG","msg":"deleted","records":2,"filtered":true}
{"level":"DEBUG","msg":"invoking","requestId":"id-1","records":8}
{"level":"WARN","msg":"batch","requestId":"id-1","records":8,"outcome":"Partial","tookMs":123.456,"tries":1,"reason":"ItemFailures","failed":3,"detail":""}
{"level":"DEBUG","msg":"deleted","records":5,"filtered":false}
{"level":"DEBUG","msg":"left in the queue","records":3,"reason":"ItemFailures"}
`)
}

func TestLogsOfEveryOutcome(t *testing.T) {
	check(t, strings.Join(logged(t, slog.LevelInfo,
		invoked(trace.Done, "", "", 1),
		invoked(trace.Failed, "FunctionError", "Unhandled: \"boom\"", 1),
		invoked(trace.NotRun, "Throttled", "no permit", 1),
		invoked(trace.NotRun, "Throttled", "no permit", 2),
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "FunctionError"},
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "RecordTooLarge"},
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "Stopping"},
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "NoPermit", Err: errRefused},
		trace.Slowed{Mapping: uuid, Err: errors.New("polls do not wait")},
		trace.Slowed{Mapping: uuid, Err: errors.New("polls do not wait")},
	), ""), `
{"level":"INFO","msg":"batch","requestId":"id-1","records":8,"outcome":"Done","tookMs":12,"tries":1}
{"level":"WARN","msg":"batch","requestId":"id-1","records":8,"outcome":"Failed","tookMs":12,"tries":1,"reason":"FunctionError","failed":8,"detail":"Unhandled: \"boom\""}
{"level":"WARN","msg":"batch","requestId":"id-1","records":8,"outcome":"NotRun","tookMs":12,"tries":1,"reason":"Throttled","failed":8,"detail":"no permit"}
{"level":"WARN","msg":"left in the queue","records":2,"reason":"RecordTooLarge"}
{"level":"INFO","msg":"left in the queue","records":2,"reason":"Stopping"}
{"level":"WARN","msg":"left in the queue","records":2,"reason":"NoPermit","error":"connection refused"}
{"level":"WARN","msg":"polling is slowed down","error":"polls do not wait"}
`)
}

func TestLogsOfTrouble(t *testing.T) {
	down := trace.Failing{Mapping: uuid, Err: errRefused, Wait: 1500 * time.Millisecond}
	poll := trace.Received{Mapping: uuid}
	events := []trace.Event{trace.Started{Function: "f", Err: errors.New("no such file")}, trace.Started{Function: "f", Err: errors.New("no such file")}}
	for range 61 {
		events = append(events, down, trace.Received{Mapping: uuid, Err: errRefused})
	}
	for range 5 {
		events = append(events, poll)
	}
	check(t, strings.Join(logged(t, slog.LevelInfo, events...), ""), `
{"level":"WARN","msg":"environment did not start","function":"f","tookMs":0,"error":"no such file"}
{"level":"WARN","msg":"trying again","error":"connection refused","waitMs":1500}
{"level":"WARN","msg":"trying again","error":"connection refused","waitMs":1500}
{"level":"WARN","msg":"trying again","error":"connection refused","waitMs":1500}
{"level":"INFO","msg":"the source answers again"}
`)
	if got := len(logged(t, slog.LevelDebug, down, down, down)); got != 3 {
		t.Errorf("at DEBUG %d of 3 tries are told", got)
	}
}

func TestLogsOfSuspiciousAnswers(t *testing.T) {
	odd := invoked(trace.Done, "", "is ignored", 1)
	check(t, strings.Join(logged(t, slog.LevelWarn, odd, odd), ""), `
{"level":"WARN","msg":"the answer counts as success","requestId":"id-1","detail":"is ignored"}
`)
}

// Lines of logs are read by machines: the text format too must keep to one line each.
func TestLogsStayOnOneLine(t *testing.T) {
	var out strings.Builder
	l := &Logs{Handler: slog.NewTextHandler(&out, nil), Mappings: described(nil)}
	report(l, invoked(trace.Failed, "FunctionError", "first\nsecond\n", 1))
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("got %d lines: %s", n, out.String())
	}
}

func TestOutputs(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	events := []trace.Event{
		trace.Output{Function: "f", ID: "id-1", Line: "START RequestId: id-1", Platform: true, Time: at},
		trace.Output{Function: "f", ID: "id-1", Line: `<b> & "c"`, Time: at},
		trace.Output{Function: "f", Line: "outside", Time: at},
		trace.Output{Function: "f", Line: "", Time: at},
		invoked(trace.Done, "", "", 1), // not its affair
	}
	for _, c := range []struct {
		name string
		o    *Outputs
		want string
	}{
		{"text", &Outputs{}, "[f id-1] <b> & \"c\"\n[f -] outside\n[f -] \n"},
		{"with the platform's", &Outputs{Platform: true}, "[f id-1] START RequestId: id-1\n[f id-1] <b> & \"c\"\n[f -] outside\n[f -] \n"},
		{"JSON", &Outputs{JSON: true}, `{"time":"2026-01-02T02:04:05.000006Z","function":"f","requestId":"id-1","line":"<b> & \"c\""}
{"time":"2026-01-02T02:04:05.000006Z","function":"f","line":"outside"}
{"time":"2026-01-02T02:04:05.000006Z","function":"f","line":""}
`},
	} {
		var out strings.Builder
		c.o.W = &out
		report(c.o, events...)
		if got := out.String(); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// A traceback is one event of several lines, joined by carriage returns.
func TestOutputsOfSeveralLines(t *testing.T) {
	var out strings.Builder
	o := &Outputs{W: &out}
	report(o, trace.Output{Function: "f", ID: "id-1", Line: "[ERROR] ValueError: no\rTraceback:\r  File \"app.py\"\r"})
	if want := "[f id-1] [ERROR] ValueError: no\n[f id-1] Traceback:\n[f id-1]   File \"app.py\"\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func FuzzOutputsAreJSON(f *testing.F) {
	f.Add("f", "id", "\x00\xff<line>\u2028")
	f.Fuzz(func(t *testing.T, function, id, line string) {
		var out strings.Builder
		report(&Outputs{W: &out, JSON: true}, trace.Output{Function: function, ID: id, Line: line})
		if text := out.String(); !json.Valid([]byte(text)) || strings.Count(text, "\n") != 1 {
			t.Errorf("%q is not one line of JSON", text)
		}
	})
}
