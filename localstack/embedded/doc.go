// Package embedded is the stand-in for AWS: SQS, SNS, S3, EventBridge, Kinesis, DynamoDB and DynamoDB Streams in this process, on one
// port, for SDK clients and the AWS CLI. It keeps everything in memory.
//
// It serves the first minutes with this project, and tests that should take no time. Time is that of package time: with
// [Server.Client] a real SDK client and a real long poll run in virtual time inside a testing/synctest bubble, without a
// socket. Nothing runs in the background, but for deliveries to HTTP(S) subscriptions, which [Server.Serve] makes.
//
// What AWS delivers in the background is delivered here within the request that causes it: messages of topics, events of
// buckets and events of rules, to queues, topics and functions. Functions are invoked asynchronously through
// [Server.Functions]. The request succeeds once every event is where it belongs or its target has refused it; if the acceptor
// fails, so does the request, and its client should try again. A trace header of the request (X-Amzn-Trace-Id) is passed on.
//
// Each service is a package below this one. Its documentation says what it promises.
//
//	service            supports                                        refuses by name
//	sqs                standard and FIFO queues, batches, long         permissions, message move tasks, the query
//	                   polling, redrive, tags                          protocol of older SDKs
//	sns                standard topics; subscriptions of queues,       FIFO topics, other protocols, delivery
//	                   functions and HTTP(S) endpoints, raw or in      policies, MessageStructure
//	                   the envelope; filter and redrive policies;
//	                   batches
//	s3                 buckets; objects, copies, ranges, conditions    versions, multipart uploads, tags, policies,
//	                   on ETags, checksums, ListObjectsV2; events      conditions on times
//	                   for queues, topics, functions, EventBridge
//	events             event buses, rules with patterns, targets:      input transformers, other targets, archives,
//	                   functions, queues, topics; constant input       replays, partners, API destinations; schedules
//	                   and paths, dead-letter queues                   are stored only
//	kinesis            streams, resharding, retention, GetRecords,     encryption, resource policies, monitoring,
//	                   enhanced fan-out, tags                          CBOR
//	dynamodb           tables, writes with conditions, batches,        indexes, filters, projections, document
//	                   transactions, Query and Scan by key, time to    paths, PartiQL, backups, global tables
//	                   live; the stream of a table
//
// Any other operation that AWS has is refused with an error that names it, and so is any other service. Nowhere are
// signatures and policies checked or data encrypted, and there is one account in one Region.
//
// A request's X-Amz-Target says which service it is for, or else the scope of its credentials. Without either, a form is for
// SNS and a path is for S3, so that plain HTTP clients work too.
package embedded
