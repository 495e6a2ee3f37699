package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/esm-run/esm/config"
)

// anything is the wildcard of cross-origin settings.
const anything = "*"

// mayCall reports whether the page that has made r may call a function URL: a page of the URL's own origin, or one that cors
// names with its method. Lambda leaves the second to browsers, which keep some requests of pages from being sent and most of
// their responses from being read; here such requests are refused, because the address is on the user's own machine.
//
// A browser does not name the origin of a page that links to the URL or embeds it: that takes the origin *.
func mayCall(r *http.Request, cors *config.Cors) bool {
	if sameOrigin(r) {
		return true
	}
	origins := r.Header.Values("Origin")
	return cors != nil && len(origins) <= 1 && allowsOrigin(cors, r.Header.Get("Origin")) && allowsMethod(cors, requestedMethod(r))
}

func allowsOrigin(cors *config.Cors, origin string) bool {
	return slices.ContainsFunc(cors.AllowOrigins, func(o string) bool { return o == anything || origin != "" && strings.EqualFold(o, origin) })
}

func allowsMethod(cors *config.Cors, method string) bool {
	return slices.ContainsFunc(cors.AllowMethods, func(m string) bool { return m == anything || strings.EqualFold(m, method) })
}

// isPreflight reports whether r asks for the permission to send another request.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// requestedMethod returns the method of r, or of the request that r asks for.
func requestedMethod(r *http.Request) string {
	if isPreflight(r) {
		return r.Header.Get("Access-Control-Request-Method")
	}
	return r.Method
}

// share adds the headers by which the page that has made r may read the answer.
func share(h http.Header, r *http.Request, cors *config.Cors) {
	origin := r.Header.Get("Origin")
	if cors == nil || origin == "" || !allowsOrigin(cors, origin) {
		return
	}
	if cors.AllowCredentials || !slices.Contains(cors.AllowOrigins, anything) {
		h.Add("Vary", "Origin")
	} else {
		origin = anything // browsers refuse it together with credentials
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if cors.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(cors.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(cors.ExposeHeaders, ","))
	}
}

// preflight returns the answer to a request for permission. The function is not invoked.
func preflight(r *http.Request, cors *config.Cors) answer {
	h := http.Header{}
	allow := func(name string, allowed []string, asked string) {
		switch {
		case slices.Contains(allowed, anything) && asked != "": // a wildcard does not cover everything
			h.Set(name, asked)
		case len(allowed) > 0:
			h.Set(name, strings.Join(allowed, ","))
		}
	}
	allow("Access-Control-Allow-Methods", cors.AllowMethods, r.Header.Get("Access-Control-Request-Method"))
	allow("Access-Control-Allow-Headers", cors.AllowHeaders, r.Header.Get("Access-Control-Request-Headers"))
	if cors.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(cors.MaxAge))
	}
	return answer{status: http.StatusOK, header: h}
}
