package docker

import (
	"net/netip"
	"testing"
)

func TestRules(t *testing.T) {
	p := &Platform{Owner: "o", boot: "b"}
	r := rules{comment: p.comment("esm0"), bridge: "esm0", engine: netip.MustParseAddr("10.213.0.1"), ports: []int{9001, 40000}}
	const from = "-i esm0 -m comment --comment esm:65c74c15a686:b:esm0 "
	for tool, want := range map[string]string{
		"iptables": "*filter\n" +
			"-I INPUT " + from + "-j REJECT\n" +
			"-I INPUT " + from + "-d 10.213.0.1/32 -p tcp -m tcp --dport 9001 -j ACCEPT\n" +
			"-I INPUT " + from + "-d 10.213.0.1/32 -p tcp -m tcp --dport 40000 -j ACCEPT\n" +
			"-I INPUT " + from + "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" +
			"-I DOCKER-USER " + from + "-d 169.254.169.254/32 -j REJECT\n" +
			"COMMIT\n",
		"ip6tables": "*filter\n" +
			"-I INPUT " + from + "-j REJECT\n" +
			"-I FORWARD " + from + "-d fd00:ec2::254/128 -j REJECT\n" +
			"COMMIT\n",
	} {
		if got := r.text(tool); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tool, got, want)
		}
	}
}

func TestRemoval(t *testing.T) {
	p := &Platform{Owner: "o", boot: "now"}
	other := &Platform{Owner: "x", boot: "then"}
	old := &Platform{Owner: "o", boot: "then"}
	saved := "# Generated\n*filter\n:INPUT ACCEPT [0:0]\n" +
		"-A INPUT -i esm0 -m comment --comment \"" + old.comment("esm0") + "\" -j REJECT --reject-with icmp-port-unreachable\n" +
		"-A INPUT -i esm1 -m comment --comment " + p.comment("esm1") + " -j REJECT\n" +
		"-A INPUT -i esm2 -m comment --comment " + other.comment("esm2") + " -j REJECT\n" +
		"-A INPUT -m comment --comment \"a rule of somebody\" -j DROP\n" +
		"-A DOCKER-USER -d 169.254.169.254/32 -i esm0 -m comment --comment " + old.comment("esm0") + " -j REJECT\n" +
		"-A DOCKER-USER -j RETURN\nCOMMIT\n"
	want := "*filter\n" +
		"-D INPUT -i esm0 -m comment --comment \"" + old.comment("esm0") + "\" -j REJECT --reject-with icmp-port-unreachable\n" +
		"-D DOCKER-USER -d 169.254.169.254/32 -i esm0 -m comment --comment " + old.comment("esm0") + " -j REJECT\n" +
		"COMMIT\n"
	if got := removal(saved, p.leftover); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := removal(saved, func(c string) bool { return c == p.comment("esm3") }); got != "" {
		t.Errorf("got %q for a bridge without rules", got)
	}
}
