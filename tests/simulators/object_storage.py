"""S3-compatible storage on loopback: moto's real HTTP server, which can be stopped and started again with its data."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

ID, SECRET = "AKIAEXAMPLE", "not-a-real-secret"


class ObjectStorage:
    """One storage with one bucket."""

    def __init__(self, folder: Path) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.credentials = folder / "s3.credentials"
        self.credentials.write_text(f"[default]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n")
        self.credentials.chmod(0o600)
        self._port = 0
        self.bucket = f"backups-{uuid.uuid4().hex[:12]}"  # what moto stores, all servers of a process share
        self.start()
        self.client.create_bucket(Bucket=self.bucket)

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        """Be out of reach; what is stored stays."""
        self._server.stop()

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def client(self) -> Any:
        """A client with the right keys."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ID,
            aws_secret_access_key=SECRET,
        )

    def stored(self, prefix: str = "") -> dict[str, bytes]:
        """Every object below a prefix."""
        s3 = self.client
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", ())]
        found = {key.removeprefix(prefix): s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}
        s3.close()
        return found


@contextmanager
def object_storage(folder: Path) -> Iterator[ObjectStorage]:
    """A storage for as long as the block runs."""
    storage = ObjectStorage(folder)
    try:
        yield storage
    finally:
        storage.stop()
