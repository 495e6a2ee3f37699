// Package invoker runs functions under their concurrency limits.
//
// An invocation takes a permit ([Limits]), then an environment ([Pool]), runs there, and its answer goes to the caller at
// once. The permit comes back only when the environment is free again, so that a function never has more busy
// environments than permits. [Functions] ties the two together and is the [esm.Invoker].
//
// How environments are made is not known here: each technology is a [Starter] in a directory of its own, and functions
// that run elsewhere are a [Backend].
package invoker
