"""The report as PDF, by WeasyPrint (extra `reports`): fonts embedded, text that can be selected, tags, bookmarks.

`python -m dashboards.reports.pdf` reads a page and writes its PDF: a process of its own, so that the seconds that takes
are not those of the centre, nor the memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

from hall.errors import HallwatchError, InputError

_MISSING = (
    "PDF: {what}; expected hallwatch with its extra reports, pip install 'hallwatch[reports]', and the Debian packages "
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk. The HTML report needs none of it"
)
_LONGEST_S = 120.0
_NICE = 10


def can_make_pdf() -> bool:
    """Whether what makes a PDF is installed."""
    return find_spec("weasyprint") is not None


def to_pdf(page: str) -> bytes:
    """A PDF of a page that `dashboards.reports.page.render` made.

    Raises:
        InputError: what makes it is not installed.
    """
    try:
        from weasyprint import HTML, URLFetcher  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise InputError(_MISSING.format(what=f"the package {exc.name} is not installed")) from exc
    except OSError as exc:
        raise InputError(_MISSING.format(what=str(exc).splitlines()[0])) from exc
    # The page needs nothing from anywhere, so nothing is fetched, whatever a label says.
    fetcher = URLFetcher(allowed_protocols=())
    made = HTML(string=page, url_fetcher=fetcher).write_pdf(pdf_tags=True, pdf_variant="pdf/ua-1")
    assert isinstance(made, bytes)
    return made


def to_pdf_apart(page: str) -> bytes:
    """The same in a process of its own.

    Raises:
        InputError: what makes it is not installed, or fails.
    """
    # -P: a folder that happens to be named like one of our packages must not shadow it.
    command = [sys.executable, "-P", "-m", "dashboards.reports.pdf"]
    try:
        done = subprocess.run(command, input=page.encode(), capture_output=True, timeout=_LONGEST_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise InputError(f"PDF: took longer than {_LONGEST_S:g} s; expected less. The HTML can be printed") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"its process ended with {done.returncode}"
        raise InputError(last if last.startswith("PDF: ") else f"PDF: {last}; the HTML can be printed")
    return done.stdout


def main() -> None:
    """A page comes in, its PDF goes out."""
    os.nice(_NICE)
    try:
        sys.stdout.buffer.write(to_pdf(sys.stdin.buffer.read().decode()))
    except HallwatchError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
