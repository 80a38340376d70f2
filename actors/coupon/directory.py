"""What all subjects of a segment share: which templates there are, by id, by public code and by activity.

A public code is one template's that is not closed: the door takes no second one. But it asks what segments have heard,
and a version whose news was still under way when the process died is not seen there. So two templates may come with one
code, in another order in each segment. Which of them has it follows from what they are and not from who came first: one
that was switched on before a draft, else the smaller id. Once all segments have heard of both they agree, and the door
then does not let the other be switched on.
"""

from __future__ import annotations

import msgspec

TEMPLATES_MAX = 10_000
BYTES_MAX = 768 * 1024
"""Of a directory as it is stored; 1,500 templates of the longest names there are."""

_encode = msgspec.msgpack.Encoder().encode


class Listed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A template as its segment has last heard of it. `public_code` is IMPORTED where the shop brings codes."""

    number: int
    status: str
    public_code: str = ""
    activity_id: str = ""


class Directory(msgspec.Struct, array_like=True):
    format: int = 1
    templates: dict[str, Listed] = {}
    codes: dict[str, str] = {}
    """Public code in normal form -> template. IMPORTED is there when any template takes imported codes."""
    activities: dict[str, str] = {}


def full(directory: Directory) -> bool:
    """Whether there is no room for another template; a door then takes no new ones. O(templates)."""
    return len(directory.templates) >= TEMPLATES_MAX or len(_encode(directory)) > BYTES_MAX


def enter(directory: Directory, template: str, listed: Listed) -> None:
    """Write the template down, in the place of what was known of it. Who has a code or an activity keeps it, when
    closed too, for what was issued by it; but another that is not closed may have it then. What no door should have let
    in, into a directory that is full, is not written down: such a template is known by its id alone. O(templates)
    """
    before = directory.templates.get(template)
    if before is None and full(directory):
        return
    directory.templates[template] = listed
    for code in dict.fromkeys((before.public_code if before else "", listed.public_code)):
        _settle(directory, code, template)
    if before is not None and directory.activities.get(before.activity_id) == template:
        del directory.activities[before.activity_id]
    holder = directory.templates.get(directory.activities.get(listed.activity_id, ""))
    if listed.activity_id and (holder is None or holder.status == "closed"):
        directory.activities[listed.activity_id] = template


def _settle(directory: Directory, code: str, template: str) -> None:
    """Say anew whose the public code is, which `template` has now or had."""
    if not code:
        return
    named = [id for id, listed in directory.templates.items() if listed.public_code == code]
    living = [id for id in named if directory.templates[id].status != "closed"]
    if living:
        directory.codes[code] = min(living, key=lambda id: (directory.templates[id].status == "draft", id))
    elif directory.codes.get(code) not in named:
        directory.codes.pop(code, None)
        if template in named:
            directory.codes[code] = template
