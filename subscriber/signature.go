package subscriber

import (
	"context"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // the hash of SignatureVersion 1
	_ "crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// hashes are those of the versions of signatures (AWS: "Verifying the signatures of Amazon SNS messages").
var hashes = map[string]crypto.Hash{"1": crypto.SHA1, "2": crypto.SHA256}

// The ages at which a signed message is accepted. SNS gives up a message to HTTP(S) after an hour (AWS: "Amazon SNS message
// delivery retries"); one that is older was recorded by somebody, and is sent again. Clocks may differ.
const (
	maxAge  = 2 * time.Hour
	maxLead = 15 * time.Minute
)

// verify checks that AWS has signed a message, and not long ago.
func (s *Server) verify(ctx context.Context, m message) error {
	hash, known := hashes[m.SignatureVersion]
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if !known || err != nil {
		return refuse(http.StatusForbidden, "the message has no signature of version 1 or 2")
	}
	if !ofAWS(m.SigningCertURL) {
		return refuse(http.StatusForbidden, "the certificate of the signature is not at a host of SNS on AWS (https://sns.<region>.amazonaws.com)")
	}
	key, err := s.certificates.key(ctx, s.Transport, m.SigningCertURL)
	if err != nil {
		return fmt.Errorf("the certificate of the signature: %w", err)
	}
	sum := hash.New()
	sum.Write(m.signed())
	if rsa.VerifyPKCS1v15(key, hash, sum.Sum(nil), signature) != nil {
		return refuse(http.StatusForbidden, "the signature does not match the message")
	}
	return m.checkAge(s.now())
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (m message) checkAge(now time.Time) error {
	sent, err := time.Parse(time.RFC3339, m.Timestamp)
	if age := now.Sub(sent); err != nil || age > maxAge || age < -maxLead {
		return refuse(http.StatusForbidden, "the Timestamp of the message is none of the last %v: check this machine's clock, or someone repeats old messages", maxAge)
	}
	return nil
}

// signed returns the text that a signature covers: names and values, each on a line.
func (m message) signed() []byte {
	var text strings.Builder
	for _, line := range []struct {
		name, value string
		left        bool // left out
	}{
		{"Message", m.Message, false},
		{"MessageId", m.MessageId, false},
		{"Subject", m.subject(), m.Subject == nil || m.Type != "Notification"},
		{"SubscribeURL", m.SubscribeURL, m.Type == "Notification"},
		{"Timestamp", m.Timestamp, false},
		{"Token", m.Token, m.Type == "Notification"},
		{"TopicArn", m.TopicArn, false},
		{"Type", m.Type, false},
	} {
		if !line.left {
			text.WriteString(line.name + "\n" + line.value + "\n")
		}
	}
	return []byte(text.String())
}

func (m message) subject() string {
	if m.Subject == nil {
		return ""
	}
	return *m.Subject
}

var snsHost = regexp.MustCompile(`^sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`)

// ofAWS reports whether a URL leads to a certificate of SNS on AWS.
func ofAWS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && snsHost.MatchString(u.Host) && u.User == nil && strings.HasSuffix(u.Path, ".pem")
}

// certificates are the keys of certificates that were used before. Methods may be called concurrently.
type certificates struct {
	mu    sync.Mutex
	known map[string]certificate // by URL
}

type certificate struct {
	key   *rsa.PublicKey
	until time.Time
}

// Bounds of certificates.
const (
	maxCertificates = 64 // that are remembered; AWS has one for each region, and replaces it now and then
	maxCertificate  = 64 << 10
	fetchWithin     = 8 * time.Second
)

// key returns the key of the certificate at a URL of AWS.
func (c *certificates) key(ctx context.Context, via http.RoundTripper, address string) (*rsa.PublicKey, error) {
	c.mu.Lock()
	known, ok := c.known[address]
	c.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.key, nil
	}
	fetched, err := fetch(ctx, via, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCertificates {
		c.known = map[string]certificate{}
	}
	c.known[address] = fetched
	return fetched.key, nil
}

func fetch(ctx context.Context, via http.RoundTripper, address string) (certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return certificate{}, err
	}
	client := &http.Client{Transport: via, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return certificate{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return certificate{}, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxCertificate))
	if err != nil {
		return certificate{}, err
	}
	return parseCertificate(body, time.Now())
}

func parseCertificate(body []byte, now time.Time) (certificate, error) {
	block, _ := pem.Decode(body)
	if block == nil {
		return certificate{}, errors.New("it is not in PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certificate{}, err
	}
	key, ok := parsed.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return certificate{}, errors.New("its key is not RSA")
	case now.Before(parsed.NotBefore) || now.After(parsed.NotAfter):
		return certificate{}, errors.New("it is not valid now")
	}
	return certificate{key, parsed.NotAfter}, nil
}
