package rig

import (
	"os"
	"testing"
)

// A Service is a place that speaks AWS's protocols. An empty endpoint is a stand-in of the test's own.
type Service struct {
	Name     string
	variable string // of the environment, without which the service is not there; "" is always there

	endpoint string // of SQS, SNS and S3
	streams  string // of Kinesis and DynamoDB; "" is the endpoint
}

// The services that tests run on. A StandIn is made for each test.
var (
	StandIn       = Service{Name: "embedded"}
	LocalStack    = onLocalStack()
	ElasticMQ     = Service{Name: "ElasticMQ", variable: "ESM_TEST_ELASTICMQ", endpoint: os.Getenv("ESM_TEST_ELASTICMQ")}
	KinesisMock   = Service{Name: "kinesis-mock", variable: "ESM_TEST_KINESISMOCK", streams: os.Getenv("ESM_TEST_KINESISMOCK")}
	DynamoDBLocal = Service{Name: dynamoDBLocalName, variable: "ESM_TEST_DYNAMODBLOCAL", streams: os.Getenv("ESM_TEST_DYNAMODBLOCAL")}
)

const (
	dynamoDBLocalName  = "DynamoDB-Local"
	dynamoDBLocalAdmin = "ESM_TEST_DYNAMODBLOCAL_ADMIN"
)

func onLocalStack() Service {
	endpoint := os.Getenv("ESM_TEST_LOCALSTACK")
	return Service{Name: "LocalStack", variable: "ESM_TEST_LOCALSTACK", endpoint: endpoint, streams: endpoint}
}

// The services of each kind of source.
var (
	Queues  = []Service{StandIn, LocalStack, ElasticMQ}
	Streams = []Service{StandIn, KinesisMock, LocalStack}
	Tables  = []Service{StandIn, DynamoDBLocal, LocalStack}
)

// On runs a test on each of these services, in parallel. A service that is not there is skipped, and fails in CI.
func On(t *testing.T, services []Service, test func(*testing.T, *Env)) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.need(t)
			if s.IsDynamoDBLocal() {
				holdService(t, s.Name, shared)
			}
			test(t, newEnv(t, s))
		})
	}
}

// Alone runs a test on each of these services, as [On] does. It has DynamoDB Local alone, for what happens to all of its
// tables at once: see [Table.EndShard].
func Alone(t *testing.T, services []Service, test func(*testing.T, *Env)) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.need(t)
			if s.IsDynamoDBLocal() {
				NeedVariable(t, dynamoDBLocalAdmin)
				holdService(t, s.Name, exclusive)
			}
			test(t, newEnv(t, s))
		})
	}
}

func (s Service) need(t testing.TB) {
	t.Helper()
	if s.variable != "" {
		NeedVariable(t, s.variable)
	}
}

// IsStandIn reports whether the streams of the service are the stand-in's.
func (s Service) IsStandIn() bool { return s.variable == "" }

// IsLocalStack reports whether the service is LocalStack.
func (s Service) IsLocalStack() bool { return s.Name == LocalStack.Name }

// IsDynamoDBLocal reports whether the service is DynamoDB Local.
func (s Service) IsDynamoDBLocal() bool { return s.Name == dynamoDBLocalName }
