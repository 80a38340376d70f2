"""An audit's result as lines of text, for people and for what they grep."""

from __future__ import annotations

from collections.abc import Iterator

from actors.points.auditor import Audit
from actors.points.moves import Totals
from actors.points.programme import MAIN_NAME

TOLD_MAX = 50
"""Findings that are told one by one."""
_LEFT = ("issued", "written_off", "debt")
_RIGHT = ("available", "pending", "reserved", "spent", "expired", "reversed", "withdrawn")


def shown(audit: Audit) -> Iterator[str]:
    """The sums, then what is wrong or that nothing is."""
    yield f"{audit.records} records of {audit.users} users in {len(audit.segments)} segments"
    for name, sums in sorted(audit.totals.items()):
        yield from _equation(name or MAIN_NAME, sums, 0 if name else audit.in_transit)
    if len(audit.totals) > 1:
        yield from _equation("all wallets", audit.everything(), audit.in_transit)
    for finding in audit.findings[:TOLD_MAX]:
        yield finding.told()
    if audit.found > TOLD_MAX:
        yield f"and {audit.found - TOLD_MAX} more"
    yield f"{audit.found} findings" if audit.found else "the books are proven"


def _equation(name: str, sums: Totals, in_transit: int) -> Iterator[str]:
    """Both sides of what holds over all users, see books.py."""
    left = {term: getattr(sums, term) for term in _LEFT}
    right = {term: getattr(sums, term) for term in _RIGHT} | {"in_transit": in_transit}
    yield f"{name}: {_sum(left)} = {_sum(right)}"
    if sums.sent or sums.received:
        yield f"{name}: sent {sums.sent} - received {sums.received} = in_transit {in_transit}"


def _sum(terms: dict[str, int]) -> str:
    return f"{sum(terms.values())} (" + " + ".join(f"{term} {points}" for term, points in terms.items()) + ")"
