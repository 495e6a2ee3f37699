package lifecycle

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/config"
)

// level is the level of a line or of an event: an index of [config.ApplicationLogLevels].
type level int

const (
	levelDebug level = iota + 1
	levelInfo
	levelWarn
)

// levelOf returns the level with this name. An unknown name is INFO.
func levelOf(name string) level {
	if i := slices.Index(config.ApplicationLogLevels, strings.ToUpper(name)); i >= 0 {
		return level(i)
	}
	return levelInfo
}

// lineLevel returns the level of a line that a function wrote, and false if the line is no JSON object. A level that is
// missing or unknown is INFO, and so is any beside a timestamp that is none (AWS: "Log-level filtering").
func lineLevel(line []byte) (level, bool) {
	var object struct {
		Level     any `json:"level"`
		Timestamp any `json:"timestamp"`
	}
	if !bytes.HasPrefix(bytes.TrimLeft(line, " \t\r"), []byte("{")) || json.Unmarshal(line, &object) != nil {
		return 0, false
	}
	name, ok := object.Level.(string)
	if !ok || object.Timestamp != nil && !isTimestamp(object.Timestamp) {
		return levelInfo, true
	}
	return levelOf(name), true
}

func isTimestamp(v any) bool {
	text, ok := v.(string)
	if !ok {
		return false
	}
	_, err := time.Parse(time.RFC3339, text)
	return err == nil
}
