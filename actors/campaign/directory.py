"""What all users of a segment share: which campaigns there are, and what each of them says.

It is an entry's matter what counts: a reaction sees the directory as the log had it at the entry's place. Versions that
somebody may still be under way on are kept beside the newest, as many as fit. Where a run stands is a number in its own
version, so whoever is under way on one that was dropped is at no step of the newest: his run ends, as `no_such_step`.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Any

import msgspec

from actors.stops.switches import Switches

FORMAT = 2
"""Of what is stored. Format 1 knew of no stops."""
BYTES_MAX = 768 * 1024
"""Of all campaigns together, as they are stored; some 500 of usual length."""
VERSIONS_MAX = 4
"""Of one campaign, the newest."""
STAMP_BYTES = 8
TAGGED_MAX = 20
"""Templates of coupons that one action issues."""
ON_REQUEST = ("points", "coupons")
"""Most entries are about these, and few campaigns ask for either."""

_encode = msgspec.msgpack.Encoder().encode


class Listed(msgspec.Struct, array_like=True, gc=False):
    """A campaign as its segment has last heard of it. `bodies`: JSON by version, the newest last."""

    number: int
    status: str
    version: str
    bodies: dict[str, str]


class Directory(msgspec.Struct, array_like=True):
    """`tagged`: the tags of the templates of coupons that are active. `stamp` names the content. `asked`: what
    campaigns ask of users that is followed only while they do (ON_REQUEST), since which entry.
    """

    format: int = FORMAT
    campaigns: dict[str, Listed] = {}
    tagged: dict[str, tuple[str, ...]] = {}
    stamp: str = ""
    asked: dict[str, int] = {}
    stops: Switches = Switches()


def upgrade(fields: list[Any]) -> Directory:
    """The directory whose fields, as they were stored, are `fields`."""
    return msgspec.convert([FORMAT, *fields[1:]], Directory)


def full(directory: Directory) -> bool:
    """Whether there is no room for another campaign; a door then takes no new ones. O(campaigns)."""
    return len(_encode(directory)) > BYTES_MAX


def enter(directory: Directory, campaign: str, number: int, status: str, version: str, body: str) -> None:
    """Write down a version. What no door should have let in, into a directory that is full, is not written down."""
    before = directory.campaigns.get(campaign)
    if before is None and full(directory):
        return
    bodies = dict(before.bodies) if before else {}
    bodies.pop(version, None)
    bodies[version] = body
    if status == "archived":  # who was under way on an older one stops
        bodies = {version: body}
    while len(bodies) > VERSIONS_MAX:
        del bodies[next(iter(bodies))]
    directory.campaigns[campaign] = Listed(number, status, version, bodies)
    while full(directory) and len(bodies) > 1:
        del bodies[next(iter(bodies))]
    _stamp(directory)


def ask(directory: Directory, names: Collection[str], offset: int) -> None:
    """From the entry at `offset` on, campaigns ask for `names`."""
    directory.asked = {name: directory.asked.get(name, offset) for name in ON_REQUEST if name in names}


def tag(directory: Directory, template: str, tags: tuple[str, ...]) -> None:
    """A template of coupons is active with these tags, or with none."""
    if tags and not full(directory):
        directory.tagged[template] = tags
    else:
        directory.tagged.pop(template, None)
    _stamp(directory)


def with_tag(directory: Directory, wanted: str) -> list[str]:
    """The templates of coupons that bear the tag, in order, the first TAGGED_MAX."""
    return sorted(template for template, tags in directory.tagged.items() if wanted in tags)[:TAGGED_MAX]


def _stamp(directory: Directory) -> None:
    listed = sorted(directory.campaigns.items())
    names = [(id, one.version, one.status, one.number, list(one.bodies)) for id, one in listed]
    directory.stamp = blake2b(_encode((names, sorted(directory.tagged.items()))), digest_size=STAMP_BYTES).hexdigest()
