"""Waiting until an offset is folded, or until all segments have something: looked at ever less often.

The cell is told once, so that a quiet domain stages its progress now and not in a second; then the committed
checkpoint is looked at, soon at first and ever less often. Looking costs a dict access, so no cell, journal or store
knows who waits. A domain that is parked will not get there by itself: waiting for it ends at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

WaitFolded = Callable[[int, str, int, float], Awaitable[bool]]
"""(segment, domain, offset, seconds) -> whether it is folded and durable by then; False as soon as it will not be."""

FIRST_LOOK_S = 0.002
LOOK_S_MAX = 0.05


class FoldedByPolling:
    """A WaitFolded for the HTTP loop.

    `catch_up(segment, domain, offset)` tells the cell (Engine.hurry); `checkpoint(segment, domain)` is the
    committed one as the journal remembers it (Engine.folded); `parked()` are the (segment, domain) that stand still
    (Engine.parked_domains). None may block.
    """

    def __init__(
        self,
        catch_up: Callable[[int, str, int], None],
        checkpoint: Callable[[int, str], int],
        parked: Callable[[], Collection[tuple[int, str]]],
    ) -> None:
        self._catch_up = catch_up
        self._checkpoint = checkpoint
        self._parked = parked

    async def __call__(self, segment: int, domain: str, offset: int, seconds: float) -> bool:
        if self._checkpoint(segment, domain) >= offset:
            return True
        self._catch_up(segment, domain, offset)
        try:
            async with asyncio.timeout(seconds):
                pause_s = FIRST_LOOK_S
                while self._checkpoint(segment, domain) < offset:
                    if (segment, domain) in self._parked():
                        return False
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 1.5, LOOK_S_MAX)
        except TimeoutError:
            return self._checkpoint(segment, domain) >= offset
        return True


async def until_none(look: Callable[[Sequence[int] | None], Awaitable[list[int]]], seconds: float) -> list[int]:
    """Ask `look` for those that are left of the given ones (None: of all), until there are none or time is up."""
    left = await look(None)
    try:
        async with asyncio.timeout(seconds):
            pause_s = FIRST_LOOK_S
            while left:
                await asyncio.sleep(pause_s)
                left = await look(left)
                pause_s = min(pause_s * 1.5, LOOK_S_MAX)
    except TimeoutError:
        pass
    return left
