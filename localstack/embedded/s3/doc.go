// Package s3 is the stand-in's S3: buckets and objects in memory, over the REST protocol that SDKs and the AWS CLI use, with
// path-style addresses (http://host/bucket/key).
//
// It creates, lists and deletes buckets, and puts, gets, lists and deletes objects, whole or a range of one. A body may be
// aws-chunked, with checksums before or after it, which are verified and shown again. An object keeps the content headers
// (type, encoding, disposition, language, cache control, expiry) and x-amz-meta headers it was put with.
//
// Every other operation is refused with NotImplemented and its name: there are no versions, multipart uploads, copies, tags
// or policies. Signatures, ACLs, encryption, storage classes and location constraints are ignored. An object has at most
// 128 MiB.
package s3
