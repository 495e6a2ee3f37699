// Package rig is what the end-to-end tests share. They run the esm command from outside, as people do: with files, flags,
// signals and HTTP requests.
//
// A test gets an [Env]: clients of the services that esm reads and writes, a directory, and names that no other test uses.
// In it the test makes sources ([Queue], [Stream], [Table]) and functions whose answers it chooses ([Function]), and runs
// esm with mappings between them ([Engine]).
//
// Tests run on the embedded stand-in always, and on LocalStack, ElasticMQ, kinesis-mock and DynamoDB Local where the
// environment says that they answer: see [Service]. ./test starts them and says so.
package rig
