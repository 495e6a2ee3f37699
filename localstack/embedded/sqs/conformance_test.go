package sqs

import (
	"net/http"
	"os"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// A scenario holds for every SQS. It may sleep, which takes no time in a bubble.
type scenario struct {
	name    string
	differs map[string]string // by implementation, how it is known to differ
	run     func(c *client)
}

var scenarios = []scenario{
	{"message attributes", nil, messageAttributes},
	{"digest of attributes", nil, attributeDigest},
	{"filters of attribute names", differs("elasticmq", "no prefixes"), attributeFilters},
	{"message becomes visible again", nil, visibleAgain},
	{"visibility 0 makes visible", nil, visibilityZero},
	{"replaced handle changes visibility", differs("elasticmq", "refuses it"), replacedHandleHides},
	{"deleting twice", differs("elasticmq", "refuses the second time"), deletingTwice},
	{"expired handle deletes", nil, expiredHandleDeletes},
	{"delayed message", nil, delayedMessage},
	{"long poll", nil, longPoll},
	{"batch with an invalid body", differs("localstack", "SenderFault is false", "elasticmq", "another code"), invalidBatchBody},
	{"batch with an invalid handle", nil, invalidBatchHandle},
	{"dead letters", nil, deadLetters},
	{"FIFO: groups", nil, fifoGroups},
	{"FIFO: order after a timeout", nil, fifoOrder},
	{"FIFO: visible behind another group", differs("elasticmq", "the group keeps its turn"), fifoVisibleAgain},
	{"FIFO: deduplication", differs("localstack", "a duplicate has another sequence number", "elasticmq", "sequence numbers from 0"), fifoDuplicates},
	{"FIFO: dead letters keep their group", nil, fifoDeadLetters},
	{"FIFO: expired handle", differs("elasticmq", "accepts it"), fifoExpiredHandle},
	{"FIFO: repeated receive", differs("localstack", "no receive attempts", "elasticmq", "new handles"), fifoRepeatedReceive},
	{"queue attributes", differs("elasticmq", "has fewer"), queueAttributes},
	{"creating twice", nil, creatingTwice},
	{"listing queues", differs("elasticmq", "no pages"), listing},
	{"tags", nil, tags},
	{"dead-letter source queues", differs("elasticmq", "lists none"), sourceQueues},
	{"typed errors", differs("elasticmq", "other codes"), typedErrors},
}

func differs(implementationAndHow ...string) map[string]string { return pairs(implementationAndHow) }

func TestConformance(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { bubble(t, s.run) })
	}
}

// TestConformanceOnService runs the scenarios on the SQS at ESM_TEST_SQS_ENDPOINT, for comparison.
func TestConformanceOnService(t *testing.T) {
	endpoint := os.Getenv("ESM_TEST_SQS_ENDPOINT")
	if endpoint == "" {
		t.Skip("ESM_TEST_SQS_ENDPOINT is not set: there is no SQS to compare with")
	}
	config := inprocess.Config(nil)
	config.BaseEndpoint, config.HTTPClient = &endpoint, awshttp.New(16)
	implementation := implementationAt(endpoint)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel() // they sleep in real time
			if how := s.differs[implementation]; how != "" && os.Getenv("ESM_TEST_SQS_DIFFERENCES") == "" {
				t.Skipf("%s: %s", implementation, how)
			}
			c := &client{Client: sdk.NewFromConfig(config), t: t, suffix: "-" + uuid.NewString()[:8]}
			defer c.deleteQueues()
			s.run(c)
		})
	}
}

func implementationAt(endpoint string) string {
	for _, probe := range []struct{ path, name string }{{"/_localstack/health", "localstack"}, {"/health", "elasticmq"}} {
		if r, err := http.Get(endpoint + probe.path); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return probe.name
			}
		}
	}
	return ""
}
