package events

import "github.com/esm-run/esm/localstack/embedded/wire"

var api = wire.API[*Server]{
	Name: "EventBridge", Target: "AWSEvents.", Version: "1.1",
	Operations: map[string]wire.Operation[*Server]{
		"CreateEventBus":      wire.Call((*Server).createBus),
		"DeleteEventBus":      wire.Do((*Server).deleteBus),
		"DeleteRule":          wire.Do((*Server).deleteRule),
		"DescribeEventBus":    wire.Call((*Server).describeBus),
		"DescribeRule":        wire.Call((*Server).describeRule),
		"DisableRule":         wire.Do((*Server).disableRule),
		"EnableRule":          wire.Do((*Server).enableRule),
		"ListEventBuses":      wire.Call((*Server).listBuses),
		"ListRules":           wire.Call((*Server).listRules),
		"ListTagsForResource": wire.Call((*Server).listTags),
		"ListTargetsByRule":   wire.Call((*Server).listTargets),
		"PutEvents":           wire.CallRequest((*Server).putEvents),
		"PutRule":             wire.Call((*Server).putRule),
		"PutTargets":          wire.Call((*Server).putTargets),
		"RemoveTargets":       wire.Call((*Server).removeTargets),
		"TagResource":         wire.Do((*Server).addTags),
		"TestEventPattern":    wire.Call((*Server).testPattern),
		"UntagResource":       wire.Do((*Server).removeTags),
	},
	Unsupported: []string{
		"ActivateEventSource", "CancelReplay", "CreateApiDestination", "CreateArchive", "CreateConnection", "CreateEndpoint",
		"CreatePartnerEventSource", "DeactivateEventSource", "DeauthorizeConnection", "DeleteApiDestination", "DeleteArchive",
		"DeleteConnection", "DeleteEndpoint", "DeletePartnerEventSource", "DescribeApiDestination", "DescribeArchive",
		"DescribeConnection", "DescribeEndpoint", "DescribeEventSource", "DescribePartnerEventSource", "DescribeReplay",
		"ListApiDestinations", "ListArchives", "ListConnections", "ListEndpoints", "ListEventSources",
		"ListPartnerEventSourceAccounts", "ListPartnerEventSources", "ListReplays", "ListRuleNamesByTarget", "PutPartnerEvents",
		"PutPermission", "RemovePermission", "StartReplay", "UpdateApiDestination", "UpdateArchive", "UpdateConnection",
		"UpdateEndpoint", "UpdateEventBus",
	},
}
