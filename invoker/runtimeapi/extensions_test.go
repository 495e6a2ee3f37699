package runtimeapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	register  = "/2020-01-01/extension/register"
	eventNext = "/2020-01-01/extension/event/next"
)

func extensionError(kind, text string) string {
	return fmt.Sprintf(`{"errorMessage":%q,"errorType":%q}`+"\n", text, kind)
}

func TestInternalExtension(t *testing.T) {
	bubble(t, func(r *rig) {
		if r.session.Extended() {
			r.Error("extended before anything was registered")
		}
		got := r.post(register, `{"events":null}`, header("Lambda-Extension-Name", "GoLangEnableSIGTERM"))
		r.want(got, 200, `{"functionName":"f","functionVersion":"$LATEST","handler":"app.handler"}`+"\n")
		id := got.header.Get("Lambda-Extension-Identifier")
		if len(id) != 36 || !r.session.Extended() {
			r.Errorf("got identifier %q, extended %v", id, r.session.Extended())
		}
		ctx, cancel := context.WithCancel(r.Context())
		done := make(chan reply, 1)
		go func() { done <- r.with(ctx, http.MethodGet, eventNext, nil, header("Lambda-Extension-Identifier", id)) }()
		synctest.Wait()
		r.want(r.do(http.MethodGet, eventNext, nil, header("Lambda-Extension-Identifier", id)), 403, extensionError("Extension.InvalidExtensionState",
			"State transition from Ready to Ready failed for extension "+id+". Error: State transition is not allowed"))
		for range 3 {
			r.give(idA)
			r.post(response(idA), "1")
			r.answer()
		}
		time.Sleep(time.Hour)
		if len(done) > 0 {
			r.Error("the extension got an event, it asked for none")
		}
		cancel()
		<-done
		synctest.Wait()
		go func() { done <- r.do(http.MethodGet, eventNext, nil, header("Lambda-Extension-Identifier", id)) }()
		synctest.Wait()
		if len(done) > 0 {
			r.Errorf("got %+v for a second poll after the first was lost", <-done)
		}
	})
}

func TestExtensionErrors(t *testing.T) {
	bubble(t, func(r *rig) {
		named := header("Lambda-Extension-Name", "x")
		r.want(r.post(register, `{}`), 403, extensionError("Extension.InvalidExtensionName", "Empty extension name"))
		r.want(r.post(register, `{"events":["INVOKE"]}`, named), 403, extensionError("Extension.InvalidEventType", "No events allowed for internal extensions"))
		if got := r.post(register, `nonsense`, named); got.status != 403 || !strings.Contains(got.body, `"InvalidRequestFormat"`) {
			r.Errorf("got %+v", got)
		}
		if got := r.post(register, `{"events":[]}`, named); got.status != 200 {
			r.Errorf("got %+v", got)
		}
		r.want(r.post(register, `{}`, named), 403, extensionError("Extension.InvalidExtensionState", "Extension with this name already registered"))
		for i := range 9 {
			r.post(register, `{}`, header("Lambda-Extension-Name", fmt.Sprint(i)))
		}
		r.want(r.post(register, `{}`, header("Lambda-Extension-Name", "y")), 403, extensionError("Extension.TooManyExtensions", "Extension limit (10) reached"))
		r.want(r.get(eventNext), 403, extensionError("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
		r.want(r.do(http.MethodGet, eventNext, nil, header("Lambda-Extension-Identifier", idA)), 403, extensionError("Extension.UnknownExtensionIdentifier", "Unknown extension "+idA))
		r.park(r.Context())
		r.want(r.post(register, `{}`, header("Lambda-Extension-Name", "z")), 403, extensionError("Extension.RegistrationClosed", "Extension registration closed already"))
		r.want(r.do(http.MethodPut, "/2022-07-01/telemetry/", nil), 202, extensionError("Telemetry.NotSupported", "Telemetry API is not supported"))
		r.want(r.do(http.MethodPut, "/2020-08-15/logs", nil), 202, extensionError("Logs.NotSupported", "Logs API is not supported"))
	})
}
