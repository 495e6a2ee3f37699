// Probe is what tests run in containers. Each argument is a URL, or a URL and the Host to ask for, joined by a comma. It prints
// a line for each: the status of the answer, or "refused", or "no answer". The argument "wait" blocks.
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	client := &http.Client{Timeout: 3 * time.Second}
	for _, arg := range os.Args[1:] {
		if arg == "wait" {
			select {}
		}
		if to, ok := strings.CutPrefix(arg, "listen="); ok {
			l, err := net.Listen("tcp", to)
			if err != nil {
				panic(err)
			}
			fmt.Println("listening")
			panic(http.Serve(l, http.NotFoundHandler()))
		}
		fmt.Println(ask(client, arg))
	}
}

func ask(client *http.Client, arg string) string {
	url, host, _ := strings.Cut(arg, ",")
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	if host != "" {
		req.Host = host
	}
	resp, err := client.Do(req)
	switch {
	case err == nil:
		resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case os.IsTimeout(err):
		return "no answer"
	}
	return err.Error()
}
