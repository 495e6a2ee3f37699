// Package runtimeapi serves AWS Lambda's Runtime API, the HTTP interface through which a runtime asks for events and
// answers them, to unmodified runtimes, and the Extensions API to the extensions beside them.
//
// A [Session] serves one runtime and its extensions, from their start to their end: a small state machine that delivers one
// event at a time and reports on channels what the runtime answers, when all of them are free, and what fails. A [Server]
// serves a session over a listener. A [Failure] is Lambda's answer when a runtime does not answer itself, because it
// crashed or timed out, or an extension did.
//
// Facts are those of AWS: "Using the Lambda runtime API for custom runtimes" and "Using the Lambda Extensions API to create
// extensions", and, where those pages are silent, the behaviour of AWS's Runtime Interface Emulator.
package runtimeapi
