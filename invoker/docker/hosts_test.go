package docker

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/trace"
)

// bareNetwork is a network without a daemon.
func bareNetwork(warn func(string)) *network {
	subnet := netip.MustParsePrefix("10.213.0.0/22")
	n := &network{
		platform: &Platform{Trace: func(e trace.Event) { warn(e.(trace.Warning).Text) }},
		subnet:   subnet, gateway: subnet.Addr().Next(), engine: subnet.Addr().Next(), port: apiPort, bridge: "esm0", name: "esm-f",
		addrs: newAddresses(subnet, subnet.Addr().Next()), seats: map[netip.Addr]*seat{},
		server: runtimeapi.NewServer(nil),
	}
	return n
}

func TestSeats(t *testing.T) {
	n := bareNetwork(func(string) {})
	names := map[string]bool{}
	for range 1021 {
		s, err := n.join()
		if err != nil {
			t.Fatal(err)
		}
		if names[s.name] || !strings.HasPrefix(s.name, "rt-") || !strings.HasSuffix(s.name, ".lambda.internal") || s.host != s.name+":9001" ||
			len(s.name) != len("rt-.lambda.internal")+32 || !n.seated(s.ip) {
			t.Fatalf("got the seat %+v", s)
		}
		names[s.name] = true
		if len(names) == 7 {
			defer func() {
				s.leave()
				s.leave() // once counts
				if n.seated(s.ip) {
					t.Error("an address is seated after leave")
				}
				if next, err := n.join(); err != nil || next.ip != s.ip || next.name == s.name {
					t.Errorf("got %+v, %v after leave, want %s with a new name", next, err, s.ip)
				}
			}()
		}
	}
	if _, err := n.join(); err == nil || !strings.Contains(err.Error(), "ContainerNetworks") {
		t.Errorf("got %v for a full network, want an error with the remedy", err)
	}
}

func TestExpect(t *testing.T) {
	line := func() string { return "importing" }
	expect := func(t *testing.T, do func(*network, *seat, context.Context)) (said []string) {
		synctest.Test(t, func(t *testing.T) {
			n := bareNetwork(func(text string) { said = append(said, text) })
			s, err := n.join()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			do(n, s, ctx)
		})
		return said
	}
	t.Run("silent", func(t *testing.T) {
		said := expect(t, func(n *network, s *seat, ctx context.Context) {
			began := time.Now()
			s.expect(ctx, line)
			if took := time.Since(began); took != unheardAfter {
				t.Errorf("took %v, want %v", took, unheardAfter)
			}
			s.expect(ctx, line)
		})
		if len(said) != 1 || !strings.Contains(said[0], "importing") || !strings.Contains(said[0], "bridge esm0") || !strings.Contains(said[0], DefaultNetworks) {
			t.Errorf("said %q, want one warning", said)
		}
	})
	t.Run("another environment was heard", func(t *testing.T) {
		if said := expect(t, func(n *network, s *seat, ctx context.Context) {
			n.reached.Store(true)
			s.expect(ctx, line)
		}); len(said) > 0 {
			t.Errorf("said %q", said)
		}
	})
	t.Run("ended before", func(t *testing.T) {
		if said := expect(t, func(n *network, s *seat, ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			s.expect(ctx, line)
		}); len(said) > 0 {
			t.Errorf("said %q", said)
		}
	})
}
