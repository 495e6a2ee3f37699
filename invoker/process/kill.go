package process

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/esm-run/esm/invoker/lifecycle"
)

// Kill ends every process of the sandbox, those that left their groups too: the runtime first, then the extensions. Processes
// are killed before their connections are closed, because a runtime that loses its Runtime API logs an error, or loops.
func (r *running) Kill(s lifecycle.Shutdown) error {
	defer close(r.killed)
	deadline := time.Now().Add(s.Extensions)
	r.killing.Store(true)
	close(r.stop)
	r.starting.Wait()
	if s.Grace > 0 || s.Notify != nil {
		r.signal(syscall.SIGCONT) // a process that is frozen neither ends nor learns anything
	}
	ok := r.endRuntime(s.Grace)
	ok = r.endExtensions(s, deadline) && ok
	ok = killMarked(map[string]bool{r.sandbox.dir.id: true}) && ok
	for _, m := range r.all() {
		m.close()
	}
	r.server.Close()
	r.serving.Wait()
	if !ok {
		return fmt.Errorf("process: some processes of environment %s cannot be killed", r.sandbox.dir.id)
	}
	r.watching.Wait()
	return nil
}

// endRuntime ends the runtime, with SIGTERM first if it has time. It reports whether the runtime is gone.
func (r *running) endRuntime(grace time.Duration) bool {
	ok := true
	for _, m := range r.all() {
		if m.isExtension() {
			continue
		}
		if grace > 0 && !m.gone(0) {
			m.signal(syscall.SIGTERM)
			m.gone(grace)
		}
		ok = m.end() && ok
	}
	return ok
}

// endExtensions ends the extensions, those that are told at the deadline at the latest. It reports whether they are gone.
func (r *running) endExtensions(s lifecycle.Shutdown, deadline time.Time) bool {
	if s.Notify != nil {
		s.Notify()
	}
	var told []*member
	ok := true
	for _, m := range r.all() {
		switch {
		case !m.isExtension():
		case s.Notify != nil && slices.Contains(s.Told, m.name):
			told = append(told, m)
		default:
			ok = m.end() && ok
		}
	}
	for _, m := range told {
		m.gone(time.Until(deadline))
		ok = m.end() && ok
	}
	return ok
}
