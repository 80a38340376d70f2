"""The facts of one user: name -> value, each with the place of the entry that last changed it.

The last one in the log wins, fact by fact. The sender's clock decides nothing: two programs with two clocks would
else undo each other without end, and nobody could tell from the log what must hold.

A value is kept as the JSON text that came, so that what is exported is what was said, to the last digit. Whether
something changed is judged by what it means: spaces and the order of keys change nothing.

A profile has bounds of its own, since each update has but no sender counts what others sent. What finds no room is
refused by name and the rest is taken. The three facts that rules lean on always have room: no flood of preferences may
keep a user's zone from being known. What is forgotten leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.profile.known import KNOWN
from actors.profile.messages import NAME_BYTES_MAX, VALUE_BYTES_MAX

FORMAT = 1
"""Of the stored state."""
FACTS_MAX = 200
"""Of a profile, besides the known ones."""
FACTS_BYTES_MAX = 64 * 1024
"""Of their names and values."""

NULL = "null"

_decode = msgspec.json.Decoder().decode
_sorted_json = msgspec.json.Encoder(order="deterministic").encode


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`value` is JSON. (epoch, offset) is the place of the entry that last changed it, `at` that entry's time in ms."""

    value: str
    epoch: int
    offset: int
    at: int


class Profile(msgspec.Struct, array_like=True):
    """The state of one user."""

    format: int = FORMAT
    facts: dict[str, Fact] = {}


class Applied(msgspec.Struct, frozen=True):
    """What became of an update: names that are other than before or gone, and names that found no room."""

    changed: tuple[str, ...]
    refused: tuple[str, ...]


def apply(profile: Profile, changes: Mapping[str, str], epoch: int, offset: int, at: int) -> Applied:
    """Make `changes` (name -> JSON, `null` forgets) so, in place. O(changes x facts).

    What is forgotten makes room first, wherever it stands in the update.
    """
    facts = profile.facts
    changed: list[str] = []
    refused: list[str] = []
    for name, value in sorted(changes.items(), key=lambda change: change[1] != NULL):
        before = facts.get(name)
        if value == NULL:
            if before is None:
                continue
            del facts[name]
        elif before is not None and same(before.value, value):
            continue
        elif not _has_room(facts, name, value):
            refused.append(name)
            continue
        else:
            facts[name] = Fact(value, epoch, offset, at)
        changed.append(name)
    return Applied(tuple(changed), tuple(refused))


def same(one: str, other: str) -> bool:
    """Whether two JSON texts say the same; 1 and 1.0 do not, since their sender may mean something by it."""
    return one == other or _sorted_json(_decode(one)) == _sorted_json(_decode(other))


def check(profile: Profile) -> None:
    """Raises AssertionError unless every value is a JSON that may stand there, within the limits."""
    assert profile.format == FORMAT
    for name, fact in profile.facts.items():
        assert 1 <= len(name.encode()) <= NAME_BYTES_MAX, name
        assert len(fact.value.encode()) <= VALUE_BYTES_MAX, name
        value = _decode(fact.value)
        assert value is not None, name
        known = KNOWN.get(name)
        assert known is None or (isinstance(value, str) and known.fits(value)), name
    number, nbytes = _taken(profile.facts)
    assert number <= FACTS_MAX
    assert nbytes <= FACTS_BYTES_MAX


def _has_room(facts: Mapping[str, Fact], name: str, value: str) -> bool:
    if name in KNOWN:
        return True
    number, nbytes = _taken(facts, but=name)
    return number < FACTS_MAX and nbytes + _nbytes(name, value) <= FACTS_BYTES_MAX


def _taken(facts: Mapping[str, Fact], but: str = "") -> tuple[int, int]:
    """(number, bytes) of what counts against the limits, `but` that one."""
    counted = [_nbytes(name, fact.value) for name, fact in facts.items() if name not in KNOWN and name != but]
    return len(counted), sum(counted)


def _nbytes(name: str, value: str) -> int:
    return len(name.encode()) + len(value.encode())
