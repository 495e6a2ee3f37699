package lifecycle

import (
	"errors"
	"strings"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// extensions reports the extensions of a run at the end of its Init.
func (r reporter) extensions(id string, got outcome, of *run) {
	if got == cancelled || got == closing {
		return
	}
	for _, ext := range of.session.Extensions() {
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
	switch {
	case r.output.trace == nil:
	case r.json:
		r.event(id, "platform.extension", struct {
			Name      string   `json:"name"`
			State     string   `json:"state"`
			Events    []string `json:"events"`
			ErrorType string   `json:"errorType,omitempty"`
		}{ext.Name, ext.State, append([]string{}, ext.Events...), ext.ErrorType})
	default:
		line := "EXTENSION\tName: " + ext.Name + "\tState: " + ext.State + "\tEvents: [" + strings.Join(ext.Events, ", ") + "]"
		if ext.ErrorType != "" {
			line += "\tError Type: " + ext.ErrorType
		}
		r.output.platform(id, line)
	}
}
