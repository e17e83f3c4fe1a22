"""A backup place in object storage, against a real HTTP server: whole or not at all, and what it says when it fails."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.places import digest
from ops.backups.making import copy_across, holds
from ops.backups.s3 import S3Place
from schemas.errors import DanganError
from tests.simulators.object_storage import ID, SECRET, ObjectStorage, object_storage

_MIB = 1 << 20


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    with object_storage(tmp_path_factory.mktemp("s3")) as running:
        yield running


def place(storage: ObjectStorage, prefix: str = "", **more: object) -> S3Place:
    options = {"endpoint": storage.endpoint, "region": "us-east-1", "credentials": storage.credentials, **more}
    return S3Place("cloud", storage.bucket, prefix=prefix, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1000, 8 * _MIB, 19 * _MIB + 7])
def test_a_file_is_not_there_before_it_is_whole_and_reads_back_the_same(storage: ObjectStorage, size: int) -> None:
    cloud = place(storage, f"whole-{size}/")
    data = os.urandom(size)
    sink = cloud.create("x.keys")
    for start in range(0, size, 3 * _MIB):
        sink.write(data[start : start + 3 * _MIB])
        assert cloud.files() == []
    sink.commit()
    sink.abandon()  # harmless after a commit
    assert cloud.files() == ["x.keys"]
    assert digest(cloud, "x.keys") == hashlib.sha256(data).hexdigest()
    with cloud.open("x.keys") as source:
        assert source.read() == data
    cloud.remove("x.keys")
    assert cloud.files() == []
    cloud.close()


def test_a_file_that_is_given_up_leaves_nothing(storage: ObjectStorage) -> None:
    cloud = place(storage, "given-up/")
    sink = cloud.create("x")
    sink.write(os.urandom(9 * _MIB))
    sink.abandon()
    assert cloud.files() == []
    assert "Uploads" not in storage.client.list_multipart_uploads(Bucket=storage.bucket)


def test_only_the_files_below_the_prefix_are_its_own(storage: ObjectStorage) -> None:
    one, other = place(storage, "one/"), place(storage, "")
    sink = one.create("x")
    sink.commit()
    assert one.files() == ["x"]
    assert other.files() == []


def test_lines_are_read_as_the_snapshot_reader_reads_them(storage: ObjectStorage) -> None:
    cloud = place(storage, "lines/")
    sink = cloud.create("x")
    sink.write(b"head\nline\n" + b"x" * 100)
    sink.commit()
    with cloud.open("x") as source:
        assert (source.read(5), source.readline(4096), source.read(200)) == (b"head\n", b"line\n", b"x" * 100)
        assert source.read(1) == b""


def test_a_copy_goes_from_place_to_place(storage: ObjectStorage) -> None:
    one, other = place(storage, "from/"), place(storage, "to/")
    sink = one.create("x")
    sink.write(b"data" * 1000)
    sink.commit()
    copy_across(one, other, "x")
    assert holds(other, "x", digest(one, "x"))


def test_what_is_out_of_reach_or_missing_is_an_oserror_without_keys_or_addresses(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    cloud = place(storage, "away/")
    with pytest.raises(OSError, match="NoSuchKey"):
        cloud.open("nothing")
    with object_storage(tmp_path) as other:
        gone = place(other, "x/")
    sink = gone.create("x")
    sink.write(b"data")
    for act in (sink.commit, gone.files, lambda: gone.open("x"), lambda: gone.remove("x")):
        with pytest.raises(OSError, match="object storage") as told:
            act()
        assert not any(secret in str(told.value) for secret in (ID, SECRET, "127.0.0.1"))
    assert not holds(gone, "x", "0" * 64)


def test_credentials_that_others_may_read_are_refused(storage: ObjectStorage, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(storage.credentials.read_text())
    file.chmod(0o644)
    with pytest.raises(DanganError, match="DG-BAK-034"):
        place(storage, credentials=file)
    file.chmod(0o600)
    place(storage, credentials=file).close()
    file.write_text("[default]\n")
    with pytest.raises(DanganError, match="DG-BAK-034"):
        place(storage, credentials=file)
    with pytest.raises(DanganError, match="DG-BAK-034"):
        place(storage, endpoint="nonsense")
