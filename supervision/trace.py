"""What happened, as one number: two runs of a seed are the same run when their digests are.

A step adds the name of the actor and the type of its message, never an address, an id() or anything that depends on
hash(). A trace may outlive a runtime, so that a world whose engine dies and is built anew has one digest.
"""

from __future__ import annotations

import hashlib

TRACE_PARTS_MAX = 2_048
"""Steps collected before they are hashed in one go."""


class Trace:
    """sha256 over the steps so far. O(1) each."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._parts: list[bytes] = []
        self._known: dict[tuple[str, type], bytes] = {}
        self.steps = 0

    def add(self, actor: str, message: object) -> None:
        try:
            part = self._known[actor, message.__class__]
        except KeyError:
            part = self._known[actor, message.__class__] = f"{actor}\0{message.__class__.__name__}\n".encode()
        self._parts.append(part)
        self.steps += 1
        if not self.steps % TRACE_PARTS_MAX:
            self._flush()

    def note(self, text: str) -> None:
        """What the world did that is no step: a fault, a kill."""
        self._parts.append(f"\1{text}\n".encode())

    def hexdigest(self) -> str:
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update(b"".join(self._parts))
        self._parts.clear()
