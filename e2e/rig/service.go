package rig

import (
	"os"
	"testing"
)

// A Service is a place that speaks AWS's protocols.
type Service struct {
	Name     string
	variable string // names the endpoint in the environment; "" is a stand-in of the test's own
	queues   bool   // SQS, SNS and S3 are there too; otherwise they are a stand-in's
	streams  bool   // Kinesis and DynamoDB are there too; otherwise they are where queues are
}

// The services that tests run on.
var (
	StandIn       = Service{Name: "embedded"}
	LocalStack    = Service{Name: "LocalStack", variable: "ESM_TEST_LOCALSTACK", queues: true, streams: true}
	ElasticMQ     = Service{Name: "ElasticMQ", variable: "ESM_TEST_ELASTICMQ", queues: true}
	KinesisMock   = Service{Name: "kinesis-mock", variable: "ESM_TEST_KINESISMOCK", streams: true}
	DynamoDBLocal = Service{Name: "DynamoDB-Local", variable: "ESM_TEST_DYNAMODBLOCAL", streams: true}
)

// dynamoDBLocalAdmin is the variable that names DynamoDB Local's administration port.
const dynamoDBLocalAdmin = "ESM_TEST_DYNAMODBLOCAL_ADMIN"

// The services of each kind of source.
var (
	Queues  = []Service{StandIn, LocalStack, ElasticMQ}
	Streams = []Service{StandIn, KinesisMock, LocalStack}
	Tables  = []Service{StandIn, DynamoDBLocal, LocalStack}
)

// On runs a test on each of these services, in parallel. It skips services that are not there, and fails for them in CI.
func On(t *testing.T, services []Service, test func(*testing.T, *Env)) {
	on(t, services, shared, test)
}

// Alone is like [On], with DynamoDB Local for this test alone. Tests need that if they end shards or let time pass there:
// it happens to all tables at once.
func Alone(t *testing.T, services []Service, test func(*testing.T, *Env)) {
	on(t, services, exclusive, test)
}

func on(t *testing.T, services []Service, how int, test func(*testing.T, *Env)) {
	t.Parallel()
	for _, s := range services {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			if s != StandIn {
				NeedVariable(t, s.variable)
			}
			if s == DynamoDBLocal {
				holdService(t, s.Name, how)
			}
			test(t, newEnv(t, s))
		})
	}
}

// endpoints returns the URLs of the service; "" is a stand-in.
func (s Service) endpoints() (queues, streams string) {
	url := os.Getenv(s.variable)
	if s.queues {
		queues = url
	}
	if s.streams {
		streams = url
	}
	return queues, streams
}
