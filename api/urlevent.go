package api

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/esm-run/esm"
)

// requestEvent is the event of a request to a function URL (AWS: "Invoking Lambda function URLs", request payload format 2.0).
type requestEvent struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	PathParameters        *struct{}         `json:"pathParameters"` // always null, and so is stageVariables
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
	StageVariables        *struct{}         `json:"stageVariables"`
}

type requestContext struct {
	AccountID      string      `json:"accountId"`
	APIID          string      `json:"apiId"`
	Authentication *struct{}   `json:"authentication"` // always null
	DomainName     string      `json:"domainName"`
	DomainPrefix   string      `json:"domainPrefix"`
	HTTP           requestHTTP `json:"http"`
	RequestID      string      `json:"requestId"`
	RouteKey       string      `json:"routeKey"`
	Stage          string      `json:"stage"`
	Time           string      `json:"time"`
	TimeEpoch      int64       `json:"timeEpoch"` // milliseconds
}

type requestHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// urlEvent returns the event of the request c, whose body has been read.
func urlEvent(c *call, t urlTarget, traceHeader string) (json.RawMessage, error) {
	const route = "$default"
	now, source := time.Now().UTC(), sourceIP(c.Request)
	e := requestEvent{
		Version: "2.0", RouteKey: route, RawPath: t.path, RawQueryString: c.URL.RawQuery,
		Cookies: cookiesOf(c.Header), Headers: headersOf(c, source, traceHeader), QueryStringParameters: parametersOf(c.URL.RawQuery),
		RequestContext: requestContext{
			AccountID: "anonymous", APIID: t.function, DomainName: hostname(c.Host), DomainPrefix: t.function,
			HTTP:      requestHTTP{c.Method, t.path, c.Proto, source, c.UserAgent()},
			RequestID: c.id, RouteKey: route, Stage: route, Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
	}
	e.Body, e.IsBase64Encoded = bodyOf(c.body, c.Header.Get("Content-Type"))
	text, err := encode(e)
	if err == nil && len(text) > esm.MaxPayload {
		err = tooLarge(esm.MaxPayload, c.operation)
	}
	return text, err
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// cookiesOf returns the cookies of a request, as they are.
func cookiesOf(h http.Header) (cookies []string) {
	for _, line := range h.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				cookies = append(cookies, cookie)
			}
		}
	}
	return cookies
}

// headersOf returns the headers of a request without its cookies, with those that Lambda adds.
func headersOf(c *call, source, traceHeader string) map[string]string {
	headers := map[string]string{}
	for name, values := range c.Header {
		headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ","), "\uFFFD")
	}
	for _, name := range []string{"cookie", "connection", "keep-alive", "te", "upgrade"} {
		delete(headers, name)
	}
	port := "80"
	if _, given, err := net.SplitHostPort(c.Host); err == nil {
		port = given
	}
	headers["host"] = c.Host
	headers["x-amzn-trace-id"] = traceHeader
	headers["x-forwarded-port"], headers["x-forwarded-proto"] = port, "http"
	headers["x-forwarded-for"] = source
	if before := c.Header.Values("X-Forwarded-For"); len(before) > 0 {
		headers["x-forwarded-for"] = strings.Join(before, ",") + ", " + source
	}
	if len(c.body) > 0 {
		headers["content-length"] = strconv.Itoa(len(c.body))
	}
	return headers
}

// parametersOf returns the parameters of a query. Repeated ones are joined; what cannot be unescaped stays as it is.
func parametersOf(query string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, value = unescaped(key), unescaped(value)
		if before, ok := all[key]; ok {
			value = before + "," + value
		}
		all[key] = value
	}
	return all
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// bodyOf returns a body as the event carries it: text as it is, anything else in base64.
func bodyOf(body []byte, contentType string) (text string, encoded bool) {
	if len(body) == 0 || isText(contentType) && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// isText reports whether Lambda takes a media type for text: forms are not, and a missing one is here.
func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType == ""
	}
	return strings.HasPrefix(media, "text/") || media == "application/javascript" ||
		media == "application/json" || strings.HasSuffix(media, "+json") || media == "application/xml" || strings.HasSuffix(media, "+xml")
}
