package configfile

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// The rules of addresses.
var (
	regionRule   = matching(`[a-z0-9-]+`, "is not a region such as us-east-1")
	urlRule      = rule{wrongURL, schema{"pattern": orVariable(`https?://\S+`)}}
	endpointRule = rule{wrongEndpoint, schema{"pattern": orVariable(`https?://\S+|embedded(:[0-9]+)?`)}}
	listenRule   = rule{wrongListen, schema{"pattern": orVariable(`\S*:[0-9]+`)}}
)

func wrongURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(s, " \t\n"):
		return "is not a URL such as http://localhost:4566"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "should be a URL of scheme, host, port and path alone"
	case u.Port() != "" && !isPort(u.Port()):
		return "has no port from 0 to 65535"
	}
	return ""
}

func wrongEndpoint(s string) string {
	_, port, given := strings.Cut(s, ":")
	if !IsEmbedded(s) {
		if wrongURL(s) != "" {
			return "is neither a URL such as http://localhost:4566 nor embedded nor embedded:<port>"
		}
		return ""
	}
	if given && !isPort(port) {
		return "has no port from 0 to 65535"
	}
	return ""
}

func wrongListen(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !isPort(port) || strings.ContainsAny(host, " \t\n/") {
		return "is not host:port, such as 127.0.0.1:9001"
	}
	return ""
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// isLoopback reports whether only this machine can reach a listener on an address.
func isLoopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
