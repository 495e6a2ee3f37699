// Package rig runs the esm command for end-to-end tests, from outside, as people do: with files, flags, signals and HTTP
// requests.
//
// A test gets an [Env]: clients of the services that esm reads and writes, a directory, and names that no other test uses.
// In it the test makes sources ([Queue], [Stream], [Table]) and functions whose answers it chooses ([Function]), and runs
// esm with mappings between them ([Engine]).
//
// Tests always run on the embedded stand-in. Where ESM_TEST_LOCALSTACK, ESM_TEST_ELASTICMQ, ESM_TEST_KINESISMOCK and
// ESM_TEST_DYNAMODBLOCAL name endpoints, they run on those services too. ./test starts the services and sets the variables.
package rig
