"""What a checker raises."""

from __future__ import annotations


class Violation(AssertionError):
    """Something that must hold does not. The text begins with who found it: an invariant, a model, liveness."""


def broken(number: int, what: str) -> Violation:
    """Invariant `number` of the protocol does not hold. For what is looked at with every entry and effect, where
    writing the sentence each time would cost more than the look."""
    return Violation(f"invariant {number}: {what}")


def require(holds: bool, number: int, what: str) -> None:
    """Invariant `number` of the protocol."""
    if not holds:
        raise broken(number, what)
