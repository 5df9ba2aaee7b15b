"""Write the lock files from pyproject.toml: versions and hashes of every release file, and no address of an index.

Called by `make lock`; `make lock UPGRADE=1` also takes newer versions. Every later lock is held to the versions of
the ones before it, so that any of them may be installed into one environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD, RUN, DEV = "requirements-build.lock", "requirements.lock", "requirements-dev.lock"
EDGE, CENTRE = "docker/edge.lock", "docker/centre.lock"
PEERS = "tests/benchmarks/peers.lock"
PURPOSE = {
    BUILD: "what builds the wheel",
    RUN: "everything at run time: extras edge, ingest, dashboards, reports, demo, grafana",
    DEV: "what tests and checks need on top",
    EDGE: "run time of a box: extra edge",
    CENTRE: "run time of the centre: extras ingest, dashboards, reports",
    PEERS: "the trackers that ours is measured beside: dependency group peers, in an environment of their own",
}
_ADDRESS = re.compile(r"https?://|file://|(?<![\w.])/(?:opt|home|root|tmp|usr)/")


def wanted(project: Mapping[str, Any]) -> dict[str, list[str]]:
    """What each lock starts from, in the order in which they are made."""
    metadata = project["project"]
    base: list[str] = metadata["dependencies"]
    extras: dict[str, list[str]] = metadata["optional-dependencies"]
    own = metadata["name"]
    return {
        RUN: [*base, *_expand(extras, own, "demo"), *extras["grafana"]],
        # hatchling asks for editables only while it builds an editable wheel, as `make install` does.
        BUILD: [*project["build-system"]["requires"], "editables"],
        DEV: [line for line in extras["dev"] if not line.startswith(f"{own}[")],
        EDGE: [*base, *extras["edge"]],
        CENTRE: [*base, *extras["ingest"], *extras["dashboards"], *extras["reports"]],
        PEERS: project["dependency-groups"]["peers"],
    }


def _expand(extras: Mapping[str, Sequence[str]], own: str, name: str) -> Iterator[str]:
    """The requirements of an extra; those that name extras of our own are replaced by theirs."""
    for line in extras[name]:
        if match := re.fullmatch(rf"{re.escape(own)}\[([\w, -]+)\]", line):
            for inner in match[1].split(","):
                yield from _expand(extras, own, inner.strip())
        else:
            yield line


def compile_lock(name: str, lines: Sequence[str], folder: Path, held: Sequence[Path], *, upgrade: bool) -> Path:
    """Resolve one lock in a folder of its own, beginning from the committed one.

    Raises:
        SystemExit: nothing fits, or what came out names an address.
    """
    source = folder / (Path(name).stem + ".in")
    source.write_text("\n".join(lines) + "\n")
    made = folder / Path(name).name
    if (ROOT / name).is_file():
        shutil.copy(ROOT / name, made)
    command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras"]
    command += ["--allow-unsafe", "--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--no-emit-trusted-host", "--no-emit-options", "--annotation-style=line"]
    command += [f"--constraint={path.name}" for path in held] + (["--upgrade"] if upgrade else [])
    subprocess.run([*command, f"--output-file={made.name}", source.name], cwd=folder, check=True)  # noqa: S603
    if found := _ADDRESS.search(made.read_text()):
        sys.exit(f"{name}: names an address or a place of this machine: {found[0]}")
    return made


def main() -> None:
    """Make all locks and put them in place together."""
    upgrade = os.environ.get("UPGRADE", "") not in {"", "0"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        made: dict[str, Path] = {}
        for name, lines in wanted(project).items():
            sys.stderr.write(f"resolving {name}: {PURPOSE[name]}\n")
            made[name] = compile_lock(name, lines, folder, list(made.values()), upgrade=upgrade)
        for name, path in made.items():
            body = path.read_text()
            (ROOT / name).write_text(f"# {PURPOSE[name]}. Made by `make lock` from pyproject.toml.\n{body}")


if __name__ == "__main__":
    main()
