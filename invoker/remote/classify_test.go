package remote

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/esm-run/esm"
)

// kind names what an error says about the handler.
func kind(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, esm.ErrThrottled):
		return "throttled"
	case errors.Is(err, esm.ErrNotRun):
		return "not run"
	case errors.Is(err, esm.ErrTooLarge) && errors.Is(err, esm.ErrRefused):
		return "too large"
	case errors.Is(err, esm.ErrRefused):
		return "refused"
	default:
		return "unknown"
	}
}

func TestErrorResponses(t *testing.T) {
	type test struct {
		name   string
		status int
		code   string
		body   string // of responses that are not in Lambda's form
		want   string
	}
	tests := []test{
		{name: "a proxy's 404", status: 404, body: "<html>not found</html>", want: "refused"},
		{name: "a proxy's 413", status: 413, body: "<html>too large</html>", want: "too large"},
		{name: "a proxy's 429", status: 429, body: "slow down", want: "throttled"},
		{name: "a proxy's 502", status: 502, body: "<html>bad gateway</html>", want: "unknown"},
		{name: "a proxy's 503", status: 503, body: "no endpoints", want: "not run"},
		{name: "a proxy's 504", status: 504, want: "unknown"},
		{name: "a proxy's 408", status: 408, want: "unknown"},
		{name: "the emulator is busy", status: 400, want: "refused"},
		{name: "accepted only", status: 202, want: "unknown"},
		{status: 403, code: "InvalidSignatureException", want: "refused"}, // by their status, these three
		{status: 429, code: "ThrottlingException", want: "throttled"},
		{status: 500, code: "InternalError", want: "unknown"},
	}
	for code, want := range meaning {
		tests = append(tests, test{status: 502, code: code, want: kind(want)}) // which alone would be unknown
	}
	for _, tt := range tests {
		t.Run(tt.name+tt.code, func(t *testing.T) {
			r, asked := serve(t, func(w http.ResponseWriter, req *http.Request) {
				body := tt.body
				if tt.code != "" {
					w.Header().Set("X-Amzn-Errortype", tt.code)
					w.Header().Set("Content-Type", "application/json")
					body = `{"Type":"User","Message":"words","message":"words"}`
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, body)
			})
			_, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")})
			if got := kind(err); got != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
			if got := asked.Load(); got != 1 {
				t.Errorf("got %d requests, want 1", got)
			}
			if err == nil || !strings.Contains(err.Error(), tt.code) {
				t.Errorf("got %v, want it to name %s", err, tt.code)
			}
		})
	}
}

// Every exception of the service is in the table, or belongs to operations that are not used here.
func TestAllExceptionsAreListed(t *testing.T) {
	elsewhere := map[string]bool{}
	for _, name := range strings.Fields(`AliasLimitExceeded CallbackTimeout CapacityProviderLimitExceeded
		CodeArtifactUserDeleted CodeArtifactUserFailed CodeArtifactUserPending CodeSigningConfigNotFound
		CodeStorageExceeded CodeVerificationFailed FunctionVersionsPerCapacityProviderLimitExceeded
		InvalidCodeSignature PolicyLengthExceeded PreconditionFailed ProvisionedConcurrencyConfigNotFound PublicPolicy
		ResourceInUse ServiceQuotaExceeded`) {
		elsewhere[name+"Exception"] = true
	}
	for id := range lambda.TypeRegistry.Entries {
		_, name, _ := strings.Cut(id, "#")
		if _, ok := meaning[name]; !ok && !elsewhere[name] && strings.HasSuffix(name, "Exception") {
			t.Errorf("%s is not listed", name)
		}
	}
}

func TestLostConnections(t *testing.T) {
	tests := map[string]string{ // what is sent before the connection is closed
		"before the answer":            "",
		"in the middle of the headers": "HTTP/1.1 200 O",
		"in the middle of the payload": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
		"for what is not HTTP":         "hello\r\n\r\n",
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			broken := false
			r, asked := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if !broken {
					return
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(conn, answer)
				conn.Close()
			})
			// The second request uses the connection of the first, which transports like to retry.
			if _, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			broken = true
			_, err := r.Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")})
			if got := kind(err); got != "unknown" || asked.Load() != 2 {
				t.Errorf("got %s (%v) after %d requests, want unknown after 2", got, err, asked.Load())
			}
		})
	}
}

func TestNothingWasSent(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report the handshake
	secure.StartTLS()
	t.Cleanup(secure.Close)
	dns := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "host.invalid", IsNotFound: true}
	}}
	tests := []struct {
		name   string
		client *lambda.Client
	}{
		{"the connection is refused", client(closed.URL, &http.Transport{})},
		{"the host has no address", client("http://host.invalid", dns)},
		{"the certificate is not trusted", client(secure.URL, &http.Transport{})},
		{"there are no credentials", lambda.New(lambda.Options{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errors.New("none") })})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := (&Remote{Client: tt.client}).Invoke(t.Context(), esm.Call{Function: "f", Payload: []byte("{}")})
			if got := kind(err); got != "not run" {
				t.Errorf("got %s (%v), want not run", got, err)
			}
		})
	}
}
