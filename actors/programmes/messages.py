"""What is said to and by the domain of programmes.

`programme.put` is no message that other programs may send: only our own HTTP door makes one, after it has read the
rules and knows who asks.
"""

from __future__ import annotations

import msgspec

PUT = "programme.put"
SPREAD = "programme.spread"
ACTIVATED = "programme.activated"
CHANGED = "programme.changed"
NAME = "programmes"
"""Of the domain."""


def subject_of(name: str) -> str:
    """Whom an entry about the programme `name` is about: a name with a colon is a subject itself.

    >>> subject_of("points"), subject_of("template:T1")
    ('programme:points', 'template:T1')
    """
    return name if ":" in name else f"programme:{name}"


class PutProgramme(msgspec.Struct, frozen=True):
    """Make `body` the active version of `name`, if `if_match` is the present one (empty: there is none yet).

    `version` is the hash of `body`, which is in canonical form: the same rules are the same version. `by`: who asks.
    """

    name: str
    version: str
    body: str
    if_match: str = ""
    by: str = ""


class SpreadProgramme(msgspec.Struct, frozen=True):
    """Go on telling the segments from `first` on of version `number`; `index` rises over continuations."""

    name: str
    number: int
    first: int
    index: int


class ProgrammeActivated(msgspec.Struct, frozen=True):
    """To each segment: from here on in its log, `name` is this version. `number` rises by one with every change; a
    segment may hear of some only.
    """

    name: str
    number: int
    version: str
    body: str


class ProgrammeTold(msgspec.Struct, frozen=True):
    """To the subject that `name` is, where it is one: version `number` is active. For who keeps its books."""

    name: str
    number: int
    version: str
    body: str


class ProgrammeChanged(msgspec.Struct, frozen=True):
    """A line of the programme's history: who changed it from what to what. The time is the entry's."""

    by: str
    number: int
    old_version: str
    new_version: str
    at: int
    body: str


class PutAnswer(msgspec.Struct, frozen=True):
    """The reply: the version that is active now. `code` empty: it is the one that was put; `changed`: by this put.
    `precondition_failed`: another was active than the sender thought, and still is.
    """

    number: int
    version: str
    changed: bool = False
    code: str = ""
