"""The manifest and the files it describes."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from hall.errors import ModelError
from models.zoo import MANIFEST, WEIGHTS, load_zoo, places, resolve, zoo_of

DEFAULT = "nanodet-g_416_int8"
SHIPPED = [DEFAULT, "nanodet-g_416_w16"]


@pytest.mark.parametrize("name", ["auto", "default", DEFAULT])
def test_the_default_is_the_shipped_int8_nanodet(name: str) -> None:
    model = resolve(name)
    assert model.entry.name == DEFAULT
    assert model.path.parent == WEIGHTS


def test_every_shipped_model_is_what_the_manifest_says() -> None:
    shipped = [entry for entry in load_zoo().models if entry.shipped]
    assert [entry.name for entry in shipped] == SHIPPED
    for entry in shipped:
        assert len(resolve(entry.name).read()) == entry.size


PREFERRED = ["rtmdet-nano-person_640x384", "rtmdet-nano-person_416x256"]


@pytest.mark.parametrize(
    ("pulled", "auto"),
    [
        ([], DEFAULT),
        (["person-detection-0200"], DEFAULT),  # one that is there, but not preferred
        (PREFERRED[1:], PREFERRED[1]),
        (PREFERRED, PREFERRED[0]),
    ],
)
def test_auto_takes_the_first_preferred_model_that_was_pulled(pulled: list[str], auto: str, tmp_path: Path) -> None:
    zoo = load_zoo()
    for name in pulled:
        entry = zoo.named(name)
        assert entry is not None
        (tmp_path / entry.file).touch()
    assert zoo.auto([tmp_path / "empty", tmp_path]).name == auto


def test_a_preferred_model_that_is_broken_is_told_and_nothing_else_taken(tmp_path: Path) -> None:
    (tmp_path / "rtmdet-nano-person_640x384_w16.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="found 1 bytes"):
        resolve("auto", [tmp_path])


@pytest.mark.data
def test_auto_with_all_models_is_the_preferred_one(data_dir: Path) -> None:
    assert resolve("auto", [data_dir / "models"]).entry.name == PREFERRED[0]


def test_nothing_but_the_shipped_models_lies_in_the_weights_folder() -> None:
    files = {path.name for path in WEIGHTS.iterdir()}
    models = {entry.file for entry in load_zoo().models if entry.shipped}
    assert files == models | {"README.md", "NOTICE", "LICENSE.nanodet.txt", "LICENSE.human-models.txt"}


@pytest.mark.data
@pytest.mark.parametrize("name", [entry.name for entry in load_zoo().models if entry.url is None])
def test_the_development_data_holds_every_model(name: str, data_dir: Path) -> None:
    assert resolve(name, [data_dir / "models"]).entry.name == name


class TestFiles:
    """A file that is not the model is refused before it is loaded, with what was found and what is right."""

    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        return Path(shutil.copy(WEIGHTS / f"{DEFAULT}.onnx", tmp_path))

    def test_a_path_is_known_by_its_content(self, copy: Path) -> None:
        renamed = copy.rename(copy.with_name("hall.onnx"))
        assert resolve(renamed).entry.name == DEFAULT
        assert resolve(str(renamed)).path == renamed

    def test_content_decides_over_the_name(self, copy: Path) -> None:
        renamed = copy.rename(copy.with_name("nanodet-g_416_w16.onnx"))
        assert resolve(renamed).entry.name == DEFAULT

    def test_truncated(self, copy: Path) -> None:
        copy.write_bytes(copy.read_bytes()[:1000])
        with pytest.raises(ModelError, match=rf"{DEFAULT}\.onnx: found 1000 bytes \(truncated .* 3926516 bytes"):
            resolve(copy)

    def test_zero_bytes(self, copy: Path) -> None:
        copy.write_bytes(b"")
        with pytest.raises(ModelError, match=rf"{DEFAULT}\.onnx: found an empty file; .* 3926516 bytes"):
            resolve(copy)

    def test_too_long(self, copy: Path) -> None:
        copy.write_bytes(copy.read_bytes() + b"more")
        with pytest.raises(ModelError, match=r"found 3926520 bytes \(too long"):
            resolve(copy)

    def test_one_bit_flipped(self, copy: Path) -> None:
        content = bytearray(copy.read_bytes())
        content[2_000_000] ^= 1
        copy.write_bytes(content)
        with pytest.raises(ModelError, match=r"found sha256 [0-9a-f]{64} \(altered .* sha256 e78865d9"):
            resolve(copy)

    def test_altered_after_it_was_resolved(self, copy: Path) -> None:
        model = resolve(copy)
        copy.write_bytes(b"x" * model.entry.size)
        with pytest.raises(ModelError, match="altered"):
            model.read()

    def test_another_file_altogether(self, tmp_path: Path) -> None:
        path = tmp_path / "yolo.onnx"
        path.write_bytes(b"no model of ours")
        with pytest.raises(ModelError, match=r"yolo\.onnx: found sha256 .*no model has, and no ONNX model in it"):
            resolve(path)

    def test_missing_path(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"gone\.onnx: cannot read the model file: No such file"):
            resolve(tmp_path / "gone.onnx")

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "dir.onnx").mkdir()
        with pytest.raises(ModelError, match=r"dir\.onnx: cannot read the model file: Is a directory"):
            resolve(tmp_path / "dir.onnx")

    def test_unknown_name(self) -> None:
        with pytest.raises(ModelError, match=rf"yolo: no such model; .*{DEFAULT}"):
            resolve("yolo")

    def test_a_model_that_is_not_shipped_says_where_it_was_sought_and_comes_from(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"rtmdet-nano-person_416x256: .*no model folder is set.*https://"):
            resolve("rtmdet-nano-person_416x256")
        with pytest.raises(ModelError, match=rf"not in {tmp_path}; it comes from Intel"):
            resolve("person-detection-0202", [tmp_path])

    def test_a_wrong_file_in_a_model_folder(self, tmp_path: Path) -> None:
        (tmp_path / "person-detection-0202_w16.onnx").write_bytes(b"x")
        with pytest.raises(ModelError, match=r"0202_w16\.onnx: found 1 bytes \(truncated"):
            resolve("person-detection-0202", [tmp_path])

    def test_folders_are_searched_in_order_and_never_for_a_shipped_model_first(self, tmp_path: Path) -> None:
        zoo = load_zoo()
        shipped, other = zoo.named(DEFAULT), zoo.named("person-detection-0200")
        assert shipped is not None
        assert other is not None
        assert [path.parent for path in places(shipped, [tmp_path])] == [WEIGHTS, tmp_path]
        assert [path.parent for path in places(other, [tmp_path, WEIGHTS])] == [tmp_path, WEIGHTS]


class TestManifest:
    """A manifest with faults: every row breaks one thing in the real one."""

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            # a key nobody reads
            ("nms_iou = 0.5", "nms_iou = 0.5\nnms = 1", "model.0.nms: Extra inputs"),
            # half a checksum
            ('sha256 = "e78865d9', 'sha256 = "', "model.0.sha256: String should match"),
            # the same file twice
            ('file = "nanodet-g_416_w16.onnx"', 'file = "nanodet-g_416_int8.onnx"', "more than one model"),
            # a file outside the folders
            ('file = "nanodet-g_416_w16.onnx"', 'file = "../w16.onnx"', "model.1.file: String should match"),
            # a default that a fresh clone has not got
            (f'default = "{DEFAULT}"', 'default = "person-detection-0200"', "is not a shipped model"),
            # weak detections over the good ones
            ("low_score = 0.1", "low_score = 0.9", r"low_score 0.9 is over score 0.37"),
            # no such column
            ("person = 0", "person = 80", "person 80 is not one of 80 classes"),
            # a decoder nobody wrote
            ('decoder = "omz"', 'decoder = "yolov1"', r"model.4.decoder: Input should be 'nanodet'"),
            # a division by zero
            ("std = [1.0, 1.0, 1.0]", "std = [1.0, 0.0, 1.0]", "each std above 0"),
            # an address anyone on the way can change
            ("https://download", "http://download", "model.2.archive.url: String should match"),
            ("https://media", "http://media", "model.8.url: String should match"),
            # half a file
            ("outputs = [", "outputs = [[", "not TOML"),
        ],
    )
    def test_fault(self, old: str, new: str, message: str, tmp_path: Path) -> None:
        text = MANIFEST.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "zoo.toml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ModelError, match=message) as caught:
            load_zoo(path)
        assert str(path) in str(caught.value)

    def test_all_faults_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "zoo.toml"
        path.write_text(MANIFEST.read_text(encoding="utf-8").replace("classes = 80", "classes = 0"), encoding="utf-8")
        with pytest.raises(ModelError, match="3 fault"):
            load_zoo(path)

    def test_no_such_manifest(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"gone\.toml: cannot read the model manifest"):
            load_zoo(tmp_path / "gone.toml")


class TestFolderManifest:
    """A zoo.toml in a model folder: models of a site, under names of their own."""

    ENTRY = MANIFEST.read_text(encoding="utf-8").rpartition("[[model]]")[2]

    def put(self, folder: Path, **other: str) -> str:
        """A model of some bytes, and the entry that describes it."""
        content = b"a network"
        (folder / "site.onnx").write_bytes(content)
        told = {
            "name": '"site"',
            "file": '"site.onnx"',
            "size": "9",
            "sha256": f'"{hashlib.sha256(content).hexdigest()}"',
        }
        lines = [line for line in self.ENTRY.strip().splitlines() if line.partition(" ")[0] not in {*told, *other}]
        text = "\n".join(["[[model]]", *(f"{key} = {value}" for key, value in {**told, **other}.items()), *lines])
        (folder / "zoo.toml").write_text(text, encoding="utf-8")
        return text

    def test_its_models_are_found_by_name(self, tmp_path: Path) -> None:
        self.put(tmp_path)
        model = resolve("site", [tmp_path / "empty", tmp_path])
        assert (model.entry.name, model.path) == ("site", tmp_path / "site.onnx")
        assert zoo_of([tmp_path, tmp_path]).names == [*load_zoo().names, "site"]
        assert resolve("auto", [tmp_path]).entry.name == DEFAULT
        (tmp_path / "site.onnx").write_bytes(b"a netw0rk")
        with pytest.raises(ModelError, match="altered or another model"):
            resolve("site", [tmp_path])

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("name", f'"{DEFAULT}"', "name nanodet-g_416_int8 stands in more than one model"),
            ("shipped", "true", "site is said to be shipped"),
            ("licence", '""', "model.0.licence: String should have at least 1"),
            ("size", "=", "not TOML"),
        ],
    )
    def test_fault(self, key: str, value: str, message: str, tmp_path: Path) -> None:
        self.put(tmp_path, **{key: value})
        with pytest.raises(ModelError, match=message) as caught:
            resolve("default", [tmp_path])
        assert str(tmp_path / "zoo.toml") in str(caught.value)
