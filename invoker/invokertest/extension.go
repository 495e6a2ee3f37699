package invokertest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ExtensionName is the name of the file that is the external extension of [RunExtensions].
const ExtensionName = "esm-extension"

// extensionVariable says what the suite's extension does, besides printing its events.
const extensionVariable = "ESM_INVOKERTEST_EXTENSION"

// What the extension does.
const (
	polls       = "polls"         // ends when it is told
	stays       = "stays"         // does not end when it is told
	worksOn     = "works on"      // never asks for another event after its first INVOKE
	crashes     = "crashes"       // exits at its first INVOKE
	exitsInInit = "exits in Init" // before it registers
	adapts      = "adapts"        // is the function's runtime, whose own process serves something else
	observes    = "observes"      // subscribes to telemetry, and prints it
)

// crashStatus is the status with which the extension exits.
const crashStatus = 7

// What the programs print, for the suite to find.
const (
	gotEvent   = "extension got "
	gotEvents  = "telemetry "
	stillAlive = "extension is alive"
	gotSIGTERM = "runtime got SIGTERM"
	ticking    = "runtime is alive"
)

// isExtension reports whether this process was started as an external extension.
func isExtension() bool {
	return filepath.Base(os.Args[0]) == ExtensionName && filepath.Base(filepath.Dir(os.Args[0])) == "extensions"
}

// extend is the suite's extension.
func extend(mode string) {
	switch mode {
	case exitsInInit:
		os.Exit(crashStatus)
	case adapts:
		id := registerAs(ExtensionName, "")
		go event(id) // ends with the process
		for calls := 1; ; calls++ {
			serve(calls)
		}
	}
	id := registerAs(ExtensionName, `"INVOKE","SHUTDOWN"`)
	if mode == observes {
		observe(id)
	}
	fmt.Printf("extension has %t %t\n", os.Getenv("_HANDLER") != "", os.Getenv("GREETING") != "")
	for {
		got := event(id)
		fmt.Println(gotEvent + got)
		switch {
		case strings.Contains(got, `"SHUTDOWN"`) && mode == stays:
			for {
				fmt.Println(stillAlive)
				<-time.After(tick)
			}
		case strings.Contains(got, `"SHUTDOWN"`):
			os.Exit(0)
		case mode == crashes:
			os.Exit(crashStatus)
		case mode == worksOn:
			select {}
		}
	}
}

// tick is how often a program prints that it is alive.
const tick = 50 * time.Millisecond

// extendInternally makes this runtime an internal extension, as one does to get SIGTERM.
func extendInternally() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	id := registerAs("internal", "")
	go event(id)
	go func() {
		<-signals
		fmt.Println(gotSIGTERM)
		os.Exit(0)
	}()
}

func registerAs(name, events string) (id string) {
	h := extensionCall(http.MethodPost, "register", `{"events":[`+events+`]}`, "Lambda-Extension-Name", name).Header
	return h.Get("Lambda-Extension-Identifier")
}

// event waits for an extension's next event.
func event(id string) string {
	resp := extensionCall(http.MethodGet, "event/next", "", "Lambda-Extension-Identifier", id)
	body, err := io.ReadAll(resp.Body)
	must(err)
	return string(body)
}

func extensionCall(method, path, body, header, value string) *http.Response {
	req, err := http.NewRequest(method, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2020-01-01/extension/"+path, strings.NewReader(body))
	must(err)
	req.Header.Set(header, value)
	resp, err := http.DefaultClient.Do(req)
	must(err)
	if resp.StatusCode != http.StatusOK {
		fail(fmt.Errorf("%s: %s", path, resp.Status))
	}
	return resp
}
