// Package dynamodb is the stand-in's DynamoDB with Streams, for SDK clients over the AWS JSON protocol. It keeps everything in
// memory. Its streams are exact, and its tables do what handlers ask of them.
//
// Time is that of package time, which is virtual inside a testing/synctest bubble. Nothing runs in the background: items
// expire and records are trimmed at the next request that could tell the difference.
//
// # What it promises
//
// Every change of an item is one record of the stream that its table then has; a write that changes nothing makes none. The
// records of an item are in one line of shards, in order. Sequence numbers have 21 digits or more and grow across all streams
// of a server. Records, closed shards and disabled streams are kept for 24 hours. Iterators expire after 15 minutes. Shards
// roll over when [Server.RollOver] is called, and never by themselves.
//
// Where AWS promises little, the server is regular: tables are ACTIVE and deleted at once, every read is consistent, a scan
// is in the order of the keys, and items expire in the second after their time.
//
// # What it does not do
//
// Indexes, document paths, PartiQL, backups and global tables are refused by name. An UpdateExpression may SET, REMOVE, and ADD
// to numbers. Conditions, filters, projections and key conditions are whole but for document paths. Signatures and permissions
// are not checked, reserved words are accepted as names, nothing is encrypted or throttled, tags are not kept, and the
// ClientRequestToken of a transaction is ignored.
//
// The facts are from the API references of Amazon DynamoDB and Amazon DynamoDB Streams and from the developer guide: AWS:
// "Supported data types and naming rules in Amazon DynamoDB", "Item sizes and formats", "Change data capture for DynamoDB
// Streams", "Using time to live (TTL) in DynamoDB".
package dynamodb
