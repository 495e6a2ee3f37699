package docker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	dockernet "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/docker/dockertest"
	"github.com/esm-run/esm/trace"
)

// netRig is a Platform on a real daemon, whose warnings are kept.
type netRig struct {
	*testing.T
	*Platform
	probes   string // the image
	mu       sync.Mutex
	warnings []string
}

func newNetRig(t *testing.T, change ...func(*Platform)) *netRig {
	t.Helper()
	host := dockertest.Host(t)
	r := &netRig{T: t, Platform: &Platform{Host: host, Owner: dockertest.Owner(), Networks: "10.214.0.0/16"}}
	r.Trace = func(e trace.Event) {
		if w, ok := e.(trace.Warning); ok {
			r.mu.Lock()
			r.warnings = append(r.warnings, w.Text)
			r.mu.Unlock()
		}
	}
	for _, c := range change {
		c(r.Platform)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if left := dockertest.Leftovers(t, ownerLabel+"="+r.Owner); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		if left := savedRules(r.Owner); len(left) > 0 {
			t.Errorf("rules are left:\n%s", strings.Join(left, "\n"))
		}
	})
	return r
}

// savedRules returns the firewall's rules with an owner's mark.
func savedRules(owner string) (found []string) {
	for tool := range metadata {
		out, err := exec.Command(tool+"-save", "-c").Output()
		if err != nil {
			continue // no firewall, no rules
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "esm:"+ownerMark(owner)) {
				found = append(found, strings.TrimSpace(line))
			}
		}
	}
	return found
}

func (r *netRig) needFirewall() {
	r.Helper()
	if !mayFirewall() {
		r.Skip("needs root and iptables")
	}
}

// image returns the image with the probe.
func (r *netRig) image() string {
	if r.probes == "" {
		r.probes = probeImage(r)
	}
	return r.probes
}

func (r *netRig) client() *client.Client {
	r.Helper()
	d, err := r.daemon(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	return d.Client
}

func (r *netRig) mustNetwork(fn config.Function) *network {
	r.Helper()
	n, err := r.network(r.Context(), fn)
	if err != nil {
		r.Fatal(err)
	}
	return n
}

func (r *netRig) mustJoin(n *network) *seat {
	r.Helper()
	s, err := n.join()
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(s.leave)
	return s
}

func (r *netRig) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.warnings, "\n")
}

var probeProgram []byte

// probeLimits are those without which Podman asks for more than some machines let root have.
var probeLimits = []*container.Ulimit{
	{Name: "nofile", Soft: openFiles, Hard: openFiles},
	{Name: "nproc", Soft: podmanProcesses, Hard: podmanProcesses},
}

// probeImage returns an image with the probe.
func probeImage(t testing.TB) string {
	t.Helper()
	if probeProgram == nil {
		probeProgram = dockertest.Build(t, "testdata/probe")
	}
	return dockertest.Import(t, []dockertest.File{{Path: "probe", Mode: 0o755, Content: probeProgram}}, `ENTRYPOINT ["/probe"]`)
}

// probe starts a container in a seat and returns what its output says.
func (r *netRig) probe(s *seat, args ...string) *bufio.Scanner {
	r.Helper()
	docker := r.client()
	c, err := docker.ContainerCreate(r.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: r.image(), Cmd: args, User: "993:990", Labels: r.labels("probe", "")},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(s.net.name), CapDrop: []string{"ALL"},
			ExtraHosts: []string{s.name + ":" + s.gateway.String()},
			Resources:  container.Resources{Ulimits: probeLimits}},
		NetworkingConfig: &dockernet.NetworkingConfig{EndpointsConfig: map[string]*dockernet.EndpointSettings{
			s.net.name: {IPAMConfig: &dockernet.EndpointIPAMConfig{IPv4Address: s.ip}},
		}},
	})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if _, err := docker.ContainerRemove(context.Background(), c.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			r.Error(err)
		}
	})
	at, err := docker.ContainerAttach(r.Context(), c.ID, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(at.Close)
	if _, err := docker.ContainerStart(r.Context(), c.ID, client.ContainerStartOptions{}); err != nil {
		r.Fatal(err)
	}
	out, in := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(in, in, at.Reader)
		in.CloseWithError(err)
	}()
	return bufio.NewScanner(out)
}

// ask returns what a container in the seat finds at each address.
func (r *netRig) ask(s *seat, args ...string) (found []string) {
	r.Helper()
	lines := r.probe(s, args...)
	for lines.Scan() {
		found = append(found, lines.Text())
	}
	if len(found) != len(args) {
		r.Fatalf("the probe said %q (%v), want %d lines", found, lines.Err(), len(args))
	}
	return found
}

func (r *netRig) equal(got, want []string) {
	r.Helper()
	if !slices.Equal(got, want) {
		r.Errorf("got %q, want %q", got, want)
	}
}

