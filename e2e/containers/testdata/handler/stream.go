package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
)

// streamOrder is an event of the handler that streams.
type streamOrder struct {
	Bytes int    // how long the response is
	Fault string // an error after it
}

// streams is the loop of a runtime that streams its responses, which Lambda's client for Go cannot.
func streams() {
	for {
		resp, err := http.Get(runtimeAPI("next"))
		if err != nil {
			log.Fatal(err)
		}
		var o streamOrder
		err = json.NewDecoder(resp.Body).Decode(&o)
		_ = resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		if err := o.answer(resp.Header.Get("Lambda-Runtime-Aws-Request-Id")); err != nil {
			log.Fatal(err)
		}
	}
}

// answer streams a response (AWS: "Building a custom runtime").
func (o streamOrder) answer(id string) error {
	body := &bytesThen{left: o.Bytes}
	req, err := http.NewRequest(http.MethodPost, runtimeAPI(id+"/response"), body)
	if err != nil {
		return err
	}
	const kind, detail = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
	req.Trailer = http.Header{kind: nil, detail: nil}
	if o.Fault != "" {
		body.end = func() {
			req.Trailer.Set(kind, "Function.Late")
			req.Trailer.Set(detail, base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"errorType":"Function.Late","errorMessage":%q}`, o.Fault)))
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	fmt.Printf("streamed, %s %s\n", resp.Status, text)
	return err
}

// bytesThen has bytes, and then calls end.
type bytesThen struct {
	left int
	end  func()
}

func (b *bytesThen) Read(p []byte) (int, error) {
	if b.left == 0 {
		if b.end != nil {
			b.end()
		}
		return 0, io.EOF
	}
	n := min(b.left, len(p))
	for i := range p[:n] {
		p[i] = 'x'
	}
	b.left -= n
	return n, nil
}
