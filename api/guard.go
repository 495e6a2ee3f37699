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

// Guard keeps web pages from using next, which has no authentication. A page in a browser can send requests to any address
// that the machine reaches. Guard refuses a request
//
//   - whose Host is the name of a public site, which its owner may have pointed here (DNS rebinding). It accepts IP
//     addresses, the given names, and names that cannot be registered: names without a dot, such as localhost and those of
//     containers, and names that end in .localhost or .internal.
//   - whose Origin or Sec-Fetch-Site is that of a page of another origin, or null. Browsers add these headers by themselves
//     and pages cannot change them. Browsers send one of them with every POST, PUT and DELETE and with every request of a
//     script, so that the Content-Type needs no check.
//
// SDKs, the AWS CLI and curl send neither Origin nor Sec-Fetch-Site. No answer of next permits sharing across origins, nor do
// the answers to OPTIONS, so that browsers refuse whatever requires permission.
//
// Requests to function URLs go to urls, which decides by the URL's Cors which pages may make them. If urls is nil there are none.
//
// Names are further host names of the address, without port and in any case.
func Guard(next, urls http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, toFunction := targetOf(r)
		toFunction = toFunction && urls != nil
		switch {
		case !knownHost(hostname(r.Host), names):
			forbid(w, "This engine does not accept the host name of this request: "+
				"use an IP address, a name without dots such as localhost, or the name in Engine.Listen.")
		case toFunction:
			urls.ServeHTTP(w, r)
		case !sameOrigin(r):
			forbid(w, "This request was made by a web page of another origin, and pages cannot use this engine.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// undotted matches names without a dot, and the empty Host of HTTP/1.0, which browsers do not send.
var undotted = regexp.MustCompile(`^[a-z0-9_-]*$`)

func knownHost(host string, names []string) bool {
	if _, err := netip.ParseAddr(host); err == nil || undotted.MatchString(host) {
		return true
	}
	if strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal") {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

// hostname returns the host of a Host header in lower case, without port, brackets and trailing dot.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// sameOrigin reports whether r comes from no page, or from a page of this address. The scheme is ignored: a proxy in front
// may terminate TLS.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin": // none: a user typed the address
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
	throw("AccessDeniedException", "%s", text).answer().write(w, uuid.NewString(), nil)
}
