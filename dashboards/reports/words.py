"""What a report says, in Chinese and English. Braces are filled in by `sentences`, `page` and the template."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.reports._words_en import EN
from dashboards.reports._words_shape import ReportWords
from dashboards.reports._words_zh import ZH
from hall.words import Language

__all__ = ["REPORT_WORDS", "ReportWords"]

REPORT_WORDS: Mapping[Language, ReportWords] = {"zh": ZH, "en": EN}
