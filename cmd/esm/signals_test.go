package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// send sends a signal to this very process, which must be listening.
func send(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of ctx and returns its cause.
func ends(t *testing.T, what string, ctx context.Context) error {
	t.Helper()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not end", what)
		return nil
	}
}

func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func TestASecondSignalEndsWork(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM) // one that nobody listens to any more would end the test
	defer signal.Stop(caught)
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		told := make(chan os.Signal, 2)
		ctx, work, _, end := lifetimes(t.Context(), always(time.Hour), func(s os.Signal) { told <- s })
		send(t, first)
		if err := ends(t, "ctx", ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v: ctx ends with %v, want an ordinary end", first, err)
		}
		if got := <-told; got != first || work.Err() != nil {
			t.Errorf("%v: told %v, work %v", first, got, work.Err())
		}
		for deadline := time.Now().Add(30 * time.Second); work.Err() == nil && time.Now().Before(deadline); {
			send(t, syscall.SIGTERM) // until one is no echo of the first
			select {
			case <-work.Done():
			case <-time.After(echo):
			}
		}
		if err := ends(t, "work", work); !errors.Is(err, errStoppedAtOnce) {
			t.Errorf("%v: work ends with %v", first, err)
		}
		end()
		if len(told) > 0 {
			t.Errorf("%v: the second signal is told as the first: %v", first, <-told)
		}
	}
}

// A signal that arrives twice, as from a terminal and from what started this process, is one wish.
func TestEchoesOfASignalEndNothing(t *testing.T) {
	for name, test := range map[string]struct {
		signals []time.Duration // after the first
		cut     time.Duration
	}{
		"a second wish":  {[]time.Duration{time.Second}, time.Second},
		"an echo":        {[]time.Duration{0, echo}, time.Minute},
		"both":           {[]time.Duration{echo / 2, 3 * time.Second}, 3 * time.Second},
		"none but grace": {nil, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				signals := make(chan os.Signal)
				var sending sync.WaitGroup
				sending.Go(func() {
					for _, after := range test.signals {
						time.Sleep(time.Until(began.Add(after)))
						signals <- syscall.SIGTERM
					}
				})
				if got := linger(signals, time.Minute, nil); !got || time.Since(began) != test.cut {
					t.Errorf("%v after %v, want after %v", got, time.Since(began), test.cut)
				}
				sending.Wait()
			})
		})
	}
}

func TestGraceEndsWork(t *testing.T) {
	ctx, work, stop, end := lifetimes(t.Context(), always(time.Millisecond), func(os.Signal) { t.Error("there was no signal") })
	defer end()
	broken := errors.New("broken")
	stop(broken)
	if err := ends(t, "ctx", ctx); !errors.Is(err, broken) {
		t.Errorf("ctx ends with %v, want %v", err, broken)
	}
	if err := ends(t, "work", work); !errors.Is(err, errStoppedAtOnce) {
		t.Errorf("work ends with %v, want %v", err, errStoppedAtOnce)
	}
}

func TestWorkOutlivesItsParent(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, work, _, end := lifetimes(parent, always(time.Hour), func(os.Signal) {})
	cancel()
	if err := ends(t, "ctx", ctx); !errors.Is(err, context.Canceled) || work.Err() != nil {
		t.Errorf("ctx ends with %v, work with %v", err, work.Err())
	}
	end()
	if err := ends(t, "work", work); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end work ends with %v, want an ordinary end", err)
	}
}

// A process whose reader goes away would be killed at its next line, were it not for brokenPipes. The test is its own
// child, whose standard output is a pipe that nobody reads.
func TestBrokenPipesAreSurvived(t *testing.T) {
	const role = "ESM_TEST_WRITES_TO_NOBODY"
	if os.Getenv(role) != "" {
		pipes := brokenPipes()
		_, err := os.Stdout.WriteString("a line\n")
		if <-pipes; !errors.Is(err, syscall.EPIPE) {
			os.Exit(3)
		}
		os.Exit(0)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$")
	cmd.Env, cmd.Stdout = append(os.Environ(), role+"=1"), writer
	if err := cmd.Run(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}
