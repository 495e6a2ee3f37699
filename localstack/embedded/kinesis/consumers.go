package kinesis

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const maxConsumers = 20 // of a stream

// A consumer reads a stream by enhanced fan-out. It is guarded by the stream's lock.
type consumer struct {
	name, arn string
	made      millis
	readers   map[int]*subscription // the last one of each shard, by its index
}

type consumerJSON struct {
	ConsumerName, ConsumerARN string
	ConsumerStatus            string
	ConsumerCreationTimestamp millis
	StreamARN                 string `json:",omitempty"`
}

func (c *consumer) describe() consumerJSON {
	return consumerJSON{ConsumerName: c.name, ConsumerARN: c.arn, ConsumerStatus: "ACTIVE", ConsumerCreationTimestamp: c.made}
}

func (st *stream) consumed() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.consumers) > 0
}

type registerInput struct{ StreamARN, ConsumerName string }

type registerOutput struct{ Consumer consumerJSON }

func (s *Server) register(_ *http.Request, in registerInput) (registerOutput, error) {
	st, err := s.find(ref{StreamARN: in.StreamARN})
	if err != nil {
		return registerOutput{}, err
	}
	if !validName(in.ConsumerName) {
		return registerOutput{}, malformed(in.ConsumerName, "consumerName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, "+
			"and have length between 1 and 128")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if old := st.consumers[in.ConsumerName]; old != nil {
		return registerOutput{}, inUse("Consumer %s under stream %s already exists for account %s.", in.ConsumerName, st.name, st.account)
	}
	if len(st.consumers) == maxConsumers {
		return registerOutput{}, overLimit("This request would exceed the limit of %d consumers of stream %s under account %s.", maxConsumers, st.name, st.account)
	}
	m := s.moment()
	c := &consumer{name: in.ConsumerName, made: m.at, readers: map[int]*subscription{}}
	c.arn = fmt.Sprintf("%s/consumer/%s:%d", st.arn, c.name, m.epoch)
	st.consumers[c.name] = c
	return registerOutput{c.describe()}, nil
}

// A consumerRef is how requests name a consumer: by its ARN, or by its name and the stream.
type consumerRef struct{ ConsumerARN, ConsumerName, StreamARN string }

// consumer finds a consumer and its stream, which is locked unless there is an error.
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
		return missing("Consumer %s under stream %s, account %s not found.", name, st.name, st.account)
	}
	return missing("Consumer %s with creation timestamp %s under stream: %s, account %s not found.",
		name, arn[strings.LastIndexByte(arn, ':')+1:], st.name, st.account)
}

type describeConsumerOutput struct{ ConsumerDescription consumerJSON }

func (s *Server) describeConsumer(_ *http.Request, in consumerRef) (describeConsumerOutput, error) {
	st, c, err := s.consumer(in)
	if err != nil {
		return describeConsumerOutput{}, err
	}
	defer st.mu.Unlock()
	out := describeConsumerOutput{c.describe()}
	out.ConsumerDescription.StreamARN = st.arn
	return out, nil
}

// deregister forgets a consumer and ends what it reads.
func (s *Server) deregister(_ *http.Request, in consumerRef) (wire.None, error) {
	st, c, err := s.consumer(in)
	if err != nil {
		return wire.None{}, err
	}
	defer st.mu.Unlock()
	delete(st.consumers, c.name)
	for _, sub := range c.readers {
		sub.end(noConsumer(st, c.arn, c.name))
	}
	return wire.None{}, nil
}

type listConsumersInput struct {
	StreamARN, NextToken    string
	MaxResults              *int
	StreamCreationTimestamp *millis
}

type listConsumersOutput struct {
	Consumers []consumerJSON
	NextToken string `json:",omitempty"`
}

func (s *Server) listConsumers(_ *http.Request, in listConsumersInput) (listConsumersOutput, error) {
	limit, err := between(in.MaxResults, "maxResults", 1, 10_000, 100)
	if err != nil {
		return listConsumersOutput{}, err
	}
	now := now()
	st, err := s.find(ref{StreamARN: in.StreamARN})
	if err != nil {
		return listConsumersOutput{}, err
	}
	t := token{Of: "consumers", Stream: st.name, Made: st.made.at}
	if in.NextToken != "" {
		if t, err = parseToken(in.NextToken, t.Of, now); err != nil {
			return listConsumersOutput{}, err
		}
	}
	if t.Stream != st.name || t.Made != st.made.at {
		return listConsumersOutput{}, invalid("NextToken is invalid.")
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	out := listConsumersOutput{Consumers: []consumerJSON{}}
	for _, name := range slices.Sorted(maps.Keys(st.consumers)) {
		if name <= t.After {
			continue
		}
		if n := len(out.Consumers); n == limit {
			t.Issued, t.After = now, out.Consumers[n-1].ConsumerName
			out.NextToken = t.String()
			break
		}
		out.Consumers = append(out.Consumers, st.consumers[name].describe())
	}
	return out, nil
}
