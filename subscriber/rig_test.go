package subscriber

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

const (
	topic     = "arn:aws:sns:us-east-1:123456789012:alerts"
	emulated  = "arn:aws:sns:us-east-1:000000000000:esm-photos"
	certURL   = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01.pem"
	timestamp = "2026-09-14T15:00:00.123Z"
)

// rig is a Server with everything around it.
type rig struct {
	*testing.T
	server *Server

	mu        sync.Mutex
	events    []esm.Event
	acceptErr error
	starting  bool
	confirmed []string
	fetched   []string
	pem       []byte // of the certificate at certURL; nil answers with 404
	redirect  string
	warnings  []string
	now       time.Time
}

// keys are made once: they take a while.
var keys = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newRig(t *testing.T) *rig {
	sent, err := time.Parse(time.RFC3339, timestamp)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, now: sent.Add(time.Second), pem: certificatePEM(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))}
	r.server = &Server{
		Events: func() esm.Acceptor {
			if r.starting {
				return nil
			}
			return r
		},
		HasFunction: func(name string) bool { return name == "orders" },
		Confirm: func(_ context.Context, topic, token string) error {
			if token == "wrong" {
				return errors.New("no such token")
			}
			r.confirmed = append(r.confirmed, topic+" "+token)
			return nil
		},
		Account: "123456789012", Unsigned: map[string]bool{emulated: true}, Transport: r, Now: func() time.Time { return r.now },
		Warn: func(text string) { r.warnings = append(r.warnings, text) },
	}
	return r
}

// Accept implements [esm.Acceptor].
func (r *rig) Accept(_ context.Context, e esm.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.acceptErr == nil {
		r.events = append(r.events, e)
	}
	return r.acceptErr
}

// RoundTrip serves the certificate.
func (r *rig) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched = append(r.fetched, req.URL.String())
	w := httptest.NewRecorder()
	switch {
	case r.redirect != "":
		http.Redirect(w, req, r.redirect, http.StatusFound)
	case r.pem == nil || req.URL.String() != certURL:
		http.NotFound(w, req)
	default:
		_, _ = w.Write(r.pem)
	}
	return w.Result(), nil
}

func certificatePEM(t *testing.T, from, until time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &keys().PublicKey, keys())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// fields are a message as SNS sends it.
type fields map[string]any

func notification(text string) fields {
	return fields{
		"Type": "Notification", "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e", "TopicArn": topic, "Message": text, "Timestamp": timestamp,
		"UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
	}
}

func confirmation(token string) fields {
	return fields{
		"Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "TopicArn": topic, "Token": token,
		"Message": "You have chosen to subscribe", "SubscribeURL": "https://evil.example/", "Timestamp": timestamp,
	}
}

// sign adds a signature of a version over the lines that AWS's guide lists for a type.
func (m fields) sign(version string) fields {
	order := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if m["Type"] != "Notification" {
		order = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var text strings.Builder
	for _, name := range order {
		if value, ok := m[name].(string); ok {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash := map[string]crypto.Hash{"1": crypto.SHA1, "2": crypto.SHA256}[version]
	sum := hash.New()
	_, _ = io.WriteString(sum, text.String())
	signature, err := rsa.SignPKCS1v15(nil, keys(), hash, sum.Sum(nil))
	if err != nil {
		panic(err)
	}
	m["SignatureVersion"], m["Signature"], m["SigningCertURL"] = version, base64.StdEncoding.EncodeToString(signature), certURL
	return m
}

func (m fields) with(name string, value any) fields {
	m[name] = value
	return m
}

// post delivers a message and returns the status.
func (r *rig) post(path string, m fields) int {
	r.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		r.Fatal(err)
	}
	return r.send(httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
}

func (r *rig) send(req *http.Request) int {
	req.Header.Set("X-Amz-Sns-Subscription-Arn", topic+":21be56ed")
	req.Header.Set("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, req)
	return w.Code
}
