"""What all users of a segment share: which templates of messages were put, and what each of them says;
and what is stopped.

It is an entry's matter what counts: a message is made by the version that the log has switched on before the entry that
sends it, in a replay too. Only what is active can be sent, so only of that is kept what it says.
"""

from __future__ import annotations

import msgspec

from actors.notification.listing import FAMILY
from actors.programmes.messages import ProgrammeActivated
from actors.stops.switches import Switches

FORMAT = 1
BYTES_MAX = 768 * 1024
"""Of all templates together, as they are stored; some 500 of usual length."""

_encode = msgspec.msgpack.Encoder().encode


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A template as its segment has last heard of it. `body`: its JSON, empty unless it is active."""

    number: int
    status: str
    version: str
    body: str = ""


class Directory(msgspec.Struct, array_like=True):
    format: int = FORMAT
    templates: dict[str, Listed] = {}
    stops: Switches = Switches()


def full(directory: Directory) -> bool:
    """Whether there is no room for another template; a door then takes none. O(templates)."""
    return len(_encode(directory)) > BYTES_MAX


def enter(directory: Directory, template: str, listed: Listed) -> None:
    """Write a version down. What no door should have let in, into a directory that is full, is not written down."""
    if template not in directory.templates and full(directory):
        return
    directory.templates[template] = listed


def told(directory: Directory, said: ProgrammeActivated) -> None:
    """The segment hears of a version of some programme; of a template of messages it is written down, in place."""
    template = FAMILY.id_of(said.name)
    before = directory.templates.get(template)
    if not template or (before is not None and before.number >= said.number):
        return
    status, body = FAMILY.read(said.body)
    enter(directory, template, Listed(said.number, status, said.version, body if status == "active" else ""))


def check(directory: Directory) -> None:
    """Raise AssertionError unless what is active, and that alone, says something."""
    for id, listed in directory.templates.items():
        assert listed.number > 0 and bool(listed.body) == (listed.status == "active"), f"{id}: {listed.status}"
