package config

import (
	"cmp"
	"slices"
	"strings"
)

// Logging says how the lines of a function and those of the platform about it are written (AWS: API reference of
// LoggingConfig).
type Logging struct {
	LogFormat string // Text or JSON; empty means Text

	// The least levels that are written. They need JSON; empty means INFO.
	ApplicationLogLevel string // of the function's lines that are JSON objects with a level: one of ApplicationLogLevels
	SystemLogLevel      string // of the platform's events: one of SystemLogLevels
}

// Levels of logs, from the one that writes the most.
var (
	ApplicationLogLevels = []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	SystemLogLevels      = []string{"DEBUG", "INFO", "WARN"}
)

const defaultLogLevel = "INFO"

// JSON reports whether the log format is JSON.
func (l Logging) JSON() bool { return l.LogFormat == "JSON" }

// defaults returns l with Lambda's defaults for the members that are not set.
func (l Logging) defaults() Logging {
	l.LogFormat = cmp.Or(l.LogFormat, "Text")
	if l.JSON() {
		l.ApplicationLogLevel = cmp.Or(l.ApplicationLogLevel, defaultLogLevel)
		l.SystemLogLevel = cmp.Or(l.SystemLogLevel, defaultLogLevel)
	}
	return l
}

func (l Logging) check(found *problems) {
	if !slices.Contains([]string{"", "Text", "JSON"}, l.LogFormat) {
		found.add("LoggingConfig.LogFormat", "is neither Text nor JSON")
	}
	for _, level := range []struct {
		key, value string
		known      []string
	}{
		{"LoggingConfig.ApplicationLogLevel", l.ApplicationLogLevel, ApplicationLogLevels},
		{"LoggingConfig.SystemLogLevel", l.SystemLogLevel, SystemLogLevels},
	} {
		switch {
		case level.value == "":
		case !slices.Contains(level.known, level.value):
			found.add(level.key, "is none of %s", strings.Join(level.known, ", "))
		case !l.JSON():
			found.add(level.key, "needs LogFormat: JSON; text is not filtered")
		}
	}
}
