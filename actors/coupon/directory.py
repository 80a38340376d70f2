"""What all subjects of a segment share: which templates there are, by id, by public code and by activity."""

from __future__ import annotations

import msgspec

TEMPLATES_MAX = 10_000


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


def enter(directory: Directory, template: str, listed: Listed) -> None:
    """Write the template down, in the place of what was known of it. Who has a code or an activity keeps it; a closed
    template keeps its code until another takes it, since what was issued is used, released and rolled back by it.
    """
    before = directory.templates.get(template)
    if before is not None:
        _forget(directory.codes, before.public_code, template)
        _forget(directory.activities, before.activity_id, template)
    directory.templates[template] = listed
    if listed.status == "closed":
        _name(directory.codes, listed.public_code, template)
        return
    _take_over(directory, listed.public_code)
    _name(directory.codes, listed.public_code, template)
    _name(directory.activities, listed.activity_id, template)


def _take_over(directory: Directory, code: str) -> None:
    """From a closed template."""
    holder = directory.templates.get(directory.codes.get(code, ""))
    if holder is not None and holder.status == "closed":
        del directory.codes[code]


def _name(index: dict[str, str], name: str, template: str) -> None:
    if name:
        index.setdefault(name, template)


def _forget(index: dict[str, str], name: str, template: str) -> None:
    if index.get(name) == template:
        del index[name]
