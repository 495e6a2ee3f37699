package destinations

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
)

// exhaustedKey is the key of the object of exhausted().
const exhaustedKey = "aws/lambda/3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88/shardId-000000000002/2026/03/04/" +
	"2026-03-04T05.06.07-b6a0c1de-2f34-4a56-9c78-0d1e2f3a4b5c"

// The documents that arrive are compared in service_test.go.
func TestWhereNoticesAreSent(t *testing.T) {
	topic := "TopicArn=" + url.QueryEscape(topicARN)
	for endpoint, want := range map[string]map[string]request{ // the body contains this
		"": {
			config.SQS: {url: "https://sqs.eu-west-1.amazonaws.com/", body: `"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/failed"`},
			config.SNS: {url: "https://sns.eu-west-1.amazonaws.com/", body: topic},
			config.S3:  {url: "https://failed-records.s3.eu-west-1.amazonaws.com/" + exhaustedKey + "?x-id=PutObject", body: string(golden(t, "s3"))},
		},
		"http://127.0.0.1:4566": {
			config.SQS: {url: "http://127.0.0.1:4566/", body: `"QueueUrl":"http://unreachable.example:4566/111122223333/failed"`},
			config.SNS: {url: "http://127.0.0.1:4566/", body: topic},
			config.S3:  {url: "http://127.0.0.1:4566/failed-records/" + exhaustedKey + "?x-id=PutObject", body: string(golden(t, "s3"))},
		},
	} {
		for name := range want {
			s := &service{}
			d := s.each(t, endpoint)[name]
			for range 2 {
				if err := d.Send(t.Context(), exhausted()); err != nil {
					t.Fatalf("%s at %q: %v", name, endpoint, err)
				}
			}
			for _, got := range s.taken {
				chunked := name == config.S3 && got.body != want[name].body // which some emulators do not decode
				if got.url != want[name].url || !strings.Contains(got.body, want[name].body) || chunked {
					t.Errorf("%s at %q: got %+v\nwant %+v", name, endpoint, got, want[name])
				}
			}
			if len(s.taken) != 2 || s.asked > 1 {
				t.Errorf("%s: %d notices, %d requests for the URL", name, len(s.taken), s.asked)
			}
		}
	}
}

func TestPermanentErrors(t *testing.T) {
	type errs map[string]int // the status by code
	for name, test := range map[string]struct{ permanent, temporary errs }{
		config.SQS: {
			permanent: errs{
				"QueueDoesNotExist": 400, "AWS.SimpleQueueService.NonExistentQueue": 400, "AccessDeniedException": 400, "AccessDenied": 403,
				"InvalidClientTokenId": 403, "InvalidMessageContents": 400, "KmsDisabled": 400, "KmsNotFound": 400, "UnsupportedOperation": 400,
			},
			temporary: errs{
				"RequestThrottled": 400, "ThrottlingException": 400, "KmsThrottled": 400, "OverLimit": 403, "ExpiredToken": 403,
				"InternalFailure": 500, "ServiceUnavailable": 503, "Any": 429,
			},
		},
		config.SNS: {
			permanent: errs{
				"NotFound": 404, "AuthorizationError": 403, "InvalidParameter": 400, "KMSAccessDenied": 400, "KMSNotFound": 400,
				"InvalidSecurity": 403, "EndpointDisabled": 400,
			},
			temporary: errs{
				"Throttled": 429, "Throttling": 400, "KMSThrottling": 400, "InternalError": 500, "ConcurrentAccess": 400, "RequestExpired": 400,
			},
		},
		config.S3: {
			permanent: errs{
				"NoSuchBucket": 404, "AccessDenied": 403, "EntityTooLarge": 400, "PermanentRedirect": 301, "AllAccessDisabled": 403,
				"AuthorizationHeaderMalformed": 400, "KMS.DisabledException": 400, "InvalidBucketName": 400,
			},
			temporary: errs{
				"SlowDown": 503, "InternalError": 500, "RequestTimeout": 400, "OperationAborted": 409, "TemporaryRedirect": 307,
				"RequestTimeTooSkewed": 403, "ExpiredToken": 400, "KMS.ThrottlingException": 400,
			},
		},
		config.EventBridge: {
			permanent: errs{
				"ResourceNotFoundException": 400, "AccessDeniedException": 400, "ValidationException": 400, "RequestEntityTooLarge": 413,
				"UnrecognizedClientException": 400,
			},
			temporary: errs{
				"ThrottlingException": 400, "InternalException": 500, "InternalFailure": 400, "ConcurrentModificationException": 400, "Any": 503,
			},
		},
		config.Lambda: {
			permanent: errs{
				"ResourceNotFoundException": 404, "AccessDeniedException": 403, "InvalidRequestContentException": 400,
				"RequestEntityTooLargeException": 413, "InvalidParameterValueException": 400,
			},
			temporary: errs{
				"TooManyRequestsException": 429, "ServiceException": 500, "ResourceConflictException": 409, "EC2ThrottledException": 502,
				"ResourceNotReadyException": 502, "SnapStartNotReadyException": 409,
			},
		},
	} {
		for want, codes := range map[bool]errs{true: test.permanent, false: test.temporary} {
			for code, status := range codes {
				s := &service{faults: []fault{{status: status, code: code}}}
				err := s.all(t, "", config.EventFailure)[name].Send(t.Context(), givenUp())
				if err == nil || errors.Is(err, esm.ErrUndeliverable) != want || awserr.Code(err) != code {
					t.Errorf("%s answers %d %s: %v, want it permanent: %t", name, status, code, err, want)
				}
				if s.calls != 1 || len(s.taken) != 0 {
					t.Errorf("%s answers %d %s: %d calls", name, status, code, s.calls)
				}
			}
		}
	}
}

