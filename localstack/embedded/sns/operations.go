package sns

import "net/http"

// An operation performs a request. Its result is encoded as XML; nil is a response without a result.
type operation func(s *Server, r request) (any, error)

// A request is a form, the host that the caller used, and the HTTP request that it came in.
type request struct {
	form
	host string // with its scheme
	http *http.Request
}

// Publishing takes the server's lock itself, so that it delivers without it.
var operations = map[string]operation{
	"ConfirmSubscription":       locked((*Server).confirm),
	"CreateTopic":               locked((*Server).createTopic),
	"DeleteTopic":               locked((*Server).deleteTopic),
	"GetSubscriptionAttributes": locked((*Server).subscriptionAttributes),
	"GetTopicAttributes":        locked((*Server).topicAttributes),
	"ListSubscriptions":         locked((*Server).listSubscriptions),
	"ListSubscriptionsByTopic":  locked((*Server).listSubscriptionsByTopic),
	"ListTopics":                locked((*Server).listTopics),
	"Publish":                   (*Server).publishOne,
	"PublishBatch":              (*Server).publishBatch,
	"SetSubscriptionAttributes": locked((*Server).setSubscriptionAttributes),
	"Subscribe":                 locked((*Server).subscribe),
	"Unsubscribe":               locked((*Server).unsubscribe),
}

// locked returns an operation that is performed under the server's lock.
func locked(perform operation) operation {
	return func(s *Server, r request) (any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return perform(s, r)
	}
}

// unsupported names the operations that SNS has on AWS and not here.
var unsupported = map[string]bool{
	"AddPermission": true, "CheckIfPhoneNumberIsOptedOut": true,
	"CreatePlatformApplication": true, "CreatePlatformEndpoint": true, "CreateSMSSandboxPhoneNumber": true,
	"DeleteEndpoint": true, "DeletePlatformApplication": true, "DeleteSMSSandboxPhoneNumber": true,
	"GetDataProtectionPolicy": true, "GetEndpointAttributes": true, "GetPlatformApplicationAttributes": true,
	"GetSMSAttributes": true, "GetSMSSandboxAccountStatus": true, "ListEndpointsByPlatformApplication": true,
	"ListOriginationNumbers": true, "ListPhoneNumbersOptedOut": true, "ListPlatformApplications": true,
	"ListSMSSandboxPhoneNumbers": true, "ListTagsForResource": true, "OptInPhoneNumber": true,
	"PutDataProtectionPolicy": true, "RemovePermission": true, "SetEndpointAttributes": true,
	"SetPlatformApplicationAttributes": true, "SetSMSAttributes": true, "SetTopicAttributes": true,
	"TagResource": true, "UntagResource": true, "VerifySMSSandboxPhoneNumber": true,
}

// Has reports whether SNS on AWS has an operation of that name, supported here or not. Other services may have it too.
func Has(action string) bool { return operations[action] != nil || unsupported[action] }

func unknownAction(name string) error {
	if unsupported[name] {
		return errorf("UnsupportedOperation", "%s is not supported by the embedded SNS", name)
	}
	return errorf("InvalidAction", "SNS has no operation %s", name)
}
