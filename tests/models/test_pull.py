"""`hallwatch models pull` against a server on loopback: resumed, checked, and never half a file in its place."""

from __future__ import annotations

import fcntl
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hall.errors import ModelError
from models.pull import PullSettings, pull
from models.zoo import Archive, ModelEntry, load_zoo
from tests.support.files_server import FilesServer, serving

CONTENT = bytes(range(256)) * 2000
"""Half a megabyte: several chunks."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FilesServer]:
    with serving(FilesServer({"model.onnx": CONTENT})) as running:
        yield running


def entry(content: bytes = CONTENT, **more: Any) -> ModelEntry:
    """A model of this content; the rest is another's."""
    other = load_zoo().named("person-detection-0200")
    assert other is not None
    told = {"name": "tiny", "file": "model.onnx", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return other.model_copy(update={**told, **more})


def settings(server: FilesServer, **more: Any) -> PullSettings:
    return PullSettings(**{"mirrors": [server.address], "timeout_s": 5.0, "pause_s": 0.0, **more})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_once(server: FilesServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    folder = tmp_path / "new" / "models"
    path = pull(entry(), folder, settings(server), lambda here, whole: seen.append((here, whole)))
    assert path == folder / "model.onnx"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["model.onnx"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)
    assert pull(entry(), folder, settings(server)) == path
    assert len(server.asked) == 1


def test_what_breaks_off_goes_on_where_it_was(server: FilesServer, tmp_path: Path) -> None:
    server.break_after = [100_000, 150_000]
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT
    assert [given for _, given in server.asked] == [None, "bytes=100000-", "bytes=250000-"]


def test_a_second_call_goes_on_where_the_first_gave_up(server: FilesServer, tmp_path: Path) -> None:
    server.break_after = [100_000]
    with pytest.raises(ModelError, match=rf"no address had model\.onnx\n.*broke off after 100000 of {len(CONTENT)}"):
        pull(entry(), tmp_path, settings(server, tries=1))
    assert not (tmp_path / "model.onnx").exists()
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=100000-"
    assert names(tmp_path) == ["model.onnx"]


def test_a_server_without_ranges_sends_all_again(server: FilesServer, tmp_path: Path) -> None:
    server.break_after, server.ranges = [100_000], False
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT


def test_a_server_that_tells_no_length(server: FilesServer, tmp_path: Path) -> None:
    server.length, server.break_after = False, [100_000]
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=100000-"


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"x", b"x" * len(CONTENT)])
def test_another_file_is_refused_and_removed(wrong: bytes, server: FilesServer, tmp_path: Path) -> None:
    server.files["model.onnx"] = wrong
    with pytest.raises(ModelError, match=r"model\.onnx: found sha256 [0-9a-f]{64}; expected .*; removed"):
        pull(entry(), tmp_path, settings(server))
    assert names(tmp_path) == []


def test_a_part_of_another_file_is_refused_and_removed(server: FilesServer, tmp_path: Path) -> None:
    """The part was altered between two calls."""
    server.break_after = [100_000]
    with pytest.raises(ModelError, match="broke off"):
        pull(entry(), tmp_path, settings(server, tries=1))
    (part,) = tmp_path.iterdir()
    part.write_bytes(b"x" * 100_000)
    with pytest.raises(ModelError, match="removed"):
        pull(entry(), tmp_path, settings(server))
    assert names(tmp_path) == []
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT


def test_a_file_that_does_not_end_is_cut_off(server: FilesServer, tmp_path: Path) -> None:
    server.files["model.onnx"], server.length = CONTENT * 3, False
    with pytest.raises(ModelError, match=f"sent more than {len(CONTENT)} bytes: another file"):
        pull(entry(), tmp_path, settings(server))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0
    assert len(server.asked) == 1


@pytest.mark.parametrize("length", [True, False])
def test_a_shorter_file_is_never_in_place(length: bool, server: FilesServer, tmp_path: Path) -> None:
    server.files["model.onnx"], server.length = CONTENT[:300_000], length
    with pytest.raises(ModelError, match="has 300000 bytes; expected 512000" if length else "broke off|416"):
        pull(entry(), tmp_path, settings(server, tries=3))
    assert not (tmp_path / "model.onnx").exists()


def test_a_page_that_is_no_model_takes_nothing_from_what_is_here(server: FilesServer, tmp_path: Path) -> None:
    """A network that asks for a password answers everything with a page of its own, and knows no ranges."""
    server.break_after = [100_000]
    with pytest.raises(ModelError, match="broke off"):
        pull(entry(), tmp_path, settings(server, tries=1))
    server.files["model.onnx"], server.ranges = b"<html>log in</html>", False
    with pytest.raises(ModelError, match="has 19 bytes; expected 512000: another file"):
        pull(entry(), tmp_path, settings(server))
    server.files["model.onnx"], server.ranges = CONTENT, True
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT
    assert server.asked[-1][1] == "bytes=100000-"


