package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// metadata are the addresses at which clouds give their machines credentials.
var metadata = map[string]string{"iptables": "169.254.169.254/32", "ip6tables": "fd00:ec2::254/128"}

// rules are the firewall's rules of one bridge: its containers reach some ports of the engine and nothing else on this
// machine, and no metadata. Each rule has a comment by which it is found again.
type rules struct {
	comment string
	bridge  string
	engine  netip.Addr
	ports   []int
}

// text returns the rules for iptables-restore or ip6tables-restore. Each is inserted before the one above it.
func (r rules) text(tool string) string {
	var b strings.Builder
	rule := func(format string, args ...any) {
		fmt.Fprintf(&b, "-I "+format+"\n", args...)
	}
	from := fmt.Sprintf("-i %s -m comment --comment %s", r.bridge, r.comment)
	b.WriteString("*filter\n")
	rule("INPUT %s -j REJECT", from)
	chain := "FORWARD" // the daemon has its own chain for IPv6 only if its IPv6 is on
	if tool == "iptables" {
		chain = "DOCKER-USER"
		for _, port := range r.ports {
			rule("INPUT %s -d %s/32 -p tcp -m tcp --dport %d -j ACCEPT", from, r.engine, port)
		}
		rule("INPUT %s -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", from)
	}
	rule("%s %s -d %s -j REJECT", chain, from, metadata[tool])
	b.WriteString("COMMIT\n")
	return b.String()
}

// mayFirewall reports whether this process can change the rules of the machine whose bridges it listens on.
func mayFirewall() bool {
	_, err := exec.LookPath("iptables-restore")
	return os.Geteuid() == 0 && err == nil
}

// apply inserts the rules, all or none of each protocol's.
func (r rules) apply(ctx context.Context, at place) error {
	switch {
	case at == inContainer:
		return errors.New("it runs in a container, which has a firewall of its own")
	case at == onDesktop:
		return errors.New("it is on another machine than the daemon")
	case !mayFirewall():
		return errors.New("only root can, with iptables installed")
	}
	if err := restore(ctx, "iptables", r.text("iptables")); err != nil {
		return err
	}
	_ = restore(ctx, "ip6tables", r.text("ip6tables")) // a second lock: the network has no IPv6
	return nil
}

// restore changes rules as text says.
func restore(ctx context.Context, tool, text string) error {
	cmd := exec.CommandContext(ctx, tool+"-restore", "--noflush", "--wait", "5")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s-restore: %w: %s", tool, err, bytes.TrimSpace(out))
	}
	return nil
}

// removeRules removes the rules whose comment matches.
func removeRules(ctx context.Context, matches func(comment string) bool) error {
	if !mayFirewall() {
		return nil
	}
	var errs []error
	for tool := range metadata {
		all, err := exec.CommandContext(ctx, tool+"-save", "-t", "filter").Output()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s-save: %w", tool, err))
			continue
		}
		if text := removal(string(all), matches); text != "" {
			errs = append(errs, restore(ctx, tool, text))
		}
	}
	return errors.Join(errs...)
}

// removal returns what removes the rules of a saved table whose comment matches; empty if there are none.
func removal(saved string, matches func(comment string) bool) string {
	var b strings.Builder
	for line := range strings.Lines(saved) {
		rule, added := strings.CutPrefix(line, "-A ")
		_, rest, commented := strings.Cut(rule, " --comment ")
		comment, _, _ := strings.Cut(rest, " ")
		if added && commented && matches(strings.Trim(comment, `"`)) {
			b.WriteString("-D " + rule)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "*filter\n" + b.String() + "COMMIT\n"
}

// ownerMark identifies an owner in the names of bridges and the comments of rules.
func ownerMark(owner string) string {
	sum := sha256.Sum256([]byte(owner))
	return hex.EncodeToString(sum[:6])
}

// comment returns the comment of the rules of a bridge.
func (p *Platform) comment(bridge string) string {
	return strings.Join([]string{"esm", ownerMark(p.Owner), p.bootID(), bridge}, ":")
}

// leftover reports whether a comment is that of an earlier Platform with the same owner.
func (p *Platform) leftover(comment string) bool {
	parts := strings.Split(comment, ":")
	return len(parts) == 4 && parts[0] == "esm" && parts[1] == ownerMark(p.Owner) && parts[2] != p.bootID()
}
