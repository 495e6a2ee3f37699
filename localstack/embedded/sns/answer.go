package sns

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

// errorf returns an error of SNS with HTTP status 400.
func errorf(code, format string, args ...any) error { return wire.Errorf(code, format, args...) }

func notFound(text string) error {
	return &wire.Error{Status: http.StatusNotFound, Type: "NotFound", Message: text}
}

// invalidParameter begins with the words that AWS begins with.
func invalidParameter(format string, args ...any) error {
	return errorf("InvalidParameter", "Invalid parameter: "+format, args...)
}

// unsupportedValue refuses what AWS supports and this server does not.
func unsupportedValue(parameter, value string) error {
	return invalidParameter("%s Reason: %s is not supported by the embedded SNS", parameter, value)
}

// An element is an XML element of any name.
type element struct {
	name    string
	content any
}

func (e element) MarshalXML(enc *xml.Encoder, _ xml.StartElement) error {
	return enc.EncodeElement(e.content, xml.StartElement{Name: xml.Name{Local: e.name}})
}

type metadata struct{ RequestId string }

// answer writes the result of an action, which may be nil.
func answer(w http.ResponseWriter, action string, result any) {
	root := struct {
		XMLName          xml.Name
		Result           any
		ResponseMetadata metadata
	}{XMLName: xml.Name{Space: namespace, Local: action + "Response"}, ResponseMetadata: metadata{uuid.NewString()}}
	if result != nil {
		root.Result = element{action + "Result", result}
	}
	body, _ := xml.Marshal(root) // no result contains anything that XML cannot encode
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", root.ResponseMetadata.RequestId)
	w.Write(body) // an error means that the client is gone
}

// members is a list in the query protocol.
type members[T any] struct {
	Member []T `xml:"member"`
}

// entries is a map in the query protocol, in the order of its keys.
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
