// Package runtimeapi serves AWS Lambda's Runtime API, the HTTP interface through which a runtime asks for events and
// answers them, to unmodified runtimes.
//
// A [Session] serves one runtime, from its start to its end: a small state machine that delivers one event at a time and
// reports the runtime's answers on two channels. A [Server] serves a session over a listener. A [Failure] is
// Lambda's answer when a runtime does not answer itself, because it crashed or timed out.
//
// Facts are those of AWS: "Using the Lambda runtime API for custom runtimes", and, where that page is silent, the
// behaviour of AWS's Runtime Interface Emulator.
package runtimeapi
