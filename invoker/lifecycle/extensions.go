package lifecycle

import (
	"errors"
	"strings"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
	"github.com/esm-run/esm/invoker/telemetry"
)

// extensions reports the extensions of a run at the end of its Init.
func (r reporter) extensions(id string, got outcome, of *run) {
	if got == cancelled || got == closing {
		return
	}
	for _, ext := range of.api.Extensions() {
		if got == exited && of.failure.Extension == ext.Name && ext.ErrorType == "" {
			ext.State, ext.ErrorType = "Exited", of.failure.Type
		}
		r.extension(id, ext)
	}
}

// notStarted reports the extension that could not be started, if that is what err says.
func (r reporter) notStarted(id string, err error) {
	if f, ok := errors.AsType[*runtimeapi.Failure](err); ok && f.Extension != "" {
		r.extension(id, runtimeapi.Extension{Name: f.Extension, State: "LaunchError", ErrorType: f.Reason})
	}
}

func (r reporter) extension(id string, ext runtimeapi.Extension) {
	status := statusSuccess
	line := "EXTENSION\tName: " + ext.Name + "\tState: " + ext.State + "\tEvents: [" + strings.Join(ext.Events, ", ") + "]"
	if ext.ErrorType != "" {
		status = statusFailure
		line += "\tError Type: " + ext.ErrorType
	}
	r.event(time.Now(), id, whether(status, levelInfo), telemetry.Extension{
		Name: ext.Name, State: ext.State, Events: append([]string{}, ext.Events...), ErrorType: ext.ErrorType,
	})
	r.text(id, line)
}
