package runtimeapi

// state is the state of a runtime or an extension. The values are the names in error texts and logs.
type state string

// States of a runtime. The first four are also those of extensions.
const (
	started        state = "Started"                  // it has not asked for anything yet: Init
	initError      state = "InitError"                // it reported that its Init failed
	ready          state = "Ready"                    // it waits for an event
	running        state = "Running"                  // it has an event, or will get it
	responding     state = "InvocationResponse"       // its answer is being read
	respondingFail state = "InvocationErrorResponse"  // its error is being read
	sent           state = "RuntimeResponseSentState" // it has answered and may still be working
	closed         state = "Closed"                   // it is being killed; its answers do not count
)

// States of an extension alone.
const (
	registered state = "Registered" // it has not asked for an event yet
	exitError  state = "ExitError"  // it reported that it cannot go on
	exited     state = "Exited"     // it ended
)
