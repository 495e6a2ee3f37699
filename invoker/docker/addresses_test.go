package docker

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]string{
		DefaultNetworks:   DefaultNetworks,
		"10.1.2.3/16":     "10.1.0.0/16",
		"192.168.7.0/24":  "192.168.7.0/24",
		"192.168.7.0/25":  "",
		"fd00::/48":       "",
		"10.1.0.0":        "",
		"255.255.255.0/8": "255.0.0.0/8",
	} {
		got, err := parseRange(text)
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: got %v, %v, want an error that names it", text, got, err)
			}
			continue
		}
		if err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestSubnets(t *testing.T) {
	for text, want := range map[string]struct {
		bits, count int
		last        string
	}{
		"10.213.0.0/16":    {22, 64, "10.213.252.0/22"},
		"10.0.0.0/8":       {22, 16384, "10.255.252.0/22"},
		"255.255.0.0/16":   {22, 64, "255.255.252.0/22"}, // nothing is behind it
		"10.1.0.0/20":      {24, 16, "10.1.15.0/24"},
		"192.168.7.0/24":   {28, 16, "192.168.7.240/28"},
		"255.255.255.0/24": {28, 16, "255.255.255.240/28"},
	} {
		all := netip.MustParsePrefix(text)
		got := slices.Collect(subnets(all, subnetBits(all)))
		if len(got) != want.count || subnetBits(all) != want.bits || got[len(got)-1].String() != want.last {
			t.Errorf("%s: got %d of /%d up to %v, want %+v", text, len(got), subnetBits(all), got[len(got)-1], want)
		}
	}
}

func TestFirstFree(t *testing.T) {
	all := netip.MustParsePrefix("10.213.0.0/16")
	for _, tt := range []struct {
		used []string
		want string
	}{
		{nil, "10.213.0.0/22"},
		{[]string{"172.17.0.0/16"}, "10.213.0.0/22"},
		{[]string{"10.213.0.0/22", "10.213.8.0/22"}, "10.213.4.0/22"},
		{[]string{"10.213.1.0/29"}, "10.213.4.0/22"},
		{[]string{"10.213.0.0/17"}, "10.213.128.0/22"},
		{[]string{"10.0.0.0/8"}, ""},
	} {
		var used []netip.Prefix
		for _, u := range tt.used {
			used = append(used, netip.MustParsePrefix(u))
		}
		got, ok := firstFree(all, 22, used)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%v: got %v, %v, want %q", tt.used, got, ok, tt.want)
		}
	}
}

// TestAddresses takes and frees addresses at random.
func TestAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		subnet := netip.MustParsePrefix("10.213.4.0/28")
		gateway := subnet.Addr().Next()
		a := newAddresses(subnet, gateway)
		var held []netip.Addr
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "free") {
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				a.free(held[i])
				held = slices.Delete(held, i, i+1)
				continue
			}
			got, err := a.take()
			if len(held) == 13 {
				if !errors.Is(err, errFull) {
					t.Fatalf("took %v of a full subnet", got)
				}
				continue
			}
			if err != nil || slices.Contains(held, got) || got == gateway || !subnet.Contains(got) ||
				got == subnet.Addr() || got == netip.MustParseAddr("10.213.4.15") {
				t.Fatalf("took %v, %v, with %v taken", got, err, held)
			}
			held = append(held, got)
		}
	})
}

func TestAddressIsUsedAgainLate(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.213.4.0/29"), netip.MustParseAddr("10.213.4.1"))
	var got []string
	for range 8 {
		at, err := a.take()
		if err != nil {
			t.Fatal(err)
		}
		a.free(at)
		got = append(got, at.String())
	}
	if want := []string{"10.213.4.2", "10.213.4.3", "10.213.4.4", "10.213.4.5", "10.213.4.6", "10.213.4.2"}; !slices.Equal(got[:6], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
