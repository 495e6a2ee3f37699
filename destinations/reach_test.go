package destinations

import (
	"strings"
	"testing"
)

func TestReach(t *testing.T) {
	for name, codes := range map[string]map[string]int{
		ServiceSQS: {"QueueDoesNotExist": 400, "AccessDeniedException": 400, "AccessDenied": 403},
		ServiceSNS: {"NotFound": 404, "AuthorizationError": 403},
		ServiceS3:  {"NoSuchBucket": 404, "AccessDenied": 403, "MovedPermanently": 301},
	} {
		if err := (&service{}).each(t, "http://127.0.0.1:4566")[name].Reach(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for code, status := range codes {
			s := &service{faults: []fault{{status: status, code: code}}}
			err := s.each(t, "http://127.0.0.1:4566")[name].Reach(t.Context())
			denied := status == 403 || strings.HasPrefix(code, "AccessDenied")
			if (err == nil) != denied || len(s.taken) != 0 {
				t.Errorf("%s that answers %s: %v", name, code, err)
			}
		}
	}
}
