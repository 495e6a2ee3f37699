package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// answer is the HTTP response to one request.
type answer struct {
	status int
	header http.Header // besides the headers of every answer
	body   []byte      // JSON unless header has another Content-Type; nil for no body
}

// document returns an answer whose body is v as JSON.
func document(status int, v any) (answer, error) {
	body, err := encode(v)
	return answer{status: status, body: body}, err
}

// encode returns v as JSON. Like AWS it leaves <, > and & unescaped.
func encode(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// write writes the answer to the request with the given ID. Seal, if it is not nil, has the last word about its headers.
func (a answer) write(w http.ResponseWriter, id string, seal func(http.Header)) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", id)
	if len(a.body) > 0 {
		h.Set("Content-Type", "application/json")
	}
	if seal == nil {
		seal = func(h http.Header) { h.Set("X-Content-Type-Options", "nosniff") }
	}
	maps.Copy(h, a.header)
	seal(h)
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	w.Write(a.body) //nolint:errcheck // the client is gone
}
