"""A backup place in S3-compatible object storage.

An object appears whole or not at all: nothing shows under its name before the upload is completed, and an upload
that is given up leaves nothing. Credentials come from a file that nobody else may read (lines as of an AWS
credentials file) or from boto3's own chain (its variables, a machine's role), never from a setting or an argument.

boto3 is imported when a place is opened, since few processes need it (extra ``office``).
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from keys.places import Sink
from ops.private_files import read_by_others
from schemas.errors import DanganError

_PART: Final = 8 << 20  # S3 takes no smaller part than 5 MiB, but for the last
_SECONDS: Final = 10
_SECTION: Final = "default"


class S3Place:
    """A bucket, or what is below a prefix in one. Implements :class:`keys.places.Place`.

    Args:
        name: what certificates call it.
        bucket: it exists already.
        prefix: begins every object's key, for instance ``dangan/``.
        endpoint: address of the storage, None for AWS itself.
        region: where the bucket is.
        credentials: a file with ``aws_access_key_id`` and ``aws_secret_access_key`` under ``[default]``; None for
            boto3's own chain.

    Raises:
        DanganError: DG-BAK-034 when boto3 is not installed or the credentials cannot be used.
    """

    def __init__(
        self, name: str, bucket: str, *, prefix: str = "", endpoint: str | None, region: str, credentials: Path | None
    ) -> None:
        self.name: Final = name
        self._bucket, self._prefix = bucket, prefix
        keys = _credentials(credentials, name) if credentials is not None else {}
        try:
            import boto3  # noqa: PLC0415 - an extra, and slow to load
            from botocore.config import Config  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise DanganError("DG-BAK-034", field=name, detail="boto3 is missing: install dangan[office]") from error
        config = Config(
            connect_timeout=_SECONDS,
            read_timeout=3 * _SECONDS,
            retries={"max_attempts": 2, "mode": "standard"},
            s3={"addressing_style": "path" if endpoint else "auto"},
        )
        try:
            self._s3 = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config, **keys)
        except ValueError as error:  # an endpoint that is no address
            raise DanganError("DG-BAK-034", field=name, detail="endpoint is no address") from error

    def create(self, file: str) -> Sink:
        """Start a file."""
        return _Upload(self._s3, self._bucket, self._prefix + file)

    def open(self, file: str) -> io.BufferedIOBase:
        """Read a file."""
        with _as_os_errors():
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + file)
        return io.BufferedReader(_Body(answer["Body"]), buffer_size=1 << 20)

    def files(self) -> list[str]:
        """The names of all whole files, ascending."""
        with _as_os_errors():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            names = [each["Key"].removeprefix(self._prefix) for page in pages for each in page.get("Contents", ())]
        return sorted(name for name in names if name and "/" not in name)

    def remove(self, file: str) -> None:
        """Delete a file."""
        with _as_os_errors():
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + file)

    def close(self) -> None:
        """Close the connections."""
        self._s3.close()


class _Upload:
    """One object in the making; a small one is put at once, a larger one in parts."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._s3, self._where = s3, {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self._done = False

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _PART:
            self._send()

    def commit(self) -> None:
        with _as_os_errors():
            if self._upload is None:
                self._s3.put_object(Body=bytes(self._buffer), **self._where)
            else:
                if self._buffer:
                    self._send()
                self._s3.complete_multipart_upload(
                    UploadId=self._upload, MultipartUpload={"Parts": self._parts}, **self._where
                )
        self._done = True

    def abandon(self) -> None:
        if self._upload is not None and not self._done:
            with suppress(OSError), _as_os_errors():
                self._s3.abort_multipart_upload(UploadId=self._upload, **self._where)
        self._done = True

    def _send(self) -> None:
        with _as_os_errors():
            if self._upload is None:
                self._upload = str(self._s3.create_multipart_upload(**self._where)["UploadId"])
            number = len(self._parts) + 1
            answer = self._s3.upload_part(
                UploadId=self._upload, PartNumber=number, Body=bytes(self._buffer), **self._where
            )
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self._buffer.clear()


class _Body(io.RawIOBase):
    """What boto3 answers, as Python's own buffered reader wants it."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        with _as_os_errors():
            data = self._body.read(len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """The errors that keys/places.py promises; the storage's own words may hold keys and addresses, so only codes."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415 - see above
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise OSError(5, f"object storage: {error.response.get('Error', {}).get('Code', 'refused')}") from error
    except (BotoCoreError, HTTPClientError, HTTPError) as error:
        raise OSError(5, f"object storage: {type(error).__name__}") from error


def _credentials(file: Path, place: str) -> dict[str, str]:
    parsed = configparser.RawConfigParser()
    try:
        if read_by_others(file):
            raise DanganError("DG-BAK-034", field=place, detail="others may read the credentials: chmod 600")
        parsed.read_string(file.read_text("utf-8"))
        section = parsed[_SECTION]
        return {name: section[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        raise DanganError("DG-BAK-034", field=place, detail="the credentials file") from error
