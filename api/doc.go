// Package api is Lambda's own HTTP API in front of a running engine: event source mappings, their tags, Invoke and what
// tools ask about functions. AWS's SDKs and the AWS CLI talk to it as they do to Lambda, with --endpoint-url.
//
// Requests and answers are of the protocol that AWS calls REST JSON (AWS: API reference of Lambda). Signatures are not
// looked at: there is no login, and whoever reaches the address may do everything. [Guard] keeps web pages out.
package api
