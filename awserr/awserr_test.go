package awserr

import (
	"errors"
	"net/http"
	"testing"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

func status(code int) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code}}, Err: errors.New("no"),
	}
}

func TestWrap(t *testing.T) {
	for code, want := range map[int]error{400: nil, 403: ErrDenied, 429: ErrSlowDown, 500: nil} {
		got := Codes(nil).Wrap(status(code))
		if errors.Is(got, ErrSlowDown) != (want == ErrSlowDown) || errors.Is(got, ErrDenied) != (want == ErrDenied) || Status(got) != code {
			t.Errorf("%d: %v, want %v", code, got, want)
		}
	}
	if Codes(nil).Wrap(nil) != nil {
		t.Error("no error became one")
	}
	if got := Codes(nil).Wrap(errors.Join(esm.ErrNoStream, status(403))); errors.Is(got, ErrDenied) {
		t.Errorf("%v has two meanings", got)
	}
}
