// Package kinesis is the stand-in's Kinesis Data Streams, for SDK clients and the AWS CLI over the AWS JSON protocol. It keeps
// everything in memory.
//
// Streams are created, split, merged, scaled and deleted at once: their status is always ACTIVE. Records go to shards by the
// MD5 of their partition keys, are read by GetRecords or pushed by SubscribeToShard, and are trimmed when they are older than
// the stream's retention, and so are closed shards. Time is that of package time, which is virtual inside a testing/synctest
// bubble. Nothing runs in the background.
//
// # What is exact
//
// Sequence numbers have the length and the prefix of AWS's, grow within a shard, and a child's are above those of its
// parents. They encode their shard, so that a position of another shard, or of an earlier stream of the same name, is
// refused as AWS refuses it. Iterators are opaque and expire after five minutes. A closed shard ends with a null
// NextShardIterator and its ChildShards, a subscription with ChildShards and no ContinuationSequenceNumber. Errors have AWS's
// names and, where those are known, its words.
//
// # What is not
//
// Signatures and policies are not checked, nothing is encrypted, and there is one account in one Region. Nothing is
// throttled. Records may have 10 MiB in every stream. The time at which a stream or a shard was created may be some
// milliseconds late, so that no two are equal. CBOR, which the Java SDK speaks by default, is refused.
package kinesis
