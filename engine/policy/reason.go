package policy

import (
	"strings"

	"github.com/esm-run/esm/trace"
)

// reasonOf tells the kinds of function error apart. To the records they are all the same.
func reasonOf(fault string) trace.Reason {
	switch fault {
	case "Sandbox.Timedout", "Sandbox.Timeout":
		return trace.ReasonFunctionTimeout
	case "Runtime.OutOfMemory":
		return trace.ReasonOutOfMemory
	case "Function.ResponseSizeTooLarge":
		return trace.ReasonResponseTooLarge
	}
	for _, platform := range [...]string{"Runtime.", "Sandbox.", "Extension."} {
		if strings.HasPrefix(fault, platform) {
			return trace.ReasonRuntimeError
		}
	}
	return trace.ReasonFunctionError
}
