// Package api serves Lambda's HTTP API for a running engine: event source mappings and their tags, invocations of all kinds,
// and the calls that describe functions and change their settings. AWS's SDKs and the AWS CLI use it with --endpoint-url. It
// also serves the URLs of functions.
//
// Requests and answers follow the protocol that AWS calls REST JSON (AWS: API reference of Lambda). Signatures are not
// checked: everyone who can reach the address may use all of it. [Guard] keeps web pages out, except those that may call a
// function's URL.
package api
