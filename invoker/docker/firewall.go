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
	"sync"
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
	podman  bool // there may be no chains of Docker
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
		if !r.podman {
			chain = "DOCKER-USER"
		}
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

// firewall is that of this machine. Methods may be called concurrently.
type firewall struct {
	mu sync.Mutex // one program of it at a time: they read the rules and write them back
}

// apply inserts rules, all or none of each protocol's.
func (f *firewall) apply(ctx context.Context, r rules, at place) error {
	switch {
	case at == inContainer:
		return errors.New("it runs in a container, which has a firewall of its own")
	case at == onDesktop:
		return errors.New("it is on another machine than the daemon")
	case !mayFirewall():
		return errors.New("only root can, with iptables installed")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
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

// removeTries is how often a removal is tried: it fails as a whole if a rule disappears that it has just read.
const removeTries = 3

// remove removes the rules whose comment matches.
func (f *firewall) remove(ctx context.Context, matches func(comment string) bool) error {
	if !mayFirewall() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for tool := range metadata {
		var err error
		for range removeTries {
			if err = removeFrom(ctx, tool, matches); err == nil {
				break
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func removeFrom(ctx context.Context, tool string, matches func(comment string) bool) error {
	all, err := exec.CommandContext(ctx, tool+"-save", "-t", "filter").Output()
	if err != nil {
		return fmt.Errorf("%s-save: %w", tool, err)
	}
	text := removal(string(all), matches)
	if text == "" {
		return nil
	}
	return restore(ctx, tool, text)
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

// ownRule reports whether a comment is that of this Platform, and leftover whether it is that of an earlier one with the same
// owner.
func (p *Platform) ownRule(comment string) bool {
	boot, ok := p.bootOf(comment)
	return ok && boot == p.bootID()
}

func (p *Platform) leftover(comment string) bool {
	boot, ok := p.bootOf(comment)
	return ok && boot != p.bootID()
}

// bootOf returns the boot that a comment of the Platform's owner names.
func (p *Platform) bootOf(comment string) (boot string, ok bool) {
	parts := strings.Split(comment, ":")
	if len(parts) != 4 || parts[0] != "esm" || parts[1] != ownerMark(p.Owner) {
		return "", false
	}
	return parts[2], true
}
