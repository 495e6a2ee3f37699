// Command extension is an external extension that prints a line for each of its events: of all invocations, and of the
// environment's end. With SLOW set, it takes so long for the end.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var (
	api    = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	client = &http.Client{Transport: &http.Transport{}} // without a proxy
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("extension: ")
	name := filepath.Base(os.Args[0])
	header, _, err := send(http.MethodPost, "register", "Lambda-Extension-Name", name, `{"events":["INVOKE","SHUTDOWN"]}`)
	if err != nil {
		log.Fatal(err)
	}
	id := header.Get("Lambda-Extension-Identifier")
	log.Print("registered ", name)
	for {
		_, body, err := send(http.MethodGet, "event/next", "Lambda-Extension-Identifier", id, "")
		if err != nil {
			log.Fatal(err)
		}
		var event struct{ EventType, RequestID, ShutdownReason string }
		if err := json.Unmarshal(body, &event); err != nil {
			log.Fatal(err)
		}
		log.Print(strings.TrimSpace(event.EventType + " " + event.RequestID + event.ShutdownReason))
		if event.EventType == "SHUTDOWN" {
			end()
		}
	}
}

func end() {
	if slow, err := time.ParseDuration(os.Getenv("SLOW")); err == nil {
		time.Sleep(slow)
	}
	log.Print("ended")
	os.Exit(0)
}

func send(method, path, name, value, body string) (http.Header, []byte, error) {
	req, err := http.NewRequest(method, api+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set(name, value)
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, resp.Status, got)
	}
	return resp.Header, got, err
}
