"""Object storages: addresses that open one file for a few minutes, for whoever was found to be entitled to it."""

from __future__ import annotations

import re
from logging import getLogger
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from stac_api.downloads.held_assets import Copy
from stac_api.errors import AssetNotFound, AssetNotServed

logger = getLogger(__name__)

#: How long a presigned address opens its file, in seconds; a transfer that has begun goes on.
PRESIGNED_S = 900

_NOT_IN_A_VARIABLE = re.compile(r"[^A-Z0-9]+")


class StorageSettings(BaseSettings):
    """How to reach one bucket: variables `DINAMIS_STORAGE_<BUCKET>_<NAME>`.

    What is not given is taken as the tools of AWS do: from their variables, profiles and instance roles.
    """

    model_config = SettingsConfigDict(env_file=None, extra="ignore")

    endpoint: str | None = None  #: as clients reach it
    region: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None

    @classmethod
    def of_bucket(cls, bucket: str) -> StorageSettings:
        """What the operator set for a bucket."""
        return cls(_env_prefix=f"DINAMIS_STORAGE_{_NOT_IN_A_VARIABLE.sub('_', bucket.upper())}_")

    @property
    def secret(self) -> str | None:
        """The password, wherever it is written."""
        if self.password_file:
            return self.password_file.read_text(encoding="utf-8").strip()
        return self.password.get_secret_value() if self.password else None


class Storages:
    """The buckets that one process has had to do with."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def presigned(self, copy: Copy, file_name: str) -> str:
        """An address that opens a file of a bucket for GET; nobody is asked whether it is there.

        Args:
            copy: The file.
            file_name: Under which browsers keep it.

        Raises:
            AssetNotServed: nobody has set how to reach the bucket.
        """
        bucket, key = _object_of(copy)
        wanted = {
            "ResponseContentType": copy.media_type,
            "ResponseContentDisposition": f"attachment; filename*=utf-8''{quote(file_name)}",
        }
        try:
            address: str = self._client(bucket).generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key, **wanted}, ExpiresIn=PRESIGNED_S
            )
        except (BotoCoreError, OSError, ValueError) as error:
            raise _unusable(bucket) from error
        return address

    def headers_of(self, copy: Copy) -> dict[str, str]:
        """What HEAD tells of a file of a bucket: an address that is signed for GET does not answer it.

        Raises:
            AssetNotFound: the bucket has no such file.
            AssetNotServed: the bucket cannot be asked.
        """
        bucket, key = _object_of(copy)
        try:
            found = self._client(bucket).head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                raise AssetNotFound("It is in the catalogue, but not in the archive.") from error
            raise _unusable(bucket) from error
        except (BotoCoreError, OSError, ValueError) as error:
            raise _unusable(bucket) from error
        return {
            "Content-Length": str(found["ContentLength"]),
            "ETag": found["ETag"],
            "Last-Modified": found["LastModified"].strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "Accept-Ranges": "bytes",
        }

    def _client(self, bucket: str) -> Any:
        # Requests of several threads may make one twice: either serves.
        if bucket not in self._clients:
            self._clients[bucket] = _client_of(StorageSettings.of_bucket(bucket))
        return self._clients[bucket]


def _client_of(settings: StorageSettings) -> Any:
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region or "us-east-1",
        aws_access_key_id=settings.user,
        aws_secret_access_key=settings.secret,
        config=Config(
            signature_version="s3v4",
            # Storages beside AWS seldom have a host name for each bucket.
            s3={"addressing_style": "path" if settings.endpoint else "auto"},
            connect_timeout=5,
            read_timeout=10,
            retries={"max_attempts": 1},
        ),
    )


def _object_of(copy: Copy) -> tuple[str, str]:
    """Bucket and key of a copy; keys have no directories, so that no dots lead out of one."""
    root = urlsplit(copy.root)
    prefix = unquote(root.path).strip("/")
    return root.netloc, f"{prefix}/{copy.path}" if prefix else copy.path


def _unusable(bucket: str) -> AssetNotServed:
    logger.exception("The bucket %s cannot be used: check DINAMIS_STORAGE_… for it", bucket)
    return AssetNotServed("The storage where it lies cannot be reached from here now.")