def test_a_broken_file_in_its_place_is_replaced(server: FilesServer, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(CONTENT[:1000])
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(server: FilesServer, tmp_path: Path) -> None:
    server.codes = [503, 429, 500]
    assert pull(entry(), tmp_path, settings(server)).read_bytes() == CONTENT
    assert len(server.asked) == 4
    with pytest.raises(ModelError, match=r"other\.onnx: answered 404"):
        pull(entry(file="other.onnx"), tmp_path, settings(server))
    assert len(server.asked) == 5


def test_the_next_address_is_asked_where_one_has_it_not(server: FilesServer, tmp_path: Path) -> None:
    with serving(FilesServer({})) as empty:
        found = pull(entry(url=f"{server.address}/model.onnx"), tmp_path, settings(empty))
        assert found.read_bytes() == CONTENT
        assert [path for path, _ in empty.asked] == ["/model.onnx"]
        nobody = PullSettings(mirrors=["http://127.0.0.1:9/models", empty.address], timeout_s=5, tries=2, pause_s=0)
        with pytest.raises(ModelError) as caught:
            pull(entry(), tmp_path / "other", nobody)
    first, second = str(caught.value).splitlines()[1:]
    assert "http://127.0.0.1:9/models/model.onnx: cannot be reached: " in first
    assert first.endswith(", 2 times")
    assert "answered 404" in second


def test_a_password_of_a_mirror_is_sent_and_never_shown(server: FilesServer, tmp_path: Path) -> None:
    server.authorization = "Basic aGFsbDpzM2NyZXQh"
    mirror = server.address.replace("//", "//hall:s3cret%21@")
    assert pull(entry(), tmp_path, settings(server, mirrors=[mirror])).read_bytes() == CONTENT
    with pytest.raises(ModelError, match="answered 401") as caught:
        pull(entry(), tmp_path / "b", settings(server, mirrors=[mirror.replace("s3cret", "wr0ng")]))
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(ModelError, match="expected an address such as") as caught:
        PullSettings(mirrors=["ftp://hall:s3cret@mirror"])
    assert "s3cret" not in str(caught.value)


def test_by_a_proxy(server: FilesServer, tmp_path: Path) -> None:
    """A proxy is asked for the whole address; this one knows it as a path."""
    address = "http://models.invalid/model.onnx"
    server.files = {address: CONTENT}
    found = pull(entry(url=address), tmp_path, PullSettings(proxy=server.address, timeout_s=5, pause_s=0))
    assert found.read_bytes() == CONTENT
    assert server.asked == [(address, None)]


def packed(content: bytes, name: str = "inner/end2end.onnx") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


def archived(server: FilesServer, content: bytes, **more: Any) -> ModelEntry:
    server.files["models.zip"] = content
    origin = Archive.model_construct(
        url=f"{server.address}/models.zip", sha256=hashlib.sha256(content).hexdigest(), member="inner/end2end.onnx"
    )
    return entry(archive=origin, **more)


def test_out_of_an_archive(server: FilesServer, tmp_path: Path) -> None:
    server.break_after = [1000]
    found = pull(archived(server, packed(CONTENT)), tmp_path, settings(server, mirrors=[]))
    assert found.read_bytes() == CONTENT
    assert names(tmp_path) == ["model.onnx"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        # another model in it, and one that is far larger than it may be
        (packed(CONTENT[:-1] + b"x"), "altered or another model"),
        (packed(CONTENT * 50), "too long or another"),
        (packed(CONTENT, "other.onnx"), r"found no inner/end2end\.onnx in the archive"),
        (b"no archive", r"found no inner/end2end\.onnx in the archive: File is not a zip"),
    ],
)
def test_an_archive_without_the_model(content: bytes, message: str, server: FilesServer, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        pull(archived(server, content), tmp_path, settings(server, mirrors=[]))
    assert names(tmp_path) == []


def test_a_model_that_is_made_from_another_file_says_so(tmp_path: Path) -> None:
    made = load_zoo().named("rtmdet-nano-person_640x384")
    assert made is not None
    with pytest.raises(ModelError, match=r"no address of rtmdet.*made from https://.*cut before the NMS.*_MIRROR"):
        pull(made, tmp_path, PullSettings())


def test_two_pulls_of_one_file_do_not_write_into_each_other(server: FilesServer, tmp_path: Path) -> None:
    part = tmp_path / f".model.onnx.{entry().sha256[:12]}.part"
    with part.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="another pull is at work"):
            pull(entry(), tmp_path, settings(server))
    assert server.asked == []


def test_a_folder_that_cannot_be_written(server: FilesServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="expected a folder that can be written"):
        pull(entry(), tmp_path / "file", settings(server))
