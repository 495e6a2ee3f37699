// Package dynamodb is a DynamoDB with Streams that lives inside the process: real SDK clients use it like the service
// itself, and it forgets everything when the process ends. Its reason to be is the stream: what a poller reads there is
// exact, tables do what it takes to fill them.
//
// Time is the process's own clock, which under testing/synctest is virtual. Nothing runs in the background: items expire
// and records are trimmed at the next request that could tell.
//
// # What it promises
//
// Every change of an item is one record of the stream that its table has then, and a write that changes nothing is none.
// The records of an item are in one line of shards, in order. Sequence numbers grow over all streams of a server, from 21
// digits on. Records are kept for 24 hours, and so are shards after they were closed and streams after they were disabled.
// Iterators are good for 15 minutes. Shards roll over when [Server.RollOver] says so, and never by themselves.
//
// Where AWS promises little, the server is regular: tables are ACTIVE and gone at once, every read is consistent, a scan
// is in the order of the keys, and items expire in the second after their time.
//
// # What it does not do
//
// Signatures and permissions are not checked. Indexes, filters, projections, document paths, PartiQL, backups and global
// tables are refused by name. A ConditionExpression may ask for the presence and the absence of attributes, a
// KeyConditionExpression for equality, an UpdateExpression may SET, REMOVE, and ADD to numbers. Reserved words may be used as
// names, nothing is encrypted or throttled, tags are not kept, and a transaction's ClientRequestToken does not matter.
//
// Facts are from the API references of Amazon DynamoDB and Amazon DynamoDB Streams and from the developer guide: AWS:
// "Supported data types and naming rules in Amazon DynamoDB", "Item sizes and formats", "Change data capture for DynamoDB
// Streams", "Using time to live (TTL) in DynamoDB".
package dynamodb
