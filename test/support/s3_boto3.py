"""The boto3 client's part of s3-clients.test.ts: one action a call, its arguments as JSON, its answer as JSON."""

import json
import sys

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

action, arguments = sys.argv[1], json.loads(sys.argv[2])
endpoint = arguments.pop("endpoint")
client = boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version="s3v4"))
parts = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20)


def make_bucket(bucket):
    client.create_bucket(Bucket=bucket)


def upload(path, bucket, key):
    client.upload_file(path, bucket, key, Config=parts)


def download(bucket, key, path):
    client.download_file(bucket, key, path, Config=parts)


def read_range(bucket, key, first, last, path):
    with open(path, "wb") as file:
        file.write(client.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")["Body"].read())


def list_keys(bucket, page):
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": page}))
    return {"keys": [item["Key"] for one in pages for item in one.get("Contents", [])], "pages": len(pages)}


def presign(method, bucket, key):
    return client.generate_presigned_url(method, Params={"Bucket": bucket, "Key": key}, ExpiresIn=60)


def put_if_absent(bucket, key):
    try:
        client.put_object(Bucket=bucket, Key=key, Body=b"another", IfNoneMatch="*")
    except client.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200


def remove_bucket(bucket):
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        items = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        errors = client.delete_objects(Bucket=bucket, Delete={"Objects": items}).get("Errors", [])
        assert not errors, errors
    client.delete_bucket(Bucket=bucket)


print(json.dumps(globals()[action](**arguments)))
