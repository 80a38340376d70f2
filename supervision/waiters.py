"""Who waits for replies: requests whose input is on its way through the log, each until it is answered or gives up.

Several may wait for one input: a client that asks again under the same id before it was answered shall not take the
answer away from its first request. They are told once the stage with the reply is durable, and forgotten. Whoever gives
up says so; a reply that never comes (its cause is parked or was discarded) is nobody's matter here. A reply that was
committed before somebody began to wait is in the store, and only there.
"""

from __future__ import annotations

from supervision.messages import AwaitReply, ForgetReply, Told

WAITERS_MAX = 100
"""For one reply. More are told None at once: they may look in the store, or come again."""


class Waiters:
    """Belongs to the journal. All methods are O(waiters of one reply)."""

    def __init__(self, waiters_max: int = WAITERS_MAX) -> None:
        self._waiters_max = waiters_max
        self._waiting: dict[tuple[int, str], list[Told]] = {}

    def add(self, asked: AwaitReply) -> None:
        waiting = self._waiting.setdefault((asked.id_hash, asked.domain), [])
        if len(waiting) < self._waiters_max:
            waiting.append(asked.done)
        else:
            asked.done(None)

    def forget(self, gone: ForgetReply) -> None:
        """Nothing when it has been told already."""
        key = (gone.id_hash, gone.domain)
        left = [done for done in self._waiting.get(key, ()) if done != gone.done]
        if left:
            self._waiting[key] = left
        else:
            self._waiting.pop(key, None)

    def answer(self, id_hash: int, domain: str, body: bytes) -> None:
        """The reply is durable: all who wait for it are told, in the order in which they came."""
        for done in self._waiting.pop((id_hash, domain), ()):
            done(body)

    def __len__(self) -> int:
        """Replies that somebody waits for."""
        return len(self._waiting)
