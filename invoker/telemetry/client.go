package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client delivers batches to one destination. Calls are not concurrent.
type client interface {
	send(ctx context.Context, number int, batch []item) error
	close()
}

func newClient(s subscription, dial Dial) client {
	if s.url == "" {
		return &tcpClient{dial: dial, port: s.port}
	}
	transport := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, s.port) },
		DisableCompression: true,
	}
	return &httpClient{method: s.method, url: s.url, transport: transport, client: http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// httpClient posts a batch as a JSON array. Any answer 2xx takes it.
type httpClient struct {
	method, url string
	transport   *http.Transport
	client      http.Client
}

func (c *httpClient) send(ctx context.Context, number int, batch []item) error {
	var body bytes.Buffer
	for i, event := range batch {
		body.WriteByte("[,"[min(i, 1)])
		body.Write(event.text)
	}
	body.WriteByte(']')
	r, err := http.NewRequestWithContext(ctx, c.method, c.url, &body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sequence-Id", strconv.Itoa(number)) // the same when the batch is sent again
	resp, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection is used again; the status is what counts
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered with status %d", c.url, resp.StatusCode)
	}
	return nil
}

func (c *httpClient) close() { c.transport.CloseIdleConnections() }

// tcpClient writes events as lines to a connection that it keeps.
type tcpClient struct {
	dial Dial
	port int
	conn net.Conn // owned by send; nil while there is none
}

func (c *tcpClient) send(ctx context.Context, _ int, batch []item) error {
	if c.conn == nil {
		var err error
		if c.conn, err = c.dial(ctx, c.port); err != nil {
			return err
		}
	}
	var lines bytes.Buffer
	for _, event := range batch {
		lines.Write(event.text)
		lines.WriteByte('\n')
	}
	conn := c.conn
	defer context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(lines.Bytes()); err != nil {
		c.close()
		return err
	}
	return nil
}

func (c *tcpClient) close() {
	if c.conn != nil {
		_ = c.conn.Close() // what was written has been sent
		c.conn = nil
	}
}
