// Package runtimeapi serves AWS Lambda's Runtime API, the HTTP interface through which a runtime asks for events and
// answers them, to unmodified runtimes.
//
// A [Session] is one runtime's view of it, from the runtime's start to its end: a small state machine that hands over
// one event at a time and reports what the runtime says on two channels. A [Server] carries sessions over a listener
// and tells them apart by the Host of each request. What Lambda answers when a runtime does not answer itself (it
// crashed, it ran out of time) is a [Failure].
//
// Facts are those of AWS: "Using the Lambda runtime API for custom runtimes", and, where that page is silent, the
// behaviour of AWS's Runtime Interface Emulator.
package runtimeapi
