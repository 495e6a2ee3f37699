// Package telemetry is Lambda's Telemetry API, and the Logs API before it: extensions of an environment subscribe to what
// the platform, the function and the extensions have to say, and receive it in batches.
//
// A [Subscriptions] holds the subscriptions of one runtime and the extensions beside it, from their start to their end. The
// records, which are also those of JSON logs, have a type each.
//
// Facts are those of AWS: "Accessing real-time telemetry data for extensions using the Telemetry API", "Lambda Telemetry API
// reference" and "Lambda Telemetry API Event schema reference".
package telemetry
