"""From the threads that answer to the loop that waits: the two ways in which a handler waits for somebody else.

The journal answers in its own thread and may do nothing there but pass the word on. The store blocks, so it is asked
on a few threads kept for that; a slow disk then delays those who asked, not those who only want to hand something in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.problems import Problem

T = TypeVar("T")

ANSWER_S_MAX = 30.0
"""For the journal. Later is not success and not failure: the caller must ask again under the same id."""
READ_S_MAX = 10.0
READ_THREADS = 4
LOOP_BYTES_MAX = 16 * 1024
"""Larger bodies are read on another thread, so that a long list does not hold up the loop."""


class Waiter(asyncio.Future[T]):
    """What `done` callbacks answer to. Made on the loop; `answer` may be called by any thread, at most once."""

    def answer(self, value: T) -> None:
        try:
            self.get_loop().call_soon_threadsafe(self._settle, value)
        except RuntimeError:
            return  # the loop was closed meanwhile: nobody waits any more

    def _settle(self, value: T) -> None:
        if not self.done():
            self.set_result(value)

    async def within(self, seconds: float = ANSWER_S_MAX) -> T:
        """The answer; raises Problem `unanswered`."""
        try:
            async with asyncio.timeout(seconds):
                return await self
        except TimeoutError as error:
            message = (
                f"there was no answer within {seconds:g} s; it may have been taken, send it again under the same id"
            )
            raise Problem("unanswered", message) from error


class Threads:
    """The threads that may block."""

    def __init__(self, threads: int = READ_THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, "gateway-read")

    async def run(self, work: Callable[[], T], seconds: float = READ_S_MAX) -> T:
        """The result of `work`; raises what it raises, and Problem `busy` when it does not come in time."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except TimeoutError as error:
            raise Problem("busy", f"the store did not answer within {seconds:g} s") from error

    def close(self) -> None:
        """Waits for nobody: what is under way ends by its own time limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
