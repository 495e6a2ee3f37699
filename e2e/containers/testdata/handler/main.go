// Command handler is the handler of the images in these tests. It does what the event says and returns what it finds.
package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// order is an event. The members that are set are carried out.
type order struct {
	Read  string // a file, whose content is returned
	List  string // a directory, whose sorted names are returned
	Write string // a file, into which something is written
	Run   string // a program in PATH, whose output is returned
	Name  string // a variable of the environment
	Args  bool   // returns the arguments of the process
}

func main() { lambda.Start(handle) }

func handle(_ context.Context, o order) (string, error) {
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
	case o.Args:
		return strings.Join(os.Args, " "), nil
	}
	return os.Getenv(o.Name), nil
}
