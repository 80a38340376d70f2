"""What a checker raises."""

from __future__ import annotations


class Violation(AssertionError):
    """Something that must hold does not. The text begins with who found it: an invariant, a model, liveness."""


def require(holds: bool, number: int, what: str) -> None:
    """Invariant `number` of the protocol."""
    if not holds:
        raise Violation(f"invariant {number}: {what}")
