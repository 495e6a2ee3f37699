package wire

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
)

// Write answers with that JSON, and with a request id of its own. A client that is gone cannot be told.
func (a API[S]) Write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/x-amz-json-"+a.Version)
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.WriteHeader(status)
	w.Write(body)
}

// Fail answers with an error. What is no [*Refusal] is an InternalFailure with HTTP status 500.
func (a API[S]) Fail(w http.ResponseWriter, err error) {
	refused, ok := errors.AsType[*Refusal](err)
	if !ok {
		refused = &Refusal{Status: http.StatusInternalServerError, Type: Coral + "InternalFailure", Message: err.Error()}
	}
	if a.OldNames {
		w.Header().Set("X-Amzn-Query-Error", refused.OldName()+";"+refused.fault())
	}
	body, err := json.Marshal(refused)
	if err != nil { // only a member of More can be at fault
		body, _ = json.Marshal(&Refusal{Type: refused.Type, Message: refused.Message + " (" + err.Error() + ")"})
	}
	a.Write(w, refused.Status, body)
}

// Decode reads the body of a request into a struct. Members that it does not have are ignored, as AWS does; an empty body
// is an empty object. What is no JSON, or has a value of another type, is a SerializationException that names the
// member. A Refusal that an UnmarshalJSON of in returns is passed on.
func Decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	err := json.Unmarshal(body, in)
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*Refusal](err); ok {
		return refused
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Unreadable("%s: %s can not be converted to %s.", mistyped.Field, mistyped.Value, mistyped.Type)
	}
	return Unreadable("The request is not JSON: %v.", err)
}
