package sns

// An operation performs a request. Its result is encoded as XML; nil is a response without a result.
type operation func(s *Server, r request) (any, error)

// A request is a form and the host that the caller used.
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

// unsupported names the operations that SNS has on AWS and not here.
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

// Has reports whether SNS on AWS has an operation of that name, supported here or not. Other services may have it too.
func Has(action string) bool { return operations[action] != nil || unsupported[action] }

func unknownAction(name string) error {
	if unsupported[name] {
		return errorf("UnsupportedOperation", "%s is not supported by the embedded SNS", name)
	}
	return errorf("InvalidAction", "SNS has no operation %s", name)
}
