"""The jar cache: complete or absent, shared by runs at once, honest about what is missing. Maven here is a script."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ops.embedded import kafka_classes, kafka_jars
from ops.embedded.kafka import class_archive, classes_name
from ops.embedded.kafka_jars import KAFKA_VERSION, cache_folder, ensure_jars, missing_for_broker
from schemas.errors import DanganError

JAVA = "echo 'openjdk version \"{}\"' >&2\n"
MAVEN = """
echo run >> "{log}"
for argument in "$@"; do case "$argument" in -DoutputDirectory=*) out="${{argument#*=}}";; esac; done
mkdir -p "$out"
{act}
"""
GOOD = f'sleep 0.2; touch "$out/kafka_2.13-{KAFKA_VERSION}.jar"'


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "mkdir", "touch", "sleep"):
        (folder / tool).symlink_to(next(p for p in (Path("/bin") / tool, Path("/usr/bin") / tool) if p.exists()))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def _script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!{folder / 'sh'}\n{text}")
    path.chmod(0o755)


def _tools(folder: Path, maven: str = GOOD, java: str = "17.0.15") -> Path:
    log = folder.parent / "maven.log"
    _script(folder, "java", JAVA.format(java))
    _script(folder, "mvn", MAVEN.format(log=log, act=maven))
    return log


def test_two_runs_at_once_fetch_once(bin_folder: Path) -> None:
    log = _tools(bin_folder)
    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(lambda _: ensure_jars(lambda _: None), range(2)))
    assert folders == {cache_folder()}
    assert log.read_text() == "run\n"
    assert [path.name for path in cache_folder().iterdir()] == [f"kafka_2.13-{KAFKA_VERSION}.jar"]


@pytest.mark.parametrize("maven", ["exit 1", "exit 0", 'echo "[ERROR] No space left on device"; exit 1'])
def test_a_failed_fetch_leaves_nothing_that_looks_usable(bin_folder: Path, maven: str) -> None:
    _tools(bin_folder, maven)
    with pytest.raises(DanganError) as refused:
        ensure_jars(lambda _: None)
    assert refused.value.code == "DG-OPS-002"
    assert not cache_folder().exists()
    _tools(bin_folder)
    assert ensure_jars(lambda _: None).is_dir()


def test_what_an_interrupted_fetch_left_is_cleared(bin_folder: Path) -> None:
    _tools(bin_folder)
    leftover = cache_folder().parent / f"{cache_folder().name}.part-abc"
    (leftover / "jars").mkdir(parents=True)
    ensure_jars(lambda _: None)
    assert not leftover.exists()


def test_what_is_missing_is_named(bin_folder: Path) -> None:
    assert missing_for_broker() == "Java is not installed"
    _script(bin_folder, "java", JAVA.format("11.0.2"))
    assert missing_for_broker() == "Java 11 is too old, Kafka needs 17"
    _script(bin_folder, "java", JAVA.format("17.0.1"))
    assert missing_for_broker() == "Maven is not installed"
    with pytest.raises(DanganError) as refused:
        ensure_jars(lambda _: None)
    assert refused.value.code == "DG-OPS-001"


def test_maven_is_not_needed_once_the_jars_are_there(bin_folder: Path) -> None:
    _tools(bin_folder)
    ensure_jars(lambda _: None)
    (bin_folder / "mvn").unlink()
    assert missing_for_broker() is None
    assert ensure_jars(lambda _: None) == cache_folder()


def test_the_project_file_asks_for_the_version_that_the_code_names() -> None:
    root = ET.parse(Path(kafka_jars.__file__).with_name("kafka-pom.xml")).getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = {
        str(each.findtext("m:artifactId", "", space)): str(each.findtext("m:version", "", space))
        for each in root.iterfind(".//m:dependency", space)
    }
    assert found == {"kafka_2.13": KAFKA_VERSION, "log4j-core": "2.25.1", "log4j-slf4j-impl": "2.25.1"}


def test_an_archive_of_classes_that_was_cut_short_is_left_alone(bin_folder: Path) -> None:
    folder = cache_folder().parent
    folder.mkdir(parents=True)
    assert class_archive() is None
    whole, cut = (folder / f"{classes_name()}.{size}.jsa" for size in (7, 8))
    cut.write_bytes(b"classes")
    assert class_archive() is None
    whole.write_bytes(b"classes")
    assert class_archive() == whole
    _script(bin_folder, "java", JAVA.format("17.0.1"))  # another Java has another one
    assert class_archive() is None


def test_an_archive_that_cannot_be_kept_is_no_error(bin_folder: Path, tmp_path: Path) -> None:
    (made := tmp_path / "made.jsa").write_bytes(b"classes")
    kafka_classes._keep(made, tmp_path / "nowhere")
    folder = cache_folder().parent
    folder.mkdir(parents=True)
    kafka_classes._keep(made, folder)
    assert [file.name for file in folder.iterdir()] == [f"{classes_name()}.7.jsa"]
