package bootstrap

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTransport(t *testing.T) {
	large := strconv.Quote(strings.Repeat("0123456789abcdef", 1<<18)) // 4 MiB
	inBoth(t, func(t *testing.T, lang lang) {
		for name, set := range map[string]func(*fakeAPI){
			"plain":                                 func(*fakeAPI) {},
			"events in chunks":                      func(f *fakeAPI) { f.chunked = true },
			"connections that are closed each time": func(f *fakeAPI) { f.hangUp = true },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				api := newFakeAPI(t)
				set(api)
				p := begin(t, api, lang.function(t, map[string]string{lang.file: lang.echo}))
				for i, payload := range []string{"1", large, `"ü"`, "{}"} {
					got := p.invoke(event{id: fmt.Sprint("id-", i), payload: payload})
					if escaped(got.body) != payload {
						t.Errorf("event %d of %d bytes: got %d bytes, want it back", i, len(payload), len(got.body))
					}
				}
			})
		}
	})
}

// When a server drops a parked connection, the runtime asks again.
func TestParkedConnectionIsDropped(t *testing.T) {
	inBoth(t, func(t *testing.T, lang lang) {
		p := lang.start(t, lang.echo)
		p.invoke(event{id: "1", payload: "1"})
		p.invoke(event{id: "2", payload: "2"})
		for range 3 {
			<-p.api.asked
		}
		p.api.CloseClientConnections()
		<-p.api.dropped
		if got := p.invoke(event{id: "3", payload: "3"}); got.body != "3" {
			t.Errorf("got %s, want 3", got.body)
		}
	})
}

// A Runtime API that refuses next is not asked again: the runtime ends.
func TestNextIsRefused(t *testing.T) {
	inBoth(t, func(t *testing.T, lang lang) {
		api := newFakeAPI(t)
		asked := 0
		api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			http.Error(w, `{"errorMessage":"no","errorType":"InvalidStateTransition"}`, http.StatusForbidden)
		})
		p := begin(t, api, lang.function(t, map[string]string{lang.file: lang.echo}))
		if got := p.exit(); got != 1 || asked != 1 {
			t.Errorf("got exit code %d after %d requests, want 1 after 1", got, asked)
		}
		if got, want := p.out.String(), "invocation/next answered 403"; !strings.Contains(got, want) {
			t.Errorf("got %q, want it to say %q", got, want)
		}
	})
}

// A response that is refused for its size does not end the runtime: the caller has been answered.
func TestResponseIsTooLarge(t *testing.T) {
	inBoth(t, func(t *testing.T, lang lang) {
		p := lang.start(t, lang.echo)
		p.api.tooLarge = 1000
		p.invoke(event{id: "1", payload: strconv.Quote(strings.Repeat("x", 2000))})
		if got := p.invoke(event{id: "2", payload: `"x"`}).body; got != `"x"` {
			t.Errorf("got %s, want an answer to the next event", got)
		}
	})
}

// BenchmarkWarm measures one warm invocation: from an event to the runtime's request for the next.
func BenchmarkWarm(b *testing.B) {
	for _, lang := range both {
		b.Run(lang.name, func(b *testing.B) {
			p := lang.start(b, lang.echo)
			p.invoke(event{id: "first", payload: "{}"})
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				p.api.events <- event{id: "id", payload: `{"Records":[{"messageId":"1","body":"hello"}]}`}
				<-p.api.answers
				took = append(took, time.Since(start))
			}
			b.ReportMetric(float64(percentile(took, 50).Microseconds()), "p50-µs")
			b.ReportMetric(float64(percentile(took, 99).Microseconds()), "p99-µs")
		})
	}
}
