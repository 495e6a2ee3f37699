// Command handler is the handler of the images in these tests. It does what the event says and returns what it finds.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// order is an event. The members that are set are carried out.
type order struct {
	Read  string // a file, whose content is returned
	List  string // a directory, whose sorted names are returned
	Write string // a file, into which something is written
	Run   string // a program in PATH, whose output is returned
	Name  string // a variable of the environment
	Ask   string // a URL, or a path at the endpoint of AWS: returns the status of the answer. The host "engine" is the engine
	Print string // a line, which is printed Pause milliseconds before the answer
	Pause int
	Args  bool // returns the arguments of the process
	Vars  bool // returns all variables of the environment

	mischief
}

func main() {
	if os.Getenv(sleeper) != "" {
		signal.Ignore(syscall.SIGTERM)
		select {}
	}
	if os.Getenv("STREAM") != "" {
		streams()
		return
	}
	switch os.Getenv("SIGTERM") {
	case "handled":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("handler got SIGTERM") }))
	case "ignored":
		signal.Ignore(syscall.SIGTERM)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, o order) (string, error) {
	about, _ := lambdacontext.FromContext(ctx)
	if result, err := o.mischief.do(about.AwsRequestID); !errors.Is(err, errNothing) {
		return result, err
	}
	switch {
	case o.Read != "":
		text, err := os.ReadFile(o.Read)
		return string(text), err
	case o.List != "":
		entries, err := os.ReadDir(o.List)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		slices.Sort(names)
		return strings.Join(names, " "), err
	case o.Write != "":
		return "written", os.WriteFile(o.Write, []byte("x"), 0o600)
	case o.Run != "":
		out, err := exec.Command(o.Run).CombinedOutput()
		return string(out), err
	case o.Ask != "":
		return ask(o.Ask), nil
	case o.Print != "":
		fmt.Println(o.Print)
		time.Sleep(time.Duration(o.Pause) * time.Millisecond)
		return "printed", nil
	case o.Args:
		return strings.Join(os.Args, " "), nil
	case o.Vars:
		return strings.Join(os.Environ(), "\n"), nil
	}
	return os.Getenv(o.Name), nil
}

// ask returns the status of an answer, or why there is none.
func ask(url string) string {
	if strings.HasPrefix(url, "/") {
		url = os.Getenv("AWS_ENDPOINT_URL") + url
	}
	host, _, _ := strings.Cut(os.Getenv("AWS_LAMBDA_RUNTIME_API"), ":")
	url = strings.Replace(url, "//engine:", "//"+host+":", 1)
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	switch {
	case err == nil:
		_ = resp.Body.Close()
		return resp.Status
	case os.IsTimeout(err):
		return "no answer"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return err.Error()
	}
	return "refused" // hung up without an answer
}
