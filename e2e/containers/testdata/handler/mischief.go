package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// mischief is the part of an order that a handler should rather not carry out.
type mischief struct {
	Log       int    // MB that are written to standard output
	Fill      string // a file that grows until there is no room; returns how much fitted, in MB
	Fork      int    // processes in sessions of their own, which never end by themselves; returns how many there are
	PollAgain bool   // asks for an event within the invocation; returns whether it is the same
	Stranger  string // a request's ID, to which an answer is sent; returns the status
}

// errNothing says that an order has no mischief.
var errNothing = errors.New("no mischief")

func (m mischief) do(id string) (string, error) {
	switch {
	case m.Log > 0:
		return "written", write(m.Log)
	case m.Fill != "":
		return fill(m.Fill)
	case m.Fork > 0:
		return fork(m.Fork), nil
	case m.PollAgain:
		resp, err := http.Get(runtimeAPI("next"))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.Header.Get("Lambda-Runtime-Aws-Request-Id") == id), nil
	case m.Stranger != "":
		resp, err := http.Post(runtimeAPI(m.Stranger+"/response"), "application/json", strings.NewReader("1"))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return resp.Status + " " + strings.ReplaceAll(strings.TrimSpace(string(text)), `"`, "'"), err
	}
	return "", errNothing
}

func runtimeAPI(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/" + path
}

func write(megabytes int) error {
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	for range megabytes << 10 {
		if _, err := os.Stdout.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func fill(path string) (string, error) {
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for n := 0; ; n++ {
		if _, err := file.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				return "", err
			}
			return fmt.Sprint(n), nil
		}
	}
}

// sleeper is the variable of a process that does nothing.
const sleeper = "E2E_SLEEPER"

func fork(processes int) string {
	for n := range processes {
		c := exec.Command(os.Args[0])
		c.Env = []string{sleeper + "=1", "GOMAXPROCS=1"}
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			return fmt.Sprint(n)
		}
	}
	return fmt.Sprint(processes)
}
