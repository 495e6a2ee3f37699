package sns

// An operation performs a request. Its result is encoded as XML; nil is an answer without a result.
type operation func(s *Server, r request) (any, error)

// A request is what the form says and how the server is called by the caller.
type request struct {
	form
	host string // with its scheme
}

var operations = map[string]operation{
	"CreateTopic":               (*Server).createTopic,
	"DeleteTopic":               (*Server).deleteTopic,
	"GetSubscriptionAttributes": (*Server).subscriptionAttributes,
	"GetTopicAttributes":        (*Server).topicAttributes,
	"ListSubscriptions":         (*Server).listSubscriptions,
	"ListSubscriptionsByTopic":  (*Server).listSubscriptionsByTopic,
	"ListTopics":                (*Server).listTopics,
	"Publish":                   (*Server).publishOne,
	"PublishBatch":              (*Server).publishBatch,
	"SetSubscriptionAttributes": (*Server).setSubscriptionAttributes,
	"Subscribe":                 (*Server).subscribe,
	"Unsubscribe":               (*Server).unsubscribe,
}

// unsupported are operations that AWS has and that are not here.
var unsupported = map[string]bool{
	"AddPermission": true, "CheckIfPhoneNumberIsOptedOut": true, "ConfirmSubscription": true,
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

// Has reports whether SNS has an operation of that name on AWS, be it here or not. Some names are also another service's.
func Has(action string) bool { return operations[action] != nil || unsupported[action] }

func unknownAction(name string) error {
	if unsupported[name] {
		return &refusal{400, "UnsupportedOperation", name + " is not supported by the embedded SNS"}
	}
	return &refusal{400, "InvalidAction", "SNS has no operation " + name}
}
