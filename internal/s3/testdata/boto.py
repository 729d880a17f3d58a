"""What boto3 sees of Howdah's S3. Run by the tests: S3_URL, S3_ACCESS, S3_SECRET and S3_QUOTA_BUCKET are set."""

import base64
import concurrent.futures
import datetime
import hashlib
import http.client
import io
import os
import socket
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zlib
from unittest import mock

import boto3
import botocore.auth
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

URL = os.environ["S3_URL"]


def client(access=os.environ["S3_ACCESS"], secret=os.environ["S3_SECRET"], **options):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **options)
    return boto3.client("s3", endpoint_url=URL, aws_access_key_id=access, aws_secret_access_key=secret, region_name="us-east-1", config=config)


s3 = client(signature_version="s3v4")


class Case(unittest.TestCase):
    def setUp(self):
        self.bucket = "t-" + uuid.uuid4().hex
        s3.create_bucket(Bucket=self.bucket)

    def refused(self, code, call, **args):
        with self.assertRaises(ClientError) as raised:
            call(**args)
        self.assertEqual(raised.exception.response["Error"]["Code"], code)
        return raised.exception.response

    def put(self, key="k", body=b"body", **args):
        return s3.put_object(Bucket=self.bucket, Key=key, Body=body, **args)

    def get(self, key="k", **args):
        return s3.get_object(Bucket=self.bucket, Key=key, **args)["Body"].read()

    def keys(self, **args):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, **args)
        return [o["Key"] for page in pages for o in page.get("Contents", [])]


class Buckets(Case):
    def test_life(self):
        self.assertIn(self.bucket, [b["Name"] for b in s3.list_buckets()["Buckets"]])
        s3.head_bucket(Bucket=self.bucket)
        self.refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket=self.bucket)
        self.put()
        self.refused("BucketNotEmpty", s3.delete_bucket, Bucket=self.bucket)
        s3.delete_object(Bucket=self.bucket, Key="k")
        s3.delete_bucket(Bucket=self.bucket)
        self.refused("404", s3.head_bucket, Bucket=self.bucket)
        self.refused("NoSuchBucket", s3.put_object, Bucket=self.bucket, Key="k", Body=b"")
        self.refused("NoSuchBucket", s3.list_objects_v2, Bucket=self.bucket)
        self.refused("NoSuchBucket", s3.delete_objects, Bucket=self.bucket, Delete={"Objects": [{"Key": "k"}]})

    def test_names(self):
        for name in ["UPPER", "a..b", "under_score", "192.168.1.1"]:
            with self.assertRaises(Exception) as raised:
                s3.create_bucket(Bucket=name)
            if isinstance(raised.exception, ClientError):
                self.assertEqual(raised.exception.response["Error"]["Code"], "InvalidBucketName", name)

    def test_tags(self):
        self.refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=self.bucket)
        s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
        self.assertEqual(s3.get_bucket_tagging(Bucket=self.bucket)["TagSet"], [{"Key": "a", "Value": "1"}])


