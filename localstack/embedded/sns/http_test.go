package sns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

// A web is an HTTP(S) endpoint that answers with statuses in turn; 0 is no answer. Its last status stays.
type web struct {
	mu       sync.Mutex // guards statuses and got while s runs
	statuses []int
	got      []string      // the time since the start, the headers of SNS and the body
	hang     time.Duration // before it answers
	start    time.Time
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	var headers []string
	for _, name := range []string{"Content-Type", "X-Amz-Sns-Message-Type", "X-Amz-Sns-Topic-Arn", "X-Amz-Sns-Subscription-Arn", "X-Amz-Sns-Rawdelivery", "X-Amzn-Trace-Id"} {
		if value := r.Header.Get(name); value != "" {
			headers = append(headers, value)
		}
	}
	status := w.next(withoutIDs(fmt.Sprintln(time.Since(w.start), r.URL, headers, string(body))))
	select {
	case <-time.After(w.hang):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: http.NoBody, Header: make(http.Header)}, nil
}

// next records a request and returns its status.
func (w *web) next(request string) (status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, request)
	status = w.statuses[0]
	if len(w.statuses) > 1 {
		w.statuses = w.statuses[1:]
	}
	return status
}

// run runs s until the test ends.
func run(t *testing.T, s *Server) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		s.Run(ctx, func() { close(ready) })
		close(ended)
	}()
	<-ready
	return func() {
		cancel()
		<-ended
	}
}

const endpoint = "https://example.org/hook"

// TestHandshake subscribes an endpoint, which gets nothing but its confirmation until it confirms.
func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{statuses: []int{200}, start: time.Now()}
		s := &Server{HTTP: w}
		defer run(t, s)()
		post(s, "Action=CreateTopic&Name=t")
		subscribe := "Action=Subscribe&Protocol=https&TopicArn=" + topicARN + "&Endpoint=" + url.QueryEscape(endpoint)
		if _, body := post(s, subscribe); !strings.Contains(body, "<SubscriptionArn>pending confirmation</SubscriptionArn>") {
			t.Errorf("got %s", body)
		}
		if _, body := post(s, subscribe+"&ReturnSubscriptionArn=true"); !strings.Contains(body, "<SubscriptionArn>"+topicARN+":") {
			t.Errorf("got %s", body)
		}
		post(s, publication("early"))
		synctest.Wait()
		confirmation := "0s https://example.org/hook [text/plain; charset=UTF-8 SubscriptionConfirmation " + topicARN + `] {"Type":"SubscriptionConfirmation","MessageId":"*","Token":"*","TopicArn":"` + topicARN + `",` +
			`"Message":"You have chosen to subscribe to the topic ` + topicARN + `.\nTo confirm the subscription, visit the SubscribeURL included in this message.",` +
			`"SubscribeURL":"http://example.com/?Action=ConfirmSubscription&TopicArn=` + url.QueryEscape(topicARN) + `&Token=*","Timestamp":"2000-01-01T00:00:00.000Z",` +
			`"SignatureVersion":"1","Signature":"RW1iZWRkZWQ=","SigningCertURL":"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000.pem"}` + "\n"
		if want := []string{confirmation, confirmation}; !slices.Equal(w.got, want) {
			t.Errorf("got  %q\nwant %q", w.got, want)
		}
		counts := func(pending string) {
			t.Helper()
			if _, body := post(s, "Action=GetTopicAttributes&TopicArn="+topicARN); !strings.Contains(body, "<key>SubscriptionsPending</key><value>"+pending+"</value>") {
				t.Errorf("got %s, want %s pending", body, pending)
			}
		}
		counts("1")
		if _, body := post(s, "Action=ListSubscriptions"); !strings.Contains(body, "<SubscriptionArn>PendingConfirmation</SubscriptionArn>") {
			t.Errorf("got %s", body)
		}
		s.confirmAll(t)
		counts("0")
		w.got = nil
		postTraced(s, publication("late"), "Root=1")
		synctest.Wait()
		if len(w.got) != 1 || !strings.HasPrefix(w.got[0], "0s https://example.org/hook [text/plain; charset=UTF-8 Notification "+topicARN+" "+topicARN+":* Root=1] {\"Type\":\"Notification\",") {
			t.Errorf("got %q", w.got)
		}
	})
}

