package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Guard keeps web pages from driving what stands behind it, which has no login. A page that somebody looks at can make
// their browser send requests to any address that this machine reaches. Two things give such requests away:
//
//   - Their Host, when a name of the page's owner was made to point here (DNS rebinding): only IP addresses, the given
//     names and those that nobody can buy are taken: names without a dot, such as localhost and those of containers, and
//     those that end in .localhost or .internal.
//   - Their Origin or Sec-Fetch-Site, which browsers add by themselves and pages cannot change: none but the page's that
//     came from the same address is taken, null neither. Browsers send one of them with every POST, PUT and DELETE, and
//     with whatever a script asks for; so the Content-Type, which tools such as curl set as pages do, need not be looked at.
//
// SDKs, the AWS CLI and curl send neither Origin nor Sec-Fetch-Site. Nothing here answers with permission to share
// across origins, nor to OPTIONS: so a browser asks no further.
//
// Names are those of hosts by which the address is reached besides, without port; case does not matter.
func Guard(next http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !known(hostname(r.Host), names):
			forbid(w, "The host name of this request is not one by which this engine is known: "+
				"use an IP address, a name without dots such as localhost, or the name in Engine.Listen.")
		case !own(r):
			forbid(w, "This request was made by a web page of another origin, and pages cannot use this engine.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// label is a name without a dot. A request without a Host is no browser's.
var label = regexp.MustCompile(`^[a-z0-9_-]*$`)

func known(host string, names []string) bool {
	if _, err := netip.ParseAddr(host); err == nil || label.MatchString(host) {
		return true
	}
	if strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal") {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

// hostname is what of a Host header names the host: without port, brackets and the dot of a complete name, in lower case.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// own says whether no page of another origin is behind r, as far as its browser tells. The scheme does not count: this
// may stand behind what speaks TLS.
func own(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin": // none is somebody who typed the address
	default:
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		from, err := url.Parse(origin)
		if err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
			return false
		}
	}
	return true
}

func forbid(w http.ResponseWriter, text string) {
	refuse("AccessDeniedException", "%s", text).answer().write(w, uuid.NewString())
}
