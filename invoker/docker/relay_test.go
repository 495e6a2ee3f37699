package docker

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
)

func TestRelayed(t *testing.T) {
	for _, tt := range []struct {
		endpoint string
		inside   bool
		want     string
	}{
		{"", false, ""},
		{"http://127.0.0.1:4566", false, "127.0.0.1:4566"},
		{"http://localhost:4566", false, "localhost:4566"},
		{"http://aws.localhost", false, "aws.localhost:80"},
		{"https://localhost", false, "localhost:443"},
		{"http://[::1]:4566/", false, "[::1]:4566"},
		{"http://0.0.0.0:4566", false, "0.0.0.0:4566"},
		{"http://192.168.1.5:4566", false, ""},
		{"https://sqs.us-east-1.amazonaws.com", false, ""},
		{"http://localstack:4566", true, "localstack:4566"},
		{"http://127.0.0.1:4566", true, "127.0.0.1:4566"},
		{"https://sqs.us-east-1.amazonaws.com", true, ""},
	} {
		got, ok := relayed(tt.endpoint, tt.inside)
		if ok != (tt.want != "") || got != tt.want {
			t.Errorf("%s (inside %v): got %q, %v, want %q", tt.endpoint, tt.inside, got, ok, tt.want)
		}
	}
}

func localListener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// echo answers each connection with what it sent, after its end.
func echo(t *testing.T) net.Listener {
	l := localListener(t)
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				_, _ = c.Write(all)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return l
}

func everybody(netip.Addr) bool { return true }

func TestRelayCopiesBothWays(t *testing.T) {
	l := localListener(t)
	r := newRelay(l, echo(t).Addr().String(), everybody)
	defer r.close()
	sent := make([]byte, 3<<20)
	_, _ = rand.Read(sent)
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			work.Go(func() {
				_, _ = c.Write(sent)
				_ = c.(*net.TCPConn).CloseWrite()
			})
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("got %d bytes, %v, want the %d that were sent", len(got), err, len(sent))
			}
		})
	}
	work.Wait()
}

func TestRelayHangsUp(t *testing.T) {
	nobody := localListener(t)
	_ = nobody.Close()
	for name, r := range map[string]*relay{
		"a stranger":     newRelay(localListener(t), echo(t).Addr().String(), func(netip.Addr) bool { return false }),
		"without target": newRelay(localListener(t), nobody.Addr().String(), everybody),
	} {
		c, err := net.Dial("tcp", r.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, c); n != 0 {
			t.Errorf("%s: read %d bytes, %v", name, n, err)
		}
		_ = c.Close()
		r.close()
	}
}

// TestRelayEnds closes a relay with an idle connection.
func TestRelayEnds(t *testing.T) {
	l := localListener(t)
	r := newRelay(l, echo(t).Addr().String(), everybody)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	r.close()
	if _, err := io.Copy(io.Discard, c); err == nil {
		return // its end
	}
}

func TestEndpointAt(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:4566":  "http://10.213.0.1:40000",
		"http://localhost:4566/": "http://10.213.0.1:40000/",
	} {
		if got := endpointAt(endpoint, "10.213.0.1", "40000"); got != want {
			t.Errorf("%s: got %s, want %s", endpoint, got, want)
		}
	}
}