// confirmAll confirms the subscriptions as a browser does, which visits the link.
func (s *Server) confirmAll(t *testing.T) {
	t.Helper()
	for _, sub := range s.subscriptions {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", "/?Action=ConfirmSubscription&TopicArn="+topicARN+"&Token="+sub.token, nil))
		if !strings.Contains(w.Body.String(), "<ConfirmSubscriptionResult><SubscriptionArn>"+sub.arn+"</SubscriptionArn>") {
			t.Fatalf("got %s", w.Body)
		}
	}
}

// count returns how many messages are on their way.
func (w *webSender) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running
}

func TestHTTPRetries(t *testing.T) {
	const pause = 20 * time.Second
	for _, test := range []struct {
		statuses []int
		hang     time.Duration
		tries    int
		took     time.Duration
		dead     bool
	}{
		{statuses: []int{204}, tries: 1},
		{statuses: []int{500, 0, 200}, tries: 3, took: 2 * pause},
		{statuses: []int{500, 302, 429, 200}, tries: 4, took: 3 * pause},
		{statuses: []int{500}, tries: 4, took: 3 * pause, dead: true},
		{statuses: []int{404}, tries: 1, dead: true},
		{statuses: []int{200}, hang: 14 * time.Second, tries: 1, took: 14 * time.Second},
		{statuses: []int{200}, hang: time.Minute, tries: 4, took: 3*pause + 4*webTimeout, dead: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			queues := new(relaytest.Target)
			w := &web{statuses: []int{200}}
			s := &Server{HTTP: w, Targets: queues.For("sqs")}
			defer run(t, s)()
			subscribed(t, s, "https", endpoint, "RedrivePolicy", `{"deadLetterTargetArn":"`+deadARN+`"}`, "RawMessageDelivery", "true")
			synctest.Wait()
			s.confirmAll(t)
			*w = web{statuses: test.statuses, hang: test.hang, start: time.Now()}
			post(s, publication("m"))
			for {
				synctest.Wait()
				if s.web.count() == 0 {
					break
				}
				time.Sleep(time.Second)
			}
			if took := time.Since(w.start); took != test.took || len(w.got) != test.tries || !strings.Contains(w.got[0], ":* true] m\n") {
				t.Errorf("%v: %d tries in %v, want %d in %v: %q", test.statuses, len(w.got), took, test.tries, test.took, w.got)
			}
			if got := queues.Take(); len(got) == 1 != test.dead || test.dead && got[0].String() != deadARN+" m" {
				t.Errorf("%v: dead letters %v", test.statuses, got)
			}
		})
	}
}

// Run ends what waits, and nothing is delivered without it.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &web{statuses: []int{200}}
		s := &Server{HTTP: w}
		var lost []string
		s.Targets.GivenUp = func(arn string, err error) { lost = append(lost, arn+": "+err.Error()) }
		stop := run(t, s)
		subscribed(t, s, "https", endpoint)
		synctest.Wait()
		s.confirmAll(t)
		*w = web{statuses: []int{500}, start: time.Now()}
		post(s, publication("waits for its second try"))
		synctest.Wait()
		stop()
		post(s, publication("too late"))
		if len(w.got) != 1 || time.Since(w.start) != 0 || len(lost) != 1 || !strings.Contains(lost[0], endpoint+": the stand-in delivers over HTTP(S) only while it serves a port") {
			t.Errorf("got %q in %v, lost %q", w.got, time.Since(w.start), lost)
		}
	})
}

func TestWebMessagesAreLimited(t *testing.T) {
	var o webSender
	o.open(func(webMessage) {})
	for range maxWebMessages {
		if err := o.take(webMessage{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.take(webMessage{}); err == nil {
		t.Error("there is no limit")
	}
	o.done()
	if err := o.take(webMessage{}); err != nil {
		t.Error(err)
	}
}
