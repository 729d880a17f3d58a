// Package s3 serves buckets over the S3 API. The protocol (signatures, XML, chunked bodies and their checksums) is
// versitygw's; this package is the backend that it calls, on the root package, and the keys that it verifies with.
//
// What S3 has and Howdah has not is answered with S3's own errors: policies, ACLs, CORS, websites, object locks,
// encryption with keys of the client's, storage classes, select. Rights are those of the access key.
package s3
