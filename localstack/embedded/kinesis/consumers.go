package kinesis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const maxConsumers = 20 // of a stream

// A consumer reads a stream by enhanced fan-out. The stream's lock guards it.
type consumer struct {
	name, arn     string
	created       millis
	subscriptions map[int]*subscription // the last one of each shard, by its index
}

type consumerJSON struct {
	ConsumerName, ConsumerARN string
	ConsumerStatus            string
	ConsumerCreationTimestamp millis
	StreamARN                 string `json:",omitempty"`
}

func (c *consumer) describe() consumerJSON {
	return consumerJSON{ConsumerName: c.name, ConsumerARN: c.arn, ConsumerStatus: "ACTIVE", ConsumerCreationTimestamp: c.created}
}

type registerInput struct{ StreamARN, ConsumerName string }

func (in registerInput) stream() ref { return ref{StreamARN: in.StreamARN} }

type registerOutput struct{ Consumer consumerJSON }

func (s *Server) register(st *stream, in registerInput) (out registerOutput, err error) {
	if err := checkName(in.ConsumerName, "consumerName"); err != nil {
		return out, err
	}
	if st.consumers[in.ConsumerName] != nil {
		return out, inUse("Consumer %s under stream %s already exists for account %s.", in.ConsumerName, st.name, st.account)
	}
	if len(st.consumers) == maxConsumers {
		return out, overLimit("This request would exceed the limit of %d consumers of stream %s under account %s.", maxConsumers, st.name, st.account)
	}
	m := s.moment()
	c := &consumer{name: in.ConsumerName, created: m.at, subscriptions: map[int]*subscription{}}
	c.arn = fmt.Sprintf("%s/consumer/%s:%d", st.arn, c.name, m.epoch)
	st.consumers[c.name] = c
	return registerOutput{c.describe()}, nil
}

// A consumerRef names a consumer in a request: by its ARN, or by its name and the stream.
type consumerRef struct{ ConsumerARN, ConsumerName, StreamARN string }

// consumer finds a consumer and its stream, which it locks unless it returns an error.
func (s *Server) consumer(r consumerRef) (*stream, *consumer, error) {
	name := r.ConsumerName
	if r.ConsumerARN != "" {
		var rest string
		if r.StreamARN, rest, _ = strings.Cut(r.ConsumerARN, "/consumer/"); rest == "" {
			return nil, nil, invalid("ConsumerARN %s is not the ARN of a consumer.", r.ConsumerARN)
		}
		name, _, _ = strings.Cut(rest, ":")
	}
	st, err := s.find(ref{StreamARN: r.StreamARN})
	if err != nil {
		return nil, nil, err
	}
	st.mu.Lock()
	c := st.consumers[name]
	if c == nil || r.ConsumerARN != "" && r.ConsumerARN != c.arn {
		st.mu.Unlock()
		return nil, nil, noConsumer(st, r.ConsumerARN, name)
	}
	return st, c, nil
}

func noConsumer(st *stream, arn, name string) error {
	if arn == "" {
		return notFound("Consumer %s under stream %s, account %s not found.", name, st.name, st.account)
	}
	return notFound("Consumer %s with creation timestamp %s under stream: %s, account %s not found.",
		name, arn[strings.LastIndexByte(arn, ':')+1:], st.name, st.account)
}

type describeConsumerOutput struct{ ConsumerDescription consumerJSON }

func (s *Server) describeConsumer(in consumerRef) (out describeConsumerOutput, err error) {
	st, c, err := s.consumer(in)
	if err != nil {
		return out, err
	}
	defer st.mu.Unlock()
	out.ConsumerDescription = c.describe()
	out.ConsumerDescription.StreamARN = st.arn
	return out, nil
}

// deregister deletes a consumer and ends its subscriptions.
func (s *Server) deregister(in consumerRef) error {
	st, c, err := s.consumer(in)
	if err != nil {
		return err
	}
	defer st.mu.Unlock()
	delete(st.consumers, c.name)
	for _, sub := range c.subscriptions {
		sub.end(noConsumer(st, c.arn, c.name))
	}
	return nil
}

type listConsumersInput struct {
	StreamARN, NextToken string
	MaxResults           *int
}

func (in listConsumersInput) stream() ref { return ref{StreamARN: in.StreamARN} }

type listConsumersOutput struct {
	Consumers []consumerJSON
	NextToken string `json:",omitempty"`
}

func (s *Server) listConsumers(st *stream, in listConsumersInput) (out listConsumersOutput, err error) {
	limit, err := limitOf(in.MaxResults, "maxResults", 10_000, 100)
	if err != nil {
		return out, err
	}
	now := now()
	t, err := token{Of: "consumers", Stream: st.name, Created: st.created.at}.resume(in.NextToken, now)
	if err != nil {
		return out, err
	}
	if t.Stream != st.name || t.Created != st.created.at {
		return out, invalid("NextToken is invalid.")
	}
	names, last := wire.Page(slices.Sorted(maps.Keys(st.consumers)), t.After, limit, func(name string) string { return name })
	out.Consumers = []consumerJSON{}
	for _, name := range names {
		out.Consumers = append(out.Consumers, st.consumers[name].describe())
	}
	out.NextToken = t.next(last, now)
	return out, nil
}
