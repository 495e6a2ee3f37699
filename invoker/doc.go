// Package invoker runs functions under their concurrency limits.
//
// An invocation takes a permit ([Limits]), then an environment ([Pool]), and runs there. Its answer is returned at once;
// the permit is returned when the environment is free again, so that a function never has more busy environments than
// permits. [Functions] joins the two and is the [esm.Invoker].
//
// Environments come from a [Starter]; package lifecycle has the one for runtimes on this machine. Remote functions are a
// [Backend].
package invoker