func ping(host string) string { return "http://" + host + "/2018-06-01/ping" }

func pong(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pong") }

func TestNetworkServesEachSeat(t *testing.T) {
	r := newNetRig(t)
	n := r.mustNetwork(config.Function{Name: "f"})
	a, b := r.mustJoin(n), r.mustJoin(n)
	a.serve(http.HandlerFunc(pong))
	b.serve(http.HandlerFunc(pong))
	byIP := net.JoinHostPort(n.engine.String(), fmt.Sprint(n.port))
	r.equal(r.ask(a, ping(a.host), ping(byIP), ping(byIP)+","+b.host, ping(byIP)+","+a.host), []string{"200", "404", "404", "200"})
	select {
	case <-a.heard():
	default:
		t.Error("a was not heard")
	}
	select {
	case <-b.heard():
		t.Error("b was heard, which has no container")
	default:
	}
	if !strings.Contains(r.said(), "was refused") {
		t.Errorf("nothing was said about the stranger: %q", r.said())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	a.quiet(ctx)
	if ctx.Err() != nil {
		t.Error("a dead container's seat was not quiet in 5 s")
	}
}

func TestNetworkIsolates(t *testing.T) {
	for _, internal := range []bool{false, true} {
		t.Run(fmt.Sprint(internal), func(t *testing.T) {
			r := newNetRig(t)
			r.needFirewall()
			fn, other := config.Function{Name: "f"}, config.Function{Name: "g"}
			fn.Container.Internal = internal
			n, m := r.mustNetwork(fn), r.mustNetwork(other)
			a, b, c := r.mustJoin(n), r.mustJoin(n), r.mustJoin(m)
			for _, s := range []*seat{a, b, c} {
				s.serve(http.HandlerFunc(pong))
			}
			// Containers b and c listen on a port of their own, where this machine reaches them, and the engine on all addresses
			// of this machine.
			for _, s := range []*seat{b, c} {
				if up := r.probe(s, "listen=:8080"); !up.Scan() || up.Text() != "listening" {
					t.Fatalf("the probe said %q", up.Text())
				}
				resp, err := http.Get("http://" + s.ip.String() + ":8080/")
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
			}
			face, err := net.Listen("tcp", ":0")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(pong)}
			go server.Serve(face)
			defer server.Close()
			_, port, _ := net.SplitHostPort(face.Addr().String())
			got := r.ask(a,
				ping(a.host),
				"http://"+b.ip.String()+":8080/", // another environment of the function
				"http://"+c.ip.String()+":8080/", // and of another function
				ping(fmt.Sprintf("%s:%d", m.engine, m.port)),
				ping(fmt.Sprintf("%s:%d", m.engine, m.port))+","+c.host,
				ping(fmt.Sprintf("%s:%d", n.engine, n.port))+","+b.host,
				"http://"+n.engine.String()+":"+port+"/", // the engine's own address
				"http://172.17.0.1:"+port+"/",
				"http://169.254.169.254/latest/meta-data/",
			)
			for i, text := range got { // a slow machine, and an internal network, do without the answer that says no
				if text == "no answer" || text == "unreachable" {
					got[i] = "refused"
				}
			}
			r.equal(got, []string{"200", "refused", "refused", "refused", "refused", "404", "refused", "refused", "refused"})
			counted := slices.ContainsFunc(savedRules(r.Owner), func(rule string) bool {
				return strings.Contains(rule, "169.254.169.254") && strings.Contains(rule, n.bridge) && !strings.HasPrefix(rule, "[0:0]")
			})
			if !counted {
				t.Errorf("the rule about metadata was not used:\n%s", strings.Join(savedRules(r.Owner), "\n"))
			}
		})
	}
}

func TestNetworksOfTwoEngines(t *testing.T) {
	r, other := newNetRig(t), newNetRig(t)
	var work sync.WaitGroup
	all := make([]*network, 8)
	for i := range all {
		p := []*Platform{r.Platform, other.Platform}[i%2]
		fn := config.Function{Name: []string{"f", "g"}[i/2%2]}
		work.Go(func() {
			n, err := p.network(t.Context(), fn)
			if err != nil {
				t.Error(err)
			}
			all[i] = n
		})
	}
	work.Wait()
	if t.Failed() {
		return
	}
	distinct := map[*network]bool{}
	for i, n := range all {
		distinct[n] = true
		for _, m := range all[:i] {
			if m != n && m.subnet.Overlaps(n.subnet) {
				t.Errorf("%s and %s overlap", m.subnet, n.subnet)
			}
		}
	}
	if len(distinct) != 4 {
		t.Errorf("got %d networks, want one for each of two functions of two engines", len(distinct))
	}
	if mayFirewall() {
		before := len(savedRules(other.Owner))
		if err := r.closeNetworks(t.Context()); err != nil {
			t.Error(err)
		}
		if after := len(savedRules(other.Owner)); after != before || after == 0 {
			t.Errorf("the other engine had %d rules, and has %d", before, after)
		}
	}
}

func TestSweepNetworks(t *testing.T) {
	killed := newNetRig(t)
	next := newNetRig(t, func(p *Platform) { p.Owner = killed.Owner })
	stranger := newNetRig(t)
	left, kept, foreign := killed.mustNetwork(config.Function{Name: "f"}), next.mustNetwork(config.Function{Name: "f"}), stranger.mustNetwork(config.Function{Name: "f"})
	if err := next.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[*network]bool{left: false, kept: true, foreign: true} {
		_, err := next.client().NetworkInspect(t.Context(), n.id, client.NetworkInspectOptions{})
		if got := err == nil; got != want {
			t.Errorf("network %s exists: %v, want %v", n.name, got, want)
		}
		if !mayFirewall() {
			continue
		}
		out, err := exec.Command("iptables-save", "-t", "filter").Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(out), n.bridge); got != want {
			t.Errorf("rules of %s exist: %v, want %v", n.name, got, want)
		}
	}
}

