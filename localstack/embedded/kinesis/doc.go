// Package kinesis is a Kinesis Data Streams that lives inside the process: it speaks the AWS JSON protocol, so real SDK
// clients and the AWS CLI use it like the service itself, and it forgets everything when the process ends.
//
// Streams are made, split, merged, scaled and deleted at once: their status is always ACTIVE. Records go to shards by
// the MD5 of their partition keys, are read by GetRecords or pushed by SubscribeToShard, and are trimmed when they are
// older than the stream's retention, closed shards too. Time is that of package time, which under testing/synctest is
// virtual; nothing runs in the background.
//
// # What is exact
//
// Sequence numbers have the length and the beginning of AWS's, grow within a shard, and those of a child lie above those
// of its parents. They say which shard they are of, so that a position of another shard, or of an earlier stream of
// the same name, is refused as AWS refuses it. Iterators are opaque and can be used for five minutes. A closed shard
// ends with a null NextShardIterator and its ChildShards, a subscription with ChildShards and no
// ContinuationSequenceNumber. Errors have AWS's names and, where they are known, its words.
//
// # What is not
//
// Signatures and policies are not checked, nothing is encrypted, and there is one account in one Region. Without
// [Server.Throttle] there are no limits of rate; those of writing there are never. Records may have 10 MiB in every
// stream. The moment when a stream was made and its shards were changed is up to some milliseconds later than it was, so
// that no two are the same. CBOR, which the Java SDK speaks unless told otherwise, is refused.
package kinesis
