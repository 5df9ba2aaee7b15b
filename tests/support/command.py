"""`hallwatch` in this process, as a shell would see it: starting Python for each call takes a second."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass
from unittest.mock import patch

from cli.main import main


@dataclass(frozen=True)
class Called:
    """What came of a call."""

    returncode: int
    stdout: str
    stderr: str


def call(*arguments: object) -> Called:
    """Run the command line; what it raises that no user should see comes out here."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["hallwatch", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return Called(code, out.getvalue(), err.getvalue())
