"""What all subjects of a segment share: which templates there are, by id, by public code and by activity."""

from __future__ import annotations

import msgspec

TEMPLATES_MAX = 10_000
BYTES_MAX = 768 * 1024
"""Of a directory as it is stored; 1,500 templates of the longest names there are."""

_encode = msgspec.msgpack.Encoder().encode


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A template as its segment has last heard of it."""

    number: int
    status: str
    public_code: str = ""
    activity_id: str = ""


class Directory(msgspec.Struct, array_like=True):
    format: int = 1
    templates: dict[str, Listed] = {}
    codes: dict[str, str] = {}
    """Public code in normal form -> template."""
    activities: dict[str, str] = {}


def full(directory: Directory) -> bool:
    """Whether there is no room for another template; a door then takes no new ones. O(templates)."""
    return len(directory.templates) >= TEMPLATES_MAX or len(_encode(directory)) > BYTES_MAX


def enter(directory: Directory, template: str, listed: Listed) -> None:
    """Write the template down, in the place of what was known of it. Who has a code or an activity keeps it, when
    closed too, for what was issued by it; but another that comes then may have it. What no door should have let in,
    into a directory that is full, is not written down: such a template is known by its id alone.
    """
    before = directory.templates.get(template)
    if before is not None:
        _forget(directory.codes, before.public_code, template)
        _forget(directory.activities, before.activity_id, template)
    elif full(directory):
        return
    directory.templates[template] = listed
    _name(directory, directory.codes, listed.public_code, template)
    _name(directory, directory.activities, listed.activity_id, template)


def _name(directory: Directory, index: dict[str, str], name: str, template: str) -> None:
    holder = directory.templates.get(index.get(name, ""))
    if name and (holder is None or holder.status == "closed"):
        index[name] = template


def _forget(index: dict[str, str], name: str, template: str) -> None:
    if index.get(name) == template:
        del index[name]
