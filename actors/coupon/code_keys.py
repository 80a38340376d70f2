"""The secrets that generated codes are made with: the newest makes, all of them read.

A code carries the id of its key in one of its characters, so that no code is ever tried with one key after another, and
none that an old key made is taken for a place that a new one names. With two lengths of codes, eleven ids fit in a
character: a key a year lasts ten years.

Which key makes a code is for the log to say, not for the moment: a reaction that asked for the newest would give
another code when it is replayed after a rotation. Whoever emits an issue writes the key's id into it.
"""

from __future__ import annotations

import msgspec

from actors.coupon.permutation import SECRET_BYTES

KEYS_MAX = 11


class CodeKey(msgspec.Struct, frozen=True):
    """One secret. `id` is below KEYS_MAX."""

    id: int
    secret: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.id < KEYS_MAX:
            raise ValueError(f"the id of a key is 0 to {KEYS_MAX - 1}")
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"a secret has {SECRET_BYTES} bytes")

    def __repr__(self) -> str:
        return f"CodeKey(id={self.id}, secret=…)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("id", self.id)]


class CodeKeys(msgspec.Struct, frozen=True):
    """Oldest first, at least one."""

    keys: tuple[CodeKey, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= KEYS_MAX:
            raise ValueError(f"{len(self.keys)} keys; at least 1, at most {KEYS_MAX}")
        if len({key.id for key in self.keys}) < len(self.keys):
            raise ValueError("two keys have the same id")

    @property
    def newest(self) -> CodeKey:
        return self.keys[-1]

    def of(self, id: int) -> CodeKey | None:
        """O(keys)."""
        return next((key for key in self.keys if key.id == id), None)


KNOWN_TO_ALL = CodeKeys((CodeKey(0, bytes(SECRET_BYTES)),))
"""For tests and for tools that make no codes: whoever reads this can forge what it makes."""
