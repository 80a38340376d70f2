"""The hottest states of one domain in one segment: what is in memory, and what of it is ahead of the store.

A state that belongs to a stage under way is never dropped, since the store does not have it yet; the same holds for
business keys and timers that such stages touch. What the segment shares goes with every event, and is never dropped
either. Everything else is a cache and goes when the bytes run out, least recently used first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

import msgspec

from supervision.messages import TimerOp, TimerRow

STATES_BYTES_MAX = 8 * 1024 * 1024
"""Per cell, measured in encoded bytes; in memory a state takes several times that."""
OVERHEAD_BYTES = 200


class Held(msgspec.Struct):
    """A state in memory. `stored`: the store has a row for it. `ahead`: the stage (by its upto) that carries it, 0 =
    committed. `written`: the digest of its bytes as they were last staged, of a companion.
    """

    state: Any
    nbytes: int
    stored: bool
    ahead: int = 0
    written: bytes = b""


class States:
    """Not thread-safe: belongs to one incarnation. `stays` is the subject that is never dropped, if any."""

    def __init__(self, bytes_max: int = STATES_BYTES_MAX, stays: str = "") -> None:
        self._bytes_max = bytes_max
        self._stays = stays
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._bytes = 0
        self._keys: dict[bytes, tuple[bytes, int]] = {}
        self._timers: dict[tuple[str, str], tuple[TimerRow | None, int]] = {}

    def get(self, subject: str) -> Held | None:
        held = self._held.get(subject)
        if held is not None:
            self._held.move_to_end(subject)
        return held

    def held(self, subject: str) -> Held:
        """The same of one that must be there."""
        held = self.get(subject)
        assert held is not None, f"{subject} is not in memory"
        return held

    def missing(self, subjects: Iterable[str]) -> list[str]:
        return [subject for subject in subjects if subject not in self._held]

    def put(self, subject: str, state: Any, nbytes: int, stored: bool) -> Held:
        held = self._held[subject] = Held(state, nbytes + OVERHEAD_BYTES, stored)
        self._bytes += held.nbytes
        return held

    def staged(self, subject: str, nbytes: int, upto: int) -> None:
        """The state goes with the stage `upto`."""
        held = self._held[subject]
        self._bytes += nbytes + OVERHEAD_BYTES - held.nbytes
        held.nbytes, held.ahead, held.stored = nbytes + OVERHEAD_BYTES, upto, True

    def claim(self, key: bytes, value: bytes, upto: int) -> None:
        self._keys.pop(key, None)  # to the end: what stands first commits first
        self._keys[key] = (value, upto)

    def claimed(self, key: bytes) -> bytes | None:
        """The newest value of a key that a stage under way uses up or rewrites."""
        found = self._keys.get(key)
        return found[0] if found else None

    def time(self, op: TimerOp, upto: int) -> None:
        at = (op.subject, op.key)
        self._timers.pop(at, None)
        self._timers[at] = (op.row, upto)

    def timer(self, subject: str, key: str) -> tuple[bool, TimerRow | None]:
        """(known here, row): a row that a stage under way put or took."""
        found = self._timers.get((subject, key))
        return (True, found[0]) if found else (False, None)

    def only_ahead(self, keys: dict[bytes, bytes], ops: dict[tuple[str, str], TimerOp], upto: int) -> None:
        """Nothing but the stage `upto` is under way, and this is all it touches: what a failed trial left here goes."""
        self._keys = {key: (value, upto) for key, value in keys.items()}
        self._timers = {at: (op.row, upto) for at, op in ops.items()}

    def committed(self, upto: int) -> None:
        """The store has everything up to this stage now. O(what it brought)."""
        _forget(self._keys, upto)
        _forget(self._timers, upto)
        self._shrink(upto)

    def _shrink(self, upto: int) -> None:
        if self._stays in self._held:
            self._held.move_to_end(self._stays)
        while self._bytes > self._bytes_max and self._held:
            subject, held = next(iter(self._held.items()))
            if held.ahead > upto or subject == self._stays:
                return  # the oldest one is still under way; later ones are younger
            self._bytes -= held.nbytes
            del self._held[subject]

    def ahead(self) -> list[str]:
        """Subjects with a written state which the store may not have yet."""
        return [subject for subject, held in self._held.items() if held.ahead]

    def stored(self) -> list[tuple[str, Any]]:
        """Subjects and states that have a row, or will have with a stage under way."""
        return [(subject, held.state) for subject, held in self._held.items() if held.stored]

    def __len__(self) -> int:
        return len(self._held)

    def check(self) -> None:
        assert self._bytes == sum(held.nbytes for held in self._held.values()), "states: bytes are off"
        for ahead in (self._keys, self._timers):
            stages = [upto for _, upto in ahead.values()]
            assert stages == sorted(stages), "states: what commits first does not stand first"


def _forget(ahead: dict[Any, tuple[Any, int]], upto: int) -> None:
    """Take out what the store has; in order of their stages."""
    for key in [key for key, _ in takewhile(lambda item: item[1][1] <= upto, ahead.items())]:
        del ahead[key]
