// Command adapter is an external extension that behaves as Lambda Web Adapter does: it is the client of the Runtime API
// in place of the image's program, which is an ordinary web server.
//
// It registers without events, waits until the server answers, and then passes each event on: an event of a function URL
// as the request that it describes, any other one as a POST of /events.
package main

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	api    = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API")
	server = "http://127.0.0.1:" + cmp.Or(os.Getenv("AWS_LWA_PORT"), os.Getenv("PORT"), "8080")
	client = &http.Client{Transport: &http.Transport{}} // without a proxy
)

func main() {
	log.SetPrefix("adapter: ")
	go stay(register())
	waitForServer()
	for {
		if err := serve(); err != nil {
			log.Fatal(err)
		}
	}
}

// register registers the extension and returns its identifier.
func register() string {
	resp, _, err := send(http.MethodPost, api+"/2020-01-01/extension/register", "Lambda-Extension-Name", "lambda-adapter", `{"events":[]}`)
	if err != nil {
		log.Fatal("register: ", err)
	}
	return resp.Get("Lambda-Extension-Identifier")
}

// stay waits for an event of the extension. There is none.
func stay(id string) {
	_, _, err := send(http.MethodGet, api+"/2020-01-01/extension/event/next", "Lambda-Extension-Identifier", id, "")
	log.Print("next event: ", err)
}

func waitForServer() {
	for {
		if resp, err := client.Get(server + cmp.Or(os.Getenv("AWS_LWA_READINESS_CHECK_PATH"), "/")); err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// serve passes one event on.
func serve() error {
	header, event, err := send(http.MethodGet, api+"/2018-06-01/runtime/invocation/next", "", "", "")
	if err != nil {
		return fmt.Errorf("next: %w", err)
	}
	invocation := api + "/2018-06-01/runtime/invocation/" + header.Get("Lambda-Runtime-Aws-Request-Id")
	answer, err := answer(event)
	if err != nil {
		failure, _ := json.Marshal(map[string]string{"errorType": "AdapterError", "errorMessage": err.Error()}) // cannot fail
		_, _, err = send(http.MethodPost, invocation+"/error", "", "", string(failure))
		return err
	}
	_, _, err = send(http.MethodPost, invocation+"/response", "", "", string(answer))
	return err
}

// request is an event of a function URL, in the format 2.0.
type request struct {
	RawPath, RawQueryString, Body string
	Headers                       map[string]string
	IsBase64Encoded               bool
	RequestContext                struct{ HTTP struct{ Method string } }
}

// answer returns the server's answer to an event.
func answer(event []byte) ([]byte, error) {
	var in request
	if json.Unmarshal(event, &in) != nil || in.RequestContext.HTTP.Method == "" {
		_, body, _, err := ask(http.MethodPost, "/events", map[string]string{"Content-Type": "application/json"}, event)
		return body, err
	}
	body := []byte(in.Body)
	if in.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
			return nil, err
		}
	}
	status, got, header, err := ask(in.RequestContext.HTTP.Method, in.RawPath+"?"+in.RawQueryString, in.Headers, body)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"statusCode": status, "headers": single(header), "body": string(got), "isBase64Encoded": false}
	if !utf8.Valid(got) {
		out["body"], out["isBase64Encoded"] = base64.StdEncoding.EncodeToString(got), true
	}
	return json.Marshal(out)
}

// ask sends a request to the server.
func ask(method, path string, header map[string]string, body []byte) (status int, got []byte, h http.Header, err error) {
	req, err := http.NewRequest(method, server+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	got, err = io.ReadAll(resp.Body)
	return resp.StatusCode, got, resp.Header, err
}

func single(header http.Header) map[string]string {
	one := map[string]string{}
	for name, values := range header {
		one[name] = strings.Join(values, ",")
	}
	return one
}

// send sends a request with one header to the APIs of the environment.
func send(method, url, name, value, body string) (http.Header, []byte, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if name != "" {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, got)
	}
	return resp.Header, got, err
}
