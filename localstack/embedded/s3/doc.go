// Package s3 is an S3 that lives inside the process: buckets and objects over the REST protocol that SDKs and the AWS CLI
// speak, with path-style addresses (http://host/bucket/key). It forgets everything when the process ends.
//
// It makes, lists and deletes buckets; puts, gets, lists and deletes objects, whole or a range of one. Bodies may be
// aws-chunked, with checksums before or after them, which are compared and shown again. What a request says of an
// object's type, its encoding and such, and its x-amz-meta headers, is kept.
//
// Every other operation is answered with NotImplemented and its name: there are no versions, multipart uploads, copies,
// tags or policies. Signatures, ACLs, encryption, storage classes and location constraints are not looked at. An object
// has at most 128 MiB.
package s3
