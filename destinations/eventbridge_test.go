package destinations

import (
	"errors"
	"fmt"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
)

// A successful answer may report that the entry failed. A text without a code is none of AWS's.
func TestRefusedEntries(t *testing.T) {
	const code = `{"FailedEntryCount":1,"Entries":[{"ErrorCode":%q,"ErrorMessage":"no"}]}`
	for answer, want := range map[string]string{
		`{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`: "",
		`{}`:                                                              "",
		fmt.Sprintf(code, "InternalFailure"):                              "temporary InternalFailure",
		fmt.Sprintf(code, "InternalException"):                            "temporary InternalException",
		fmt.Sprintf(code, "ThrottlingException"):                          "temporary ThrottlingException",
		fmt.Sprintf(code, "AccessDeniedException"):                        "permanent AccessDeniedException",
		fmt.Sprintf(code, "InvalidArgument"):                              "permanent InvalidArgument",
		fmt.Sprintf(code, "MalformedDetail"):                              "permanent MalformedDetail",
		fmt.Sprintf(code, "NotAuthorizedForSourceException"):              "permanent NotAuthorizedForSourceException",
		`{"FailedEntryCount":0,"Entries":[{"ErrorCode":"Any"}]}`:          "permanent Any",
		`{"FailedEntryCount":1}`:                                          "temporary ",
		`{"FailedEntryCount":1,"Entries":[{}]}`:                           "temporary ",
		`{"FailedEntryCount":1,"Entries":[{"ErrorMessage":"too large"}]}`: "temporary ",
	} {
		s := &service{answer: answer}
		err := s.all(t, "", config.EventSuccess)[config.EventBridge].Send(t.Context(), succeeded())
		got := ""
		switch {
		case errors.Is(err, esm.ErrUndeliverable):
			got = "permanent " + awserr.Code(err)
		case err != nil:
			got = "temporary " + awserr.Code(err)
		}
		if got != want || s.calls != 1 {
			t.Errorf("%s: got %q (%v) after %d calls, want %q", answer, got, err, s.calls, want)
		}
	}
}
