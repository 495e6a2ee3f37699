package sns

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// A refusal is an error of SNS: what the caller asked for cannot be done.
type refusal struct {
	status     int // HTTP status
	code, text string
}

func (e *refusal) Error() string { return e.code + ": " + e.text }

func notFound(text string) error { return &refusal{http.StatusNotFound, "NotFound", text} }

// invalidParameter begins with the words that AWS begins with.
func invalidParameter(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "InvalidParameter", "Invalid parameter: " + fmt.Sprintf(format, args...)}
}

// unsupportedValue refuses what AWS can do and this server cannot.
func unsupportedValue(parameter, value string) error {
	return invalidParameter("%s Reason: %s is not supported by the embedded SNS", parameter, value)
}

// An element is an XML element of any name.
type element struct {
	name    string
	content any
}

// MarshalXML is [xml.Marshaler].MarshalXML.
func (e element) MarshalXML(enc *xml.Encoder, _ xml.StartElement) error {
	return enc.EncodeElement(e.content, xml.StartElement{Name: xml.Name{Local: e.name}})
}

type metadata struct{ RequestId string }

// answer writes the result of an action, or that it succeeded.
func answer(w http.ResponseWriter, action string, result any) {
	root := struct {
		XMLName          xml.Name
		Result           any
		ResponseMetadata metadata
	}{XMLName: xml.Name{Space: namespace, Local: action + "Response"}, ResponseMetadata: metadata{uuid.NewString()}}
	if result != nil {
		root.Result = element{action + "Result", result}
	}
	write(w, http.StatusOK, root.ResponseMetadata.RequestId, root)
}

// fail answers with an error in the shape that SDKs turn into their typed exceptions.
func fail(w http.ResponseWriter, err error) {
	type reason struct{ Type, Code, Message string }
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		refused = &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	side := "Sender"
	if refused.status >= http.StatusInternalServerError {
		side = "Receiver"
	}
	root := struct {
		XMLName   xml.Name
		Error     reason
		RequestId string
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, reason{side, refused.code, refused.text}, uuid.NewString()}
	write(w, refused.status, root.RequestId, root)
}

func write(w http.ResponseWriter, status int, id string, root any) {
	var body bytes.Buffer
	if err := xml.NewEncoder(&body).Encode(root); err != nil {
		status = http.StatusInternalServerError // no result has what XML cannot encode
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	w.Write(body.Bytes()) // a client that is gone cannot be told
}

// members is a list as the query protocol writes it.
type members[T any] struct {
	Member []T `xml:"member"`
}

// entries is a map as the query protocol writes it, in the order of its keys.
type entries struct {
	Entry []entry `xml:"entry"`
}

type entry struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func entriesOf(texts map[string]string) (e entries) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		e.Entry = append(e.Entry, entry{key, texts[key]})
	}
	return e
}
