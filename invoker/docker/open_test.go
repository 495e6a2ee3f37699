package docker

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/esm-run/esm/trace"
)

// unopened is a network that exists, on no daemon.
func unopened(at place, warn func(string)) *network {
	subnet := netip.MustParsePrefix("203.0.113.0/26") // for documentation: of no machine
	return &network{
		platform: &Platform{Endpoint: "http://localhost:4566", Trace: func(e trace.Event) { warn(e.(trace.Warning).Text) }},
		mode:     mode{place: at, why: "because"}, name: "esm-f", bridge: "esm0",
		subnet: subnet, gateway: subnet.Addr().Next(), seats: map[netip.Addr]*seat{},
	}
}

// TestOpenOnDesktop asks at the loopback address, to which the virtual machine of the daemon forwards.
func TestOpenOnDesktop(t *testing.T) {
	var said []string
	n := unopened(onDesktop, func(text string) { said = append(said, text) })
	if err := n.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer n.serving.Wait()
	defer n.server.Close()
	a, b := mustJoin(t, n), mustJoin(t, n)
	a.serve(http.HandlerFunc(pong))
	if a.gateway.IsValid() {
		t.Errorf("the host name stands for %s, want the daemon's host-gateway", a.gateway)
	}
	for host, want := range map[string]int{a.host: 200, b.host: 404, "127.0.0.1:" + fmt.Sprint(n.port): 404} {
		req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", n.port), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", host, resp.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if got, want := n.endpoint(), "http://host.docker.internal:4566"; got != want {
		t.Errorf("the endpoint is %s, want %s", got, want)
	}
	if !strings.Contains(strings.Join(said, "\n"), "169.254.169.254") {
		t.Errorf("said %q, want that metadata is not blocked", said)
	}
}

func mustJoin(t *testing.T, n *network) *seat {
	t.Helper()
	s, err := n.join()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOpenElsewhere opens a network whose gateway is on another machine, as that of a remote daemon or one without root.
func TestOpenElsewhere(t *testing.T) {
	n := unopened(onHost, func(string) {})
	err := n.open(t.Context())
	if err == nil {
		t.Fatal("opened a network that is not on this machine")
	}
	for _, want := range []string{"203.0.113.1", "because", "docs/containers.md"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error %q does not contain %q", err, want)
		}
	}
}

func TestGiveBack(t *testing.T) {
	for at, want := range map[place]bool{onHost: false, inContainer: true} {
		n := bareNetwork(func(string) {})
		n.mode.place = at
		s := mustJoin(t, n)
		s.leave()
		s.leave() // once counts
		ns := &n.platform.networks
		if got := ns.take(n.key, true) == n; got != want {
			t.Errorf("place %d: the network was given back: %v, want %v", at, got, want)
		}
		if ns.take(n.key, true) != nil {
			t.Errorf("place %d: the network was given back twice", at)
		}
	}
}
