"""Why the doors are closed, if they are. Written by the journal, read by bridge and gateway before they take anything.

Only input is held back. What actors emit is never refused, since a reaction that cannot be committed would deadlock
the very log it waits for; depth and outputs per reaction bound that side.
"""

from __future__ import annotations


class Pressure:
    """One tuple of reasons, replaced as a whole; reading it needs no lock."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._visible: tuple[str, ...] = ()

    def set(self, name: str, reason: str | None) -> None:
        """State or withdraw one reason; `name` is what it is about."""
        if self._reasons.get(name) == reason:
            return
        if reason is None:
            del self._reasons[name]
        else:
            self._reasons[name] = reason
        self._visible = tuple(self._reasons[key] for key in sorted(self._reasons))

    def reasons(self) -> tuple[str, ...]:
        """Empty: the doors are open."""
        return self._visible