class Objects(Case):
    def test_sizes(self):
        for size in [0, 1, 100, 262143, 262144, 262145, 2 << 20, (2 << 20) + 1, 9_000_000]:
            body = os.urandom(size)
            answer = self.put(f"size {size}", body)
            self.assertEqual(answer["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
            got = s3.get_object(Bucket=self.bucket, Key=f"size {size}")
            self.assertEqual(got["Body"].read(), body)
            self.assertEqual(got["ContentLength"], size)
            self.assertNotIn("VersionId", got)

    def test_awkward_keys(self):
        keys = ["a", "a b", "a+b", "a%20b", "ünï/漢/🐘", "a/../b", "a/./b", "..x", "//double//", "/leading", "trailing/", "q?x=1&y=2#z", "'\"<>&", "\\",
                "~*()[]{}!@$,;:=", "tab\there", "new\nline", "k" * 1024, "漢" * 341 + "k", "€" * 341]
        for key in keys:
            with self.subTest(key):
                self.put(key, key.encode())
                self.assertEqual(self.get(key), key.encode())
                self.assertEqual(s3.head_object(Bucket=self.bucket, Key=key)["ContentLength"], len(key.encode()))
        self.assertEqual(self.keys(), sorted(keys, key=str.encode))
        for key in keys:
            with self.subTest(key):
                s3.copy_object(Bucket=self.bucket, Key="copy", CopySource={"Bucket": self.bucket, "Key": key})
                self.assertEqual(self.get("copy"), key.encode())
        s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": k} for k in keys if "\n" not in k]})
        s3.delete_object(Bucket=self.bucket, Key="new\nline")
        self.assertEqual(self.keys(), ["copy"])
        self.refused("KeyTooLongError", s3.put_object, Bucket=self.bucket, Key="k" * 1025, Body=b"")

    def test_metadata(self):
        expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        self.put(Metadata={"Color": "blue", "n": "1"}, ContentType="text/x", CacheControl="no-cache", ContentDisposition="attachment",
                 ContentEncoding="x", ContentLanguage="de", Expires=expires, Tagging="a=1&b=x%20y")
        for got in [s3.head_object(Bucket=self.bucket, Key="k"), s3.get_object(Bucket=self.bucket, Key="k")]:
            self.assertEqual(got["Metadata"], {"color": "blue", "n": "1"})
            self.assertEqual([got[n] for n in ["ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"]],
                             ["text/x", "no-cache", "attachment", "x", "de"])
            self.assertEqual(got["Expires"], expires)
        tags = s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"]
        self.assertEqual(sorted((t["Key"], t["Value"]) for t in tags), [("a", "1"), ("b", "x y")])
        s3.put_object_tagging(Bucket=self.bucket, Key="k", Tagging={"TagSet": [{"Key": "c", "Value": "2"}]})
        self.assertEqual(s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"], [{"Key": "c", "Value": "2"}])
        s3.delete_object_tagging(Bucket=self.bucket, Key="k")
        self.assertEqual(s3.get_object_tagging(Bucket=self.bucket, Key="k")["TagSet"], [])
        attributes = s3.get_object_attributes(Bucket=self.bucket, Key="k", ObjectAttributes=["ETag", "ObjectSize"])
        self.assertEqual(attributes["ObjectSize"], 4)

    def test_ranges(self):
        body = os.urandom(5_000_000)
        self.put(body=body)
        for spec, want in [("bytes=0-0", body[:1]), ("bytes=10-19", body[10:20]), ("bytes=4999990-", body[-10:]), ("bytes=-7", body[-7:]),
                           ("bytes=262140-2097200", body[262140:2097201]), ("bytes=4000000-9999999", body[4000000:])]:
            got = s3.get_object(Bucket=self.bucket, Key="k", Range=spec)
            self.assertEqual(got["Body"].read(), want, spec)
            self.assertEqual(got["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.refused("InvalidRange", s3.get_object, Bucket=self.bucket, Key="k", Range="bytes=5000000-")

    def test_conditions(self):
        etag = self.put()["ETag"]
        self.refused("PreconditionFailed", s3.put_object, Bucket=self.bucket, Key="k", Body=b"x", IfNoneMatch="*")
        self.refused("PreconditionFailed", s3.put_object, Bucket=self.bucket, Key="k", Body=b"x", IfMatch='"0123"')
        self.refused("NoSuchKey", s3.put_object, Bucket=self.bucket, Key="none", Body=b"x", IfMatch=etag)
        self.refused("PreconditionFailed", s3.get_object, Bucket=self.bucket, Key="k", IfMatch='"0123"')
        self.refused("304", s3.get_object, Bucket=self.bucket, Key="k", IfNoneMatch=etag)
        modified = s3.head_object(Bucket=self.bucket, Key="k")["LastModified"]
        self.refused("304", s3.get_object, Bucket=self.bucket, Key="k", IfModifiedSince=modified)
        self.refused("412", s3.head_object, Bucket=self.bucket, Key="k", IfUnmodifiedSince=datetime.datetime(2020, 1, 1))
        self.refused("PreconditionFailed", s3.delete_object, Bucket=self.bucket, Key="k", IfMatch='"0123"')
        self.assertEqual(self.get(), b"body")
        self.put(body=b"new", IfMatch=etag)
        self.put("other", IfNoneMatch="*")
        self.assertEqual(self.get(IfMatch=f'"{hashlib.md5(b"new").hexdigest()}"'), b"new")

    def test_copy(self):
        self.put(body=b"x" * 3_000_000, Metadata={"a": "1"}, Tagging="t=1")
        source = {"Bucket": self.bucket, "Key": "k"}
        s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source)
        got = s3.get_object(Bucket=self.bucket, Key="copy")
        self.assertEqual((got["Metadata"], got["Body"].read()), ({"a": "1"}, b"x" * 3_000_000))
        s3.copy_object(Bucket=self.bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="c/d",
                       TaggingDirective="REPLACE", Tagging="u=2")
        got = s3.head_object(Bucket=self.bucket, Key="copy")
        self.assertEqual((got["Metadata"], got["ContentType"]), ({"b": "2"}, "c/d"))
        self.assertEqual(s3.get_object_tagging(Bucket=self.bucket, Key="copy")["TagSet"], [{"Key": "u", "Value": "2"}])
        self.refused("PreconditionFailed", s3.copy_object, Bucket=self.bucket, Key="copy", CopySource=source, CopySourceIfMatch='"0123"')
        self.refused("InvalidRequest", s3.copy_object, Bucket=self.bucket, Key="k", CopySource=source)
        self.refused("NoSuchKey", s3.copy_object, Bucket=self.bucket, Key="copy", CopySource={"Bucket": self.bucket, "Key": "none"})

    def test_delete(self):
        s3.delete_object(Bucket=self.bucket, Key="none")
        for i in range(20):
            self.put(str(i))
        answer = s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": str(i)} for i in range(30)]})
        self.assertEqual(len(answer["Deleted"]), 30)
        self.assertEqual(self.keys(), [])
        self.refused("NoSuchKey", s3.get_object, Bucket=self.bucket, Key="1")
        self.refused("404", s3.head_object, Bucket=self.bucket, Key="1")

    def test_listing(self):
        for key in ["a/1", "a/2", "b", "c/d/e", "c/f", "z"]:
            self.put(key)
        page = s3.list_objects_v2(Bucket=self.bucket, Delimiter="/")
        self.assertEqual([p["Prefix"] for p in page["CommonPrefixes"]], ["a/", "c/"])
        self.assertEqual([o["Key"] for o in page["Contents"]], ["b", "z"])
        self.assertEqual(self.keys(Prefix="c/", PaginationConfig={"PageSize": 1}), ["c/d/e", "c/f"])
        self.assertEqual(self.keys(StartAfter="b"), ["c/d/e", "c/f", "z"])
        old = s3.get_paginator("list_objects").paginate(Bucket=self.bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
        self.assertEqual([p["Prefix"] for page in old for p in page.get("CommonPrefixes", [])], ["a/", "c/"])

    def test_parallel_uploads(self):
        bodies = {f"p/{i}": os.urandom(300_000 + i) for i in range(16)}
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda item: self.put(*item), bodies.items()))
            for key, got in zip(bodies, pool.map(self.get, bodies)):
                self.assertEqual(got, bodies[key])


class Checksums(Case):
    def test_algorithms(self):
        for algorithm in ["CRC32", "SHA1", "SHA256"]:
            answer = self.put(algorithm, b"hello", ChecksumAlgorithm=algorithm)
            got = s3.get_object(Bucket=self.bucket, Key=algorithm, ChecksumMode="ENABLED")
            self.assertEqual(got["Checksum" + algorithm], answer["Checksum" + algorithm])
        want = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
        self.assertEqual(s3.head_object(Bucket=self.bucket, Key="CRC32", ChecksumMode="ENABLED")["ChecksumCRC32"], want)
        crc64 = "M3eFcAZSQlc="  # of "hello", CRC-64/NVME
        self.put("CRC64NVME", b"hello", ChecksumCRC64NVME=crc64)
        self.assertEqual(s3.head_object(Bucket=self.bucket, Key="CRC64NVME", ChecksumMode="ENABLED")["ChecksumCRC64NVME"], crc64)

    def test_wrong(self):
        self.put(body=b"old")
        wrong = base64.b64encode(b"1234").decode()
        for args in [{"ChecksumCRC32": wrong}, {"ChecksumSHA256": base64.b64encode(b"x" * 32).decode()},
                     {"ContentMD5": base64.b64encode(b"x" * 16).decode()}]:
            for size in [4, 5_000_000]:
                self.refused("BadDigest", s3.put_object, Bucket=self.bucket, Key="k", Body=b"x" * size, **args)
        self.assertEqual(self.get(), b"old")

    def test_trailer(self):
        stream = io.BytesIO(os.urandom(3_000_000))  # boto3 sends it in chunks with a trailing CRC32 over TLS, signed at once here
        s3.upload_fileobj(stream, self.bucket, "t")
        self.assertEqual(s3.head_object(Bucket=self.bucket, Key="t")["ContentLength"], 3_000_000)


class Multipart(Case):
    MB = 1 << 20

    def test_upload(self):
        body = os.urandom(21_000_000)
        config = TransferConfig(multipart_threshold=6 * self.MB, multipart_chunksize=6 * self.MB, max_concurrency=8)
        s3.upload_fileobj(io.BytesIO(body), self.bucket, "k", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
        got = s3.head_object(Bucket=self.bucket, Key="k", ChecksumMode="ENABLED")
        self.assertTrue(got["ETag"].endswith('-4"'))
        self.assertEqual(got["Metadata"], {"a": "b"})
        self.assertIn("ChecksumCRC32", got)
        out = io.BytesIO()
        s3.download_fileobj(self.bucket, "k", out, Config=config)
        self.assertEqual(out.getvalue(), body)
        part = s3.get_object(Bucket=self.bucket, Key="k", PartNumber=2)
        self.assertEqual((part["Body"].read(), part["PartsCount"]), (body[6 * self.MB:12 * self.MB], 4))

    def test_checksum_of_whole(self):
        up = s3.create_multipart_upload(Bucket=self.bucket, Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
        bodies = [os.urandom(5 * self.MB), os.urandom(1000)]
        parts = []
        for i, body in enumerate(bodies, 1):
            p = s3.upload_part(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=i, Body=body, ChecksumAlgorithm="CRC32")
            parts.append({"PartNumber": i, "ETag": p["ETag"], "ChecksumCRC32": p["ChecksumCRC32"]})
        want = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
        self.refused("BadDigest", s3.complete_multipart_upload, Bucket=self.bucket, Key="k", UploadId=up, MultipartUpload={"Parts": parts}, ChecksumCRC32="AAAAAA==")
        done = s3.complete_multipart_upload(Bucket=self.bucket, Key="k", UploadId=up, MultipartUpload={"Parts": parts}, ChecksumCRC32=want)
        self.assertEqual(done["ChecksumCRC32"], want)
        self.assertEqual(self.get(), b"".join(bodies))

    def test_abort_and_list(self):
        up = s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        first = s3.upload_part(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=1, Body=b"1" * 5 * self.MB)
        s3.upload_part(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=3, Body=b"3")
        self.assertEqual([p["PartNumber"] for p in s3.list_parts(Bucket=self.bucket, Key="k", UploadId=up)["Parts"]], [1, 3])
        self.assertEqual([u["UploadId"] for u in s3.list_multipart_uploads(Bucket=self.bucket)["Uploads"]], [up])
        self.refused("NoSuchKey", s3.get_object, Bucket=self.bucket, Key="k")
        complete = lambda *parts: dict(Bucket=self.bucket, Key="k", UploadId=up, MultipartUpload={"Parts": list(parts)})
        one = {"PartNumber": 1, "ETag": first["ETag"]}
        three = {"PartNumber": 3, "ETag": hashlib.md5(b"3").hexdigest()}
        self.refused("InvalidPart", s3.complete_multipart_upload, **complete(one, {"PartNumber": 2, "ETag": "x"}))
        self.refused("InvalidPartOrder", s3.complete_multipart_upload, **complete(three, one))
        s3.upload_part(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=2, Body=b"2")
        self.refused("EntityTooSmall", s3.complete_multipart_upload, **complete(one, {"PartNumber": 2, "ETag": hashlib.md5(b"2").hexdigest()}, three))
        s3.abort_multipart_upload(Bucket=self.bucket, Key="k", UploadId=up)
        self.refused("NoSuchUpload", s3.complete_multipart_upload, **complete(one))
        self.refused("NoSuchUpload", s3.upload_part, Bucket=self.bucket, Key="k", UploadId=up, PartNumber=1, Body=b"")
        self.refused("NoSuchUpload", s3.list_parts, Bucket=self.bucket, Key="k", UploadId=up)
        self.assertNotIn("Uploads", s3.list_multipart_uploads(Bucket=self.bucket))

    def test_copy_of_part(self):
        body = os.urandom(6 * self.MB)
        self.put("source", body)
        up = s3.create_multipart_upload(Bucket=self.bucket, Key="k")["UploadId"]
        source = {"Bucket": self.bucket, "Key": "source"}
        one = s3.upload_part_copy(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=1, CopySource=source)
        two = s3.upload_part_copy(Bucket=self.bucket, Key="k", UploadId=up, PartNumber=2, CopySource=source, CopySourceRange="bytes=100-199")
        s3.complete_multipart_upload(Bucket=self.bucket, Key="k", UploadId=up, MultipartUpload={"Parts": [
            {"PartNumber": n, "ETag": p["CopyPartResult"]["ETag"]} for n, p in [(1, one), (2, two)]]})
        self.assertEqual(self.get(), body + body[100:200])


class Versions(Case):
    def test_life(self):
        self.assertNotIn("Status", s3.get_bucket_versioning(Bucket=self.bucket))
        self.put(body=b"0")
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        ids = [self.put(body=str(i).encode())["VersionId"] for i in range(1, 4)]
        gone = s3.delete_object(Bucket=self.bucket, Key="k")
        self.assertTrue(gone["DeleteMarker"])
        self.refused("NoSuchKey", s3.get_object, Bucket=self.bucket, Key="k")
        self.refused("MethodNotAllowed", s3.get_object, Bucket=self.bucket, Key="k", VersionId=gone["VersionId"])
        for i, version in enumerate(["null"] + ids):
            self.assertEqual(self.get(VersionId=version), str(i).encode())
        listed = s3.list_object_versions(Bucket=self.bucket)
        self.assertEqual([v["VersionId"] for v in listed["Versions"]], ids[::-1] + ["null"])
        self.assertEqual([m["IsLatest"] for m in listed["DeleteMarkers"]], [True])
        paged = [v["VersionId"] for p in s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, PaginationConfig={"PageSize": 1})
                 for v in p.get("Versions", [])]
        self.assertEqual(paged, ids[::-1] + ["null"])
        s3.delete_object(Bucket=self.bucket, Key="k", VersionId=gone["VersionId"])
        self.assertEqual(self.get(), b"3")
        s3.copy_object(Bucket=self.bucket, Key="k", CopySource={"Bucket": self.bucket, "Key": "k", "VersionId": ids[0]}, MetadataDirective="REPLACE")
        self.assertEqual(self.get(), b"1")
        self.refused("NoSuchVersion", s3.get_object, Bucket=self.bucket, Key="k", VersionId="0000000000ffffff")
        s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Suspended"})
        self.put(body=b"n")
        self.assertEqual(self.get(VersionId="null"), b"n")
        everything = s3.list_object_versions(Bucket=self.bucket)["Versions"]
        s3.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in everything]})
        s3.delete_bucket(Bucket=self.bucket)


class Requests(Case):
    def status(self, request):
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_presigned(self):
        put = s3.generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "a b/ü"}, ExpiresIn=60)
        self.assertEqual(self.status(urllib.request.Request(put, data=b"signed", method="PUT"))[0], 200)
        get = s3.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "a b/ü"}, ExpiresIn=60)
        self.assertEqual(self.status(get), (200, b"signed"))
        self.assertEqual(self.status(get.replace("X-Amz-Signature=", "X-Amz-Signature=0"))[0], 403)
        other = s3.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "other"}, ExpiresIn=60)
        self.assertEqual(self.status(get.split("?")[0] + "?" + other.split("?")[1])[0], 403)
        with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: datetime.datetime.utcnow() - datetime.timedelta(hours=1)):
            late = s3.generate_presigned_url("get_object", Params={"Bucket": self.bucket, "Key": "a b/ü"}, ExpiresIn=60)
        self.assertEqual(self.status(late)[0], 403)

    def test_unsigned(self):
        self.put()
        for method, path in [("GET", "/k"), ("PUT", "/k"), ("DELETE", "/k"), ("GET", ""), ("PUT", "/new")]:
            status, body = self.status(urllib.request.Request(f"{URL}/{self.bucket}{path}", method=method, data=b"x" if method == "PUT" else None))
            self.assertEqual(status, 403, method)
            self.assertIn(b"<Code>AccessDenied</Code>", body)
        self.assertEqual(self.keys(), ["k"])

    def test_signatures(self):
        self.put()
        access = os.environ["S3_ACCESS"]
        self.refused("SignatureDoesNotMatch", client(secret="wrong").put_object, Bucket=self.bucket, Key="k", Body=b"x")
        self.refused("InvalidAccessKeyId", client("HWNOBODY", "x").get_object, Bucket=self.bucket, Key="k")
        for hours in [-1, 1]:
            with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: datetime.datetime.utcnow() + datetime.timedelta(hours=hours)):
                self.refused("RequestTimeTooSkewed", client(access).put_object, Bucket=self.bucket, Key="k", Body=b"x")
        self.assertEqual(self.get(), b"body")

    def test_wrong_body(self):
        """The signature says another body: it must not be stored."""
        def swap(request, **_):
            request.body = b"y" * 4
        other = client()
        other.meta.events.register("before-send.s3.PutObject", swap)
        self.put(body=b"old")
        with self.assertRaises(ClientError) as raised:
            other.put_object(Bucket=self.bucket, Key="k", Body=b"x" * 4)
        self.assertIn(raised.exception.response["Error"]["Code"], ["XAmzContentSHA256Mismatch", "BadDigest", "InvalidChunkSize"])
        self.assertEqual(self.get(), b"old")

    def test_cut_connection(self):
        self.put(body=b"old")
        for size, sent in [(1_000_000, 500_000), (20_000_000, 15_000_000)]:
            url = s3.generate_presigned_url("put_object", Params={"Bucket": self.bucket, "Key": "k"}, ExpiresIn=60)
            parts = urllib.parse.urlsplit(url)
            with socket.create_connection((parts.hostname, parts.port)) as conn:
                conn.sendall(f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * sent)
                conn.shutdown(socket.SHUT_WR)
                conn.settimeout(20)
                answer = conn.recv(65536)
            self.assertNotIn(b" 200 ", answer[:20])
            self.assertEqual(self.get(), b"old")

    def test_truncated(self):
        """A chunked body that ends before its announced length."""
        self.put(body=b"old")
        other = client(read_timeout=1)
        def shorten(request, **_):
            request.body = b"x" * 10
        other.meta.events.register("before-send.s3.PutObject", shorten)
        with self.assertRaises(Exception):
            other.put_object(Bucket=self.bucket, Key="k", Body=b"x" * 1000)
        self.assertEqual(self.get(), b"old")

    def test_quota(self):
        bucket = os.environ["S3_QUOTA_BUCKET"]  # of 1,000,000 bytes
        s3.put_object(Bucket=bucket, Key="fits", Body=b"x" * 900_000)
        self.refused("QuotaExceeded", s3.put_object, Bucket=bucket, Key="more", Body=b"x" * 100_001)
        self.refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="more")
        s3.put_object(Bucket=bucket, Key="fits", Body=b"x" * 1_000_000)
        s3.delete_object(Bucket=bucket, Key="fits")

    def test_not_there(self):
        for call, args in [(s3.get_bucket_policy, {}), (s3.get_bucket_cors, {}), (s3.get_bucket_website, {}), (s3.get_object_lock_configuration, {})]:
            with self.assertRaises(ClientError):
                call(Bucket=self.bucket, **args)
        self.assertEqual(http.client.NOT_IMPLEMENTED, 501)


if __name__ == "__main__":
    unittest.main()
