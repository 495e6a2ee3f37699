// Package s3 is the stand-in's S3: buckets and objects in memory, over the REST protocol that SDKs and the AWS CLI use, with
// path-style addresses (http://host/bucket/key).
//
// It creates, lists and deletes buckets, and puts, copies, gets, lists and deletes objects, whole or a range of one. An object may be put in parts. A body may be
// aws-chunked, with checksums before or after it, which are verified and shown again. An object keeps the content headers
// (type, encoding, disposition, language, cache control, expiry) and x-amz-meta headers it was put with.
//
// A bucket's notification configuration sends events to queues, topics, functions and the default event bus, before the
// request that changes an object returns, in the order of the configuration. Their targets are checked when the
// configuration is put, and queues and topics get a test event. Events for a target that is gone by then are lost. If an
// event cannot be stored, the request fails with InternalError although the object was changed, and its client should try
// again. An object that did not exist causes no event when it is deleted.
//
// Every other operation is refused with NotImplemented and its name: there are no versions, tags or policies, and
// uploads and their parts are not listed. Signatures, ACLs, encryption, storage classes and location constraints are ignored. An object has at most
// 128 MiB.
package s3
