"""A trace that says each step aloud: for people who look at one world. Its digest is the silent one's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from supervision.trace import Trace

FIELDS_CHARS_MAX = 100


class SpokenTrace(Trace):
    """`say(line)` is called with each step and each note, with the virtual time and no address of memory in it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        self.now_s: Callable[[], float] = lambda: 0.0

    def add(self, actor: str, message: object) -> None:
        super().add(actor, message)
        self._say(f"{self.steps:6} {self.now_s():13.4f} s  {actor:28} {type(message).__name__} {_plain(message)}")

    def note(self, text: str) -> None:
        super().note(text)
        self._say(f"{self.steps:6} {self.now_s():13.4f} s  {text}")


def _plain(message: Any) -> str:
    """Those fields that are words or numbers."""
    if not isinstance(message, msgspec.Struct):
        return ""
    fields = ((name, getattr(message, name)) for name in message.__struct_fields__)
    said = " ".join(f"{name}={value!a}" for name, value in fields if isinstance(value, int | str | float) and value)
    return said[:FIELDS_CHARS_MAX]
