"""The report as PDF, by WeasyPrint (extra `reports`): fonts embedded, text that can be selected, tags, bookmarks."""

from __future__ import annotations

from importlib.util import find_spec

from hall.errors import InputError

_MISSING = (
    "PDF: {what}; expected hallwatch with its extra reports, pip install 'hallwatch[reports]', and the Debian packages "
    "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk. The HTML report needs none of it"
)


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
    made = HTML(string=page, base_url=None, url_fetcher=fetcher).write_pdf(pdf_tags=True, pdf_variant="pdf/ua-1")
    assert isinstance(made, bytes)
    return made
