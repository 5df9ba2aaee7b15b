"""The accuracy suite: scenarios on pixels through the pipeline of a box, against their truth."""

from twin.accuracy.cache import CachedDetector
from twin.accuracy.content import content_hash
from twin.accuracy.page import write_page
from twin.accuracy.results import CaseResult, Suite, suite_result, summary
from twin.accuracy.suite import SUITE, Case, Store, cases

__all__ = [
    "SUITE",
    "CachedDetector",
    "Case",
    "CaseResult",
    "Store",
    "Suite",
    "cases",
    "content_hash",
    "suite_result",
    "summary",
    "write_page",
]
