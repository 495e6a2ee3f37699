package events

import (
	"encoding/json"
	"time"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

type createBusInput struct {
	Name, Description string
	Tags              []tag

	EventSourceName, KmsKeyIdentifier, DeadLetterConfig, LogConfig json.RawMessage
}

type createBusOutput struct {
	EventBusArn string
	Description string `json:",omitempty"`
}

func (s *Server) createBus(in createBusInput) (out createBusOutput, err error) {
	err = refuse(member{"EventSourceName", in.EventSourceName}, member{"KmsKeyIdentifier", in.KmsKeyIdentifier},
		member{"DeadLetterConfig", in.DeadLetterConfig}, member{"LogConfig", in.LogConfig})
	if err != nil {
		return out, err
	}
	if err := checkName(in.Name, "name", 256); err != nil {
		return out, err
	}
	tags, err := withTags(nil, in.Tags)
	if err != nil {
		return out, err
	}
	defer s.lock()()
	if s.buses[in.Name] != nil {
		return out, wire.Errorf("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	b := s.addBus(in.Name, in.Description)
	b.tags = tags
	return createBusOutput{b.arn, b.description}, nil
}

type shownBus struct {
	Arn, Name        string
	Description      string `json:",omitempty"`
	CreationTime     float64
	LastModifiedTime float64
}

func (b *bus) shown() shownBus {
	return shownBus{b.arn, b.name, b.description, epoch(b.created), epoch(b.modified)}
}

// epoch returns a time as the protocol has it.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Server) describeBus(in struct{ Name string }) (out shownBus, err error) {
	defer s.lock()()
	b, err := s.bus(in.Name)
	if err != nil {
		return out, err
	}
	return b.shown(), nil
}

type listBusesInput struct {
	NamePrefix, NextToken string
	Limit                 *int
}

type listBusesOutput struct {
	EventBuses []shownBus
	NextToken  string `json:",omitempty"`
}

func (s *Server) listBuses(in listBusesInput) (out listBusesOutput, err error) {
	defer s.lock()()
	buses, next, err := page(sorted(s.buses, in.NamePrefix), in.NextToken, in.Limit, func(b *bus) string { return b.name })
	if err != nil {
		return out, err
	}
	out.EventBuses, out.NextToken = []shownBus{}, next
	for _, b := range buses {
		out.EventBuses = append(out.EventBuses, b.shown())
	}
	return out, nil
}

// deleteBus deletes a bus if it exists. AWS: "DeleteEventBus".
func (s *Server) deleteBus(in struct{ Name string }) error {
	defer s.lock()()
	b := s.buses[in.Name]
	switch {
	case in.Name == defaultBus:
		return invalid("Cannot delete event bus default.")
	case b == nil:
		return nil
	case len(b.rules) > 0:
		return invalid("Event bus %s can't be deleted since it has rules.", b.name)
	}
	delete(s.buses, in.Name)
	return nil
}
