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

func TestAnswersAreClassified(t *testing.T) {
	tests := []struct {
		name   string
		status int
		code   string
		body   string // for answers that are not in Lambda's form
		want   string
	}{
		{status: 429, code: "TooManyRequestsException", want: "throttled"},
		{status: 500, code: "ServiceException", want: "not run"},
		{status: 409, code: "ResourceConflictException", want: "not run"},
		{status: 502, code: "ResourceNotReadyException", want: "not run"},
		{status: 502, code: "ENINotReadyException", want: "not run"},
		{status: 502, code: "EC2ThrottledException", want: "not run"},
		{status: 502, code: "EC2UnexpectedException", want: "not run"},
		{status: 409, code: "SnapStartNotReadyException", want: "not run"},
		{status: 408, code: "SnapStartTimeoutException", want: "not run"},
		{status: 404, code: "ResourceNotFoundException", want: "refused"},
		{status: 400, code: "NoPublishedVersionException", want: "refused"},
		{status: 403, code: "AccessDeniedException", want: "refused"},
		{status: 400, code: "InvalidParameterValueException", want: "refused"},
		{status: 400, code: "InvalidRequestContentException", want: "refused"},
		{status: 400, code: "ModeNotSupportedException", want: "refused"},
		{status: 413, code: "RequestTooLargeException", want: "too large"},
		{status: 413, code: "RequestEntityTooLargeException", want: "too large"},
		{status: 413, code: "SerializedRequestEntityTooLargeException", want: "too large"},
		{status: 415, code: "UnsupportedMediaTypeException", want: "refused"},
		{status: 400, code: "RecursiveInvocationException", want: "refused"},
		{status: 409, code: "DurableExecutionAlreadyStartedException", want: "refused"},
		{status: 502, code: "InvalidRuntimeException", want: "refused"},
		{status: 502, code: "InvalidZipFileException", want: "refused"},
		{status: 502, code: "InvalidSecurityGroupIDException", want: "refused"},
		{status: 502, code: "InvalidSubnetIDException", want: "refused"},
		{status: 502, code: "SubnetIPAddressLimitReachedException", want: "refused"},
		{status: 502, code: "ENILimitReachedException", want: "refused"},
		{status: 502, code: "EC2AccessDeniedException", want: "refused"},
		{status: 410, code: "EFSIOException", want: "refused"},
		{status: 408, code: "EFSMountConnectivityException", want: "refused"},
		{status: 403, code: "EFSMountFailureException", want: "refused"},
		{status: 408, code: "EFSMountTimeoutException", want: "refused"},
		{status: 408, code: "S3FilesMountConnectivityException", want: "refused"},
		{status: 403, code: "S3FilesMountFailureException", want: "refused"},
		{status: 408, code: "S3FilesMountTimeoutException", want: "refused"},
		{status: 502, code: "KMSAccessDeniedException", want: "refused"},
		{status: 502, code: "KMSDisabledException", want: "refused"},
		{status: 502, code: "KMSInvalidStateException", want: "refused"},
		{status: 502, code: "KMSNotFoundException", want: "refused"},
		{status: 400, code: "SnapStartException", want: "refused"},
		{status: 400, code: "SnapStartRegenerationFailureException", want: "refused"},

		{name: "another 4xx", status: 403, code: "InvalidSignatureException", want: "refused"},
		{name: "another 429", status: 429, code: "ThrottlingException", want: "throttled"},
		{name: "another 5xx", status: 500, code: "InternalError", want: "unknown"},
		{name: "a proxy's 404", status: 404, body: "<html>not found</html>", want: "refused"},
		{name: "a proxy's 413", status: 413, body: "<html>too large</html>", want: "too large"},
		{name: "a proxy's 429", status: 429, body: "slow down", want: "throttled"},
		{name: "a proxy's 502", status: 502, body: "<html>bad gateway</html>", want: "unknown"},
		{name: "a proxy's 503", status: 503, body: "no endpoints", want: "not run"},
		{name: "a proxy's 504", status: 504, body: "", want: "unknown"},
		{name: "a proxy's 408", status: 408, body: "", want: "unknown"},
		{name: "the emulator is busy", status: 400, body: "", want: "refused"},
		{name: "accepted only", status: 202, body: "", want: "unknown"},
	}
	decided := map[string]bool{}
	for _, tt := range tests {
		name := tt.name
		if name == "" {
			name, decided[tt.code] = tt.code, true
		}
		t.Run(name, func(t *testing.T) {
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
			if tt.code != "" && (err == nil || !strings.Contains(err.Error(), tt.code)) {
				t.Errorf("got %v, want it to name %s", err, tt.code)
			}
		})
	}
	for code := range meaning {
		if !decided[code] {
			t.Errorf("%s is not tested", code)
		}
	}
}

// Every exception of the service has its row in the table, or is one of operations that are not used here.
func TestEveryExceptionIsDecided(t *testing.T) {
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
			t.Errorf("%s is not decided", name)
		}
	}
}

func TestLostConnections(t *testing.T) {
	hijack := func(w http.ResponseWriter) net.Conn {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
		}
		return conn
	}
	tests := map[string]http.HandlerFunc{
		"before the answer": func(w http.ResponseWriter, _ *http.Request) { hijack(w).Close() },
		"in the middle of the headers": func(w http.ResponseWriter, _ *http.Request) {
			c := hijack(w)
			io.WriteString(c, "HTTP/1.1 200 O")
			c.Close()
		},
		"in the middle of the payload": func(w http.ResponseWriter, _ *http.Request) {
			c := hijack(w)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
			c.Close()
		},
		"for what is not HTTP": func(w http.ResponseWriter, _ *http.Request) {
			c := hijack(w)
			io.WriteString(c, "hello\r\n\r\n")
			c.Close()
		},
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			broken := false
			r, asked := serve(t, func(w http.ResponseWriter, req *http.Request) {
				if broken {
					answer(w, req)
				}
			})
			// The second request travels on the connection of the first, which transports like to try again.
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
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of the handshake
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
		{"a transport of another kind cannot dial", client("http://host.invalid", roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
		}))},
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
