// Package api serves Lambda's HTTP API for a running engine: event source mappings and their tags, Invoke, and the calls
// that describe functions. AWS's SDKs and the AWS CLI use it with --endpoint-url.
//
// Requests and answers follow the protocol that AWS calls REST JSON (AWS: API reference of Lambda). Signatures are not
// checked: everyone who can reach the address may use all of it. [Guard] keeps web pages out.
package api
