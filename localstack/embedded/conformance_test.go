package embedded

import (
	"context"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
)

// A scenario is a story that every SQS tells in the same way. It may sleep: in a bubble that takes no time.
type scenario struct {
	name string
	// unlike are the implementations that are known to tell it otherwise, and how.
	unlike map[string]string
	tell   func(a *account)
}

var scenarios = []scenario{
	{"a message and its attributes", nil, attributesArrive},
	{"digest of attributes", nil, digestIsAWSs},
	{"filters of attribute names", unlike("elasticmq", "knows no prefixes"), filtersOfNames},
	{"the message comes back", nil, messageComesBack},
	{"visibility 0 gives the message back", nil, visibilityZero},
	{"an overtaken handle still changes visibility", unlike("elasticmq", "refuses it"), overtakenHandleHides},
	{"deleting twice", unlike("elasticmq", "refuses the second time"), deletingTwice},
	{"an expired handle deletes", nil, expiredHandleDeletes},
	{"a delayed message", nil, delayedMessage},
	{"long poll", nil, longPoll},
	{"a batch with a bad entry", unlike("localstack", "does not blame the sender", "elasticmq", "names another error"), badBatchEntry},
	{"a batch of deletions with a bad handle", nil, badBatchHandle},
	{"dead letters", nil, deadLetters},
	{"FIFO: groups", nil, fifoGroups},
	{"FIFO: order after a timeout", nil, fifoOrder},
	{"FIFO: one visible again", unlike("elasticmq", "keeps the group's place in the line"), fifoVisibleAgain},
	{"FIFO: deduplication", unlike("localstack", "numbers a duplicate anew", "elasticmq", "numbers from 0"), fifoDuplicates},
	{"FIFO: dead letters keep their group", nil, fifoDeadLetters},
	{"FIFO: expired handle", unlike("elasticmq", "accepts it"), fifoExpiredHandle},
	{"FIFO: repeated receive", unlike("localstack", "knows no attempts", "elasticmq", "makes new handles"), fifoRepeatedReceive},
	{"attributes of a queue", unlike("elasticmq", "knows fewer"), queueAttributes},
	{"creating twice", nil, creatingTwice},
	{"listing queues", unlike("elasticmq", "knows no pages"), listing},
	{"tags", nil, tags},
	{"sources of dead letters", unlike("elasticmq", "lists none"), sources},
	{"typed errors", unlike("elasticmq", "names others"), typedErrors},
}

func unlike(kindsAndHow ...string) map[string]string { return pairs(kindsAndHow) }

func TestConformance(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { inBubble(t, s.tell) })
	}
}

// TestConformanceElsewhere tells the scenarios to the SQS at ESM_TEST_SQS_ENDPOINT, for comparison.
func TestConformanceElsewhere(t *testing.T) {
	endpoint := os.Getenv("ESM_TEST_SQS_ENDPOINT")
	if endpoint == "" {
		t.Skip("ESM_TEST_SQS_ENDPOINT is not set: not compared with another SQS")
	}
	kind := kindOf(endpoint)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they sleep in earnest
			if why := s.unlike[kind]; why != "" && os.Getenv("ESM_TEST_SQS_UNLIKE") == "" {
				t.Skipf("%s: %s", kind, why)
			}
			a := &account{Client: clientOf(new(hideWriteTo), endpoint), t: t, suffix: "-" + uuid.NewString()[:8]}
			defer a.cleanUp()
			s.tell(a)
		})
	}
}

// hideWriteTo keeps net/http from writing the request's body with its WriteTo, which the SDK ends with io.EOF when it has
// closed the body; that would cost connections to a fast server.
type hideWriteTo struct{ client http.Client }

func (h *hideWriteTo) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return h.client.Do(r)
}

func (a *account) cleanUp() {
	for _, url := range a.made {
		a.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: &url})
	}
}

func kindOf(endpoint string) string {
	if r, err := http.Get(endpoint + "/_localstack/health"); err == nil {
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return "localstack"
		}
	}
	if r, err := http.Get(endpoint + "/health"); err == nil {
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return "elasticmq"
		}
	}
	return "another"
}