// TestRulesWithoutNetworks removes what nothing but the rules show: somebody has removed the networks of a killed engine, and
// some of the rules.
func TestRulesWithoutNetworks(t *testing.T) {
	killed := newNetRig(t)
	killed.needFirewall()
	for _, name := range []string{"f", "g"} {
		n := killed.mustNetwork(config.Function{Name: name})
		if err := killed.removeNetwork(t.Context(), n.id); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("iptables", "--wait", "5", "-D", "INPUT", "-i", n.bridge, "-m", "comment", "--comment", killed.comment(n.bridge), "-j", "REJECT").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if left := savedRules(killed.Owner); len(left) < 2 {
		t.Fatalf("a killed engine has left %q", left)
	}
	next := newNetRig(t, func(p *Platform) { p.Owner = killed.Owner })
	if err := next.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := savedRules(killed.Owner); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
}

// TestCloseInVain closes when there is no time left for the daemon, as after it has hung: the rules go all the same.
func TestCloseInVain(t *testing.T) {
	r := newNetRig(t)
	r.needFirewall()
	r.mustNetwork(config.Function{Name: "f"})
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Close(late); err == nil {
		t.Error("the network was removed in no time")
	}
	if left := savedRules(r.Owner); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	next := newNetRig(t, func(p *Platform) { p.Owner = r.Owner })
	if err := next.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestFirewallBetween blocks the network as a firewall of the machine does.
func TestFirewallBetween(t *testing.T) {
	r := newNetRig(t)
	r.needFirewall()
	n := r.mustNetwork(config.Function{Name: "f"})
	rule := []string{"INPUT", "-i", n.bridge, "-j", "DROP"}
	if out, err := exec.Command("iptables", append([]string{"--wait", "5", "-I"}, rule...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	defer exec.Command("iptables", append([]string{"--wait", "5", "-D"}, rule...)...).Run()
	s := r.mustJoin(n)
	s.serve(http.HandlerFunc(pong))
	lines := r.probe(s, ping(s.host), "wait")
	began := time.Now()
	s.expect(t.Context(), func() string {
		lines.Scan()
		return lines.Text()
	})
	if took := time.Since(began); took > unheardAfter+500*time.Millisecond {
		t.Errorf("took %v", took)
	}
	for _, want := range []string{n.bridge, "no answer", fmt.Sprint(n.port), "10.214.0.0/16", "ufw allow"} {
		if !strings.Contains(r.said(), want) {
			t.Errorf("warnings %q do not contain %q", r.said(), want)
		}
	}
}

func TestRelayOnNetwork(t *testing.T) {
	aws := &http.Server{Handler: http.HandlerFunc(pong)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go aws.Serve(l)
	defer aws.Close()
	r := newNetRig(t, func(p *Platform) { p.Endpoint = "http://" + l.Addr().String() })
	fn := config.Function{Name: "f"}
	fn.Container.Internal = true
	n := r.mustNetwork(fn)
	s := r.mustJoin(n)
	r.equal(r.ask(s, n.endpoint()+"/", "http://"+l.Addr().String()+"/"), []string{"200", "refused"})
	if host, _ := netip.ParseAddrPort(strings.TrimPrefix(n.endpoint(), "http://")); host.Addr() != n.gateway {
		t.Errorf("the endpoint is %s, want one at the gateway %s", n.endpoint(), n.gateway)
	}
}

func TestPortTaken(t *testing.T) {
	r := newNetRig(t)
	first := r.mustNetwork(config.Function{Name: "f"})
	l, err := first.listen(first.port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if port := l.Addr().(*net.TCPAddr).Port; port == first.port {
		t.Errorf("listens twice on port %d", port)
	}
}
