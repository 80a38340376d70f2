"""The words of the profile domain: what it hears and what it says.

What it says names facts and never holds their values. Effects go to whoever binds a queue, are kept where nobody binds
one, and cannot be called back; a birthday told so could never be forgotten again. For the same reason there are no
records: those are for ever. Who may know a value asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import msgspec

UPDATE = "user.profile"

CHANGES_MAX = 50
"""Facts of one update."""
CHANGES_BYTES_MAX = 16 * 1024
"""Of one update: names and values as JSON."""
NAME_BYTES_MAX = 64
VALUE_BYTES_MAX = 2 * 1024
"""Of one value as JSON, whatever it is."""

RefusalCode = Literal["profile_full"]

_value = msgspec.json.Decoder()


class ProfileUpdate(msgspec.Struct, frozen=True, gc=False):
    """The message `user_profile_update`: what is now so of a user. A fact that is null is to be forgotten, one that is
    not named stays. Fields we do not know (`confidence_score`) stay in the entry's bytes.
    """

    event_type: str
    user_id: str
    profile_changes: dict[str, msgspec.Raw]
    update_timestamp: str | None = None

    def changes(self) -> Mapping[str, Any]:
        """Name -> value, None where it is to be forgotten. `zone`, `birthday` and `locale` are strings that known.py
        has passed.
        """
        return {name: _value.decode(value) for name, value in self.profile_changes.items()}


class ProfileUpdated(msgspec.Struct, frozen=True, gc=False):
    """`profile.updated`: these facts are other than before, or forgotten."""

    changed: tuple[str, ...]

    schema_version: ClassVar[int] = 1


class ProfileRefused(msgspec.Struct, frozen=True, gc=False):
    """`profile.refused`: these facts were not taken, since the profile has no room; the update's others were."""

    refused: tuple[str, ...]
    code: RefusalCode
    detail: str

    schema_version: ClassVar[int] = 1
