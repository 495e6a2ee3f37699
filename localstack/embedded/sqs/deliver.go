package sqs

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

var _ relay.Target = (*Server)(nil)

// Has reports whether there is a queue with that ARN.
func (s *Server) Has(arn string) bool { return s.byARN(arn) != nil }

// Deliver sends a message of another service to the queue with that ARN. It does not block.
func (s *Server) Deliver(_ context.Context, arn string, m relay.Message) error {
	q := s.byARN(arn)
	if q == nil {
		return noSuchQueue()
	}
	e := sendEntry{MessageBody: m.Body, trace: m.Trace, MessageAttributes: make(map[string]attributeValue)}
	if m.Group != "" {
		e.MessageGroupId = &m.Group
	}
	for name, a := range m.Attributes {
		e.MessageAttributes[name] = valueOf(a)
	}
	_, err := q.accept(e)
	return err
}

// valueOf returns an attribute as a producer sends it. A binary one that is not base64 becomes empty, which SQS refuses.
func valueOf(a relay.Attribute) attributeValue {
	if !strings.HasPrefix(a.Type, "Binary") {
		return attributeValue{DataType: a.Type, StringValue: &a.Value}
	}
	value, _ := base64.StdEncoding.DecodeString(a.Value)
	return attributeValue{DataType: a.Type, BinaryValue: value}
}
