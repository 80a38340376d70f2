"""Moments as people read them."""

from __future__ import annotations

from actors.points.state import NEVER
from supervision.envelope import rfc3339


def shown(moment: int) -> str | None:
    """RFC 3339; None for what has no date (NEVER, SLIDES)."""
    return rfc3339(moment) if moment < NEVER else None
