package observe

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestNewsOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r repeats
		for _, c := range []struct {
			after       time.Duration // since the step before
			about, text string
			want        bool
		}{
			{0, "orders", "down", true},
			{0, "orders", "down", false},
			{0, "orders", "slow", true},
			{0, "others", "down", true},
			{59 * time.Second, "orders", "down", false},
			{time.Second, "orders", "down", true}, // a minute after it was told, not after it came up
			{59 * time.Second, "orders", "down", false},
			{time.Second, "orders", "down", true},
		} {
			time.Sleep(c.after)
			if got := r.news(time.Now(), c.about, c.text, everyMinute); got != c.want {
				t.Errorf("%v: %s %s: got %v, want %v", time.Now(), c.about, c.text, got, c.want)
			}
		}
	})
}

func TestRepeatsAreOverAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r repeats
		if r.over(time.Now(), "orders") {
			t.Error("what never was is over")
		}
		r.news(time.Now(), "orders", "down", everyMinute)
		time.Sleep(calm - 1)
		if r.over(time.Now(), "orders") {
			t.Error("over too soon")
		}
		r.news(time.Now(), "orders", "down", everyMinute) // not told, and comes up all the same
		time.Sleep(calm - 1)
		if r.over(time.Now(), "orders") {
			t.Error("over too soon after it came up again")
		}
		time.Sleep(time.Nanosecond)
		if !r.over(time.Now(), "orders") || r.over(time.Now(), "orders") {
			t.Error("it is over not once")
		}
		if !r.news(time.Now(), "orders", "down", everyMinute) {
			t.Error("what begins anew is no news")
		}
	})
}

func TestNewsIsLimitedWhateverTheTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r repeats
		told := 0
		for i := range 120 { // two minutes, in steps of a second
			if r.news(time.Now(), "orders", fmt.Sprint("error ", i), everyMinute) {
				told++
			}
			time.Sleep(time.Second)
		}
		if told != 2*maxTexts {
			t.Errorf("told %d texts in two minutes, want %d", told, 2*maxTexts)
		}
	})
}

func TestKindOfErrors(t *testing.T) {
	answered := func(id string) error {
		inner := &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 400}}, Err: errors.New("NonExistentQueue")}
		return fmt.Errorf("sqs: %w", &sdkhttp.ResponseError{ResponseError: inner, RequestID: id})
	}
	lost := func(port int) error {
		from, to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4566}
		return fmt.Errorf("sqs: %w", &net.OpError{Op: "read", Net: "tcp", Source: from, Addr: to, Err: errors.New("reset")})
	}
	for _, c := range []struct {
		name string
		a, b error
		same bool
	}{
		{"two requests", answered("d2f21765"), answered("590c384d"), true},
		{"two connections", lost(40001), lost(40002), true},
		{"no request's id", answered(""), answered(""), true},
		{"another error", answered("d2f21765"), lost(40001), false},
		{"plain texts", errors.New("a"), errors.New("b"), false},
	} {
		if same := kind(c.a) == kind(c.b); same != c.same {
			t.Errorf("%s: %q and %q: same %v, want %v", c.name, kind(c.a), kind(c.b), same, c.same)
		}
	}
}