func TestABrokenConnectionIsTemporary(t *testing.T) {
	for _, done := range []bool{false, true} {
		for name := range (&service{}).all(t, "", config.EventFailure) {
			s := &service{faults: []fault{{code: "broken", done: done}}}
			err := s.all(t, "", config.EventFailure)[name].Send(t.Context(), givenUp())
			if err == nil || errors.Is(err, esm.ErrUndeliverable) || s.calls != 1 || (len(s.taken) == 1) != done {
				t.Errorf("%s: %v after %d calls, %d taken", name, err, s.calls, len(s.taken))
			}
		}
	}
}

func TestAQueueURLIsAskedForAgain(t *testing.T) {
	s := &service{faults: []fault{{status: 400, code: "QueueDoesNotExist"}, {}, {status: 400, code: "QueueDoesNotExist"}}}
	q := s.each(t, "http://127.0.0.1:4566")[config.SQS]
	for i, want := range []bool{true, true, false, false} {
		if err := q.Send(t.Context(), exhausted()); errors.Is(err, esm.ErrUndeliverable) != want || (err != nil) != want {
			t.Errorf("send %d: %v", i+1, err)
		}
	}
	if s.asked != 3 || len(s.taken) != 2 {
		t.Errorf("asked %d times, %d taken", s.asked, len(s.taken))
	}
}

func TestAVPCEndpointMayRefuseToReturnURLs(t *testing.T) {
	s := &service{faults: []fault{{status: http.StatusForbidden, code: "AccessDenied"}}}
	if err := s.each(t, "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com")[config.SQS].Send(t.Context(), exhausted()); err != nil {
		t.Fatal(err)
	}
	if want := "https://sqs.eu-west-1.amazonaws.com/111122223333/failed"; !strings.Contains(s.taken[0].body, want) {
		t.Errorf("sent %s, want to %s", s.taken[0].body, want)
	}
}

func TestAQueueURLThatIsNotReturnedIsTemporary(t *testing.T) {
	s := &service{faults: []fault{{code: "broken"}}}
	q := s.each(t, "http://127.0.0.1:4566")[config.SQS]
	if err := q.Send(t.Context(), exhausted()); err == nil || errors.Is(err, esm.ErrUndeliverable) {
		t.Errorf("without the URL: %v", err)
	}
	if err := q.Send(t.Context(), exhausted()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReach(t *testing.T) {
	for name, codes := range map[string]map[string]int{
		config.SQS: {"": 0, "QueueDoesNotExist": 400, "AccessDeniedException": 400, "AccessDenied": 403},
		config.SNS: {"": 0, "NotFound": 404, "AuthorizationError": 403},
		config.S3:  {"": 0, "NoSuchBucket": 404, "AccessDenied": 403, "MovedPermanently": 301},

		config.EventBridge: {"": 0, "ResourceNotFoundException": 400, "AccessDeniedException": 400},
		config.Lambda:      {"": 0, "ResourceNotFoundException": 404, "AccessDeniedException": 403},
	} {
		for code, status := range codes {
			s := &service{faults: []fault{{status: status, code: code}}}
			err := s.all(t, "http://127.0.0.1:4566", config.EventFailure)[name].Reach(t.Context())
			reached := code == "" || status == 403 || strings.HasPrefix(code, "AccessDenied")
			if (err == nil) != reached || len(s.taken) != 0 {
				t.Errorf("%s that answers %q: %v", name, code, err)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := Opener{}.Open(t.Context(), queueARN+".fifo", config.StreamFailure)
	want := "destination " + queueARN + ".fifo is FIFO, which cannot be a destination: give the ARN of"
	if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, esm.ErrUndeliverable) {
		t.Errorf("got %v, want %s", err, want)
	}
	gone := errors.New("no such endpoint")
	o := Opener{Endpoint: func(string) (string, error) { return "", gone }}
	_, err = o.Open(t.Context(), queueARN, config.DeadLetter)
	if want := "destination " + queueARN + ": no such endpoint"; err == nil || err.Error() != want || !errors.Is(err, gone) || !errors.Is(err, esm.ErrUndeliverable) {
		t.Errorf("got %v, want %s", err, want)
	}
}
