"""The data lake: customer tables wherever fsspec can reach, and links to what was published."""

from __future__ import annotations

import boto3
import fsspec
import pandas as pd
import s3fs
from botocore.config import Config

from churn.settings import ObjectStore


def read_customers(url: str, store: ObjectStore) -> pd.DataFrame:
    """Read a Parquet table of customers from any address that fsspec knows."""
    with fsspec.open(url, "rb", **_options(url, store)) as file:
        return pd.read_parquet(file)


def filesystem(store: ObjectStore) -> s3fs.S3FileSystem:
    """The bucket as a file system. Nothing is sent before its first use."""
    return s3fs.S3FileSystem(**_s3_options(store))


def publish(local_path: str, key: str, store: ObjectStore) -> str:
    """Upload one file to the bucket; returns its address."""
    target = f"{store.bucket}/{key}"
    filesystem(store).put_file(local_path, target)
    return f"s3://{target}"


def presigned_url(store: ObjectStore, key: str, seconds: int = 3600) -> str:
    """A link that lets its holder read `key` for `seconds`. Signing needs no connection."""
    client = boto3.client(
        "s3",
        region_name=store.region,
        endpoint_url=store.endpoint,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
    return client.generate_presigned_url("get_object", Params={"Bucket": store.bucket, "Key": key}, ExpiresIn=seconds)


def _options(url: str, store: ObjectStore) -> dict[str, object]:
    return _s3_options(store) if url.startswith("s3://") else {}


def _s3_options(store: ObjectStore) -> dict[str, object]:
    return {
        "key": store.access_key,
        "secret": store.secret_key,
        "endpoint_url": store.endpoint,
        "client_kwargs": {"region_name": store.region},
    }
