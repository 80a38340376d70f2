"""How a domain's states are begun, read, checked and written: one form for its subjects, one for what a segment shares,
one for the parts of a segment.

What concerns all subjects of a segment in a domain (the version of a rule that is active) is the state of one more
subject, `segment:NN` itself. It is changed by entries about that subject and by nothing else, is loaded, staged, parked
and asked for like any other, and goes with each event of the domain as the log had it at that event's place: a new
rule is for exactly the entries behind it, whatever batches, crashes and retries lie between. It is no subject in a
page of subjects.

What many subjects draw from (a segment's slice of a template's stock) is the state of a part of the segment,
`segment:NN/template:T`. It has entries of its own, and it accompanies others: a reaction to an entry about a user may
change one part of the user's segment too, in the same stage. That is as safe as changing its own: both are folded by
one cell, in the order of one log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec

from supervision.domain import Domain
from supervision.entry import segment_subject

S = TypeVar("S")
STATE_BYTES_MAX = 1024 * 1024
"""One subject's encoded state in one domain."""

_encode = msgspec.msgpack.Encoder().encode
_fields = msgspec.msgpack.Decoder(list[Any]).decode


LONG_ARRAY = b"\xdc"
"""First byte of a msgpack array of 16 fields and more; two bytes of length follow it."""


@cache
def _decoder(type_: Any) -> msgspec.msgpack.Decoder[Any]:
    """Of a type's states. It holds nothing of who asks, and each incarnation would make one for each of its types."""
    return msgspec.msgpack.Decoder(type_)


def starts_with(data: bytes, format: int) -> bool:
    """Whether the array `data` begins with the small number `format`: cheaper than decoding it to see. False may also
    mean that it cannot be told so cheaply.
    """
    at = 3 if data[:1] == LONG_ARRAY else 1
    return len(data) > at and data[at] == format


def thawing(type_: type[S], format: int, upgrade: Callable[[list[Any]], S]) -> Callable[[bytes], S]:
    """Who reads states of `type_` from their bytes, of whatever format: here and for queries. What it makes raises
    ValueError (msgspec's, or `upgrade`'s) for what is none.
    """
    decode = _decoder(type_).decode

    def thaw(data: bytes) -> S:
        if not starts_with(data, format) and (fields := _fields(data))[0] != format:
            return upgrade(fields)
        return decode(data)

    return thaw


class Form:
    """Of states of one type. Its methods raise whatever the domain's do."""

    def __init__(
        self,
        type_: Any,
        format: int,
        fresh: Callable[[str], Any],
        upgrade: Callable[[list[Any]], Any],
        check: Callable[[Any], None],
    ) -> None:
        self.fresh = fresh
        self.thaw = thawing(type_, format, upgrade)
        self._check = check

    def freeze(self, state: Any, checks: bool) -> bytes:
        """The state's bytes; with `checks` only of one that the domain can have made."""
        if checks:
            self._check(state)
        data = _encode(state)
        if len(data) > STATE_BYTES_MAX:
            raise ValueError(f"a state of {len(data)} bytes, limit {STATE_BYTES_MAX}")
        return data


class Forms:
    """Of `domain` in `segment`. `shared_subject` is empty where nothing is shared."""

    def __init__(self, domain: Domain[Any], segment: int) -> None:
        self.shared_subject = segment_subject(segment) if domain.shared_type else ""
        self._subjects = self._shared = self._companions = None
        self._parts = f"{segment_subject(segment)}/"
        if domain.state_type:
            self._subjects = Form(domain.state_type, domain.format, domain.fresh, domain.upgrade, domain.check)
        if domain.shared_type:
            self._shared = Form(
                domain.shared_type, domain.shared_format, lambda _: domain.fresh_shared(), domain.upgrade_shared,
                domain.check_shared,
            )  # fmt: skip

        if domain.companion_type:
            self._companions = Form(
                domain.companion_type, domain.companion_format, domain.fresh_companion, domain.upgrade_companion,
                domain.check_companion,
            )  # fmt: skip

    def is_companion(self, subject: str) -> bool:
        return self._companions is not None and subject.startswith(self._parts)

    def of(self, subject: str) -> Form | None:
        """None: the domain keeps no state of it."""
        if self.is_companion(subject):
            return self._companions
        return self._shared if self._shared and subject == self.shared_subject else self._subjects

    def wanted(self, subjects: list[str]) -> list[str]:
        """Whose states an event about each of `subjects` needs, each once."""
        wanted: dict[str, None] = dict.fromkeys(subjects) if self._subjects else {}
        if self.shared_subject and subjects:
            wanted[self.shared_subject] = None
        return list(wanted)


def copy_of(state: Any) -> bytes:
    """What the state is now, to be compared or put back later; it may be one that could not be written."""
    return _encode(state)
