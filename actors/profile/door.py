"""What `user_profile_update` must look like to be taken, and the sentence that says so when it does not.

Whoever sends an update is told at once what cannot be: a zone that is none would else be found out at somebody's
midnight. Values that no rule reads are bounded and not looked into. An update's id is known for a day like others, not
for a week like money's: ids are few and money needs them; a resend later than that is said anew and wins again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from actors import mistakes
from actors.commands import NOT_JSON, Command, CommandSpec, Refusal, refusal
from actors.fields import rfc3339_ms, text_code
from actors.points.messages import USER_ID_BYTES_MAX
from actors.profile.known import KNOWN
from actors.profile.messages import (
    CHANGES_BYTES_MAX,
    CHANGES_MAX,
    NAME_BYTES_MAX,
    UPDATE,
    VALUE_BYTES_MAX,
    ProfileUpdate,
)

CHANGES = "profile_changes"

RULES: Mapping[str, str] = {
    "event_type": "the string user_profile_update",
    "user_id": f"a string of 1 to {USER_ID_BYTES_MAX} bytes of UTF-8 without control characters",
    CHANGES: (
        f"an object of 1 to {CHANGES_MAX} facts and at most {CHANGES_BYTES_MAX} bytes, each name "
        f"1 to {NAME_BYTES_MAX} bytes of UTF-8 without control characters"
    ),
    **{f"{CHANGES}.{name}": known.rule for name, known in KNOWN.items()},
    "update_timestamp": "absent, null or an RFC 3339 time with its offset from UTC, such as 2025-09-20T14:30:00Z",
}
"""What each field must be; the whole contract, and the text of each refusal."""
VALUE_RULE = f"any JSON of at most {VALUE_BYTES_MAX} bytes, null to be forgotten"
"""Of every other fact."""

_update = msgspec.json.Decoder(ProfileUpdate)
_value = msgspec.json.Decoder()


def decode(raw: bytes, decoded: Mapping[str, Any]) -> Command | Refusal:
    """What to do with the message `raw`, which is known to be the JSON object `decoded`."""
    try:
        update = _update.decode(raw)
    except msgspec.ValidationError as error:
        return mistakes.by_rules(error, ProfileUpdate, RULES)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return NOT_JSON
    if code := text_code(update.user_id, USER_ID_BYTES_MAX):
        return refusal(RULES, code, "user_id")
    if refused := _changes_refusal(update.profile_changes):
        return refused
    occurred_at = 0
    if update.update_timestamp is not None:
        sent = rfc3339_ms(update.update_timestamp)
        if sent is None:
            return refusal(RULES, "not_rfc3339", "update_timestamp")
        occurred_at = sent
    return Command(UPDATE, f"user:{update.user_id}", occurred_at)


def _changes_refusal(changes: Mapping[str, msgspec.Raw]) -> Refusal | None:
    if not changes:
        return refusal(RULES, "empty", CHANGES)
    if len(changes) > CHANGES_MAX:
        return refusal(RULES, "too_many", CHANGES)
    nbytes = 0
    for name, raw in changes.items():
        if code := text_code(name, NAME_BYTES_MAX):
            return refusal(RULES, code, CHANGES)
        value = bytes(raw)
        if refused := _value_refusal(name, value):
            return refused
        nbytes += len(name.encode()) + len(value)
    return refusal(RULES, "too_long", CHANGES) if nbytes > CHANGES_BYTES_MAX else None


def _value_refusal(name: str, value: bytes) -> Refusal | None:
    if len(value) > VALUE_BYTES_MAX:
        field = f"{CHANGES}.{name}"
        return Refusal("too_long", field, f"{field} must be {VALUE_RULE}")
    known = KNOWN.get(name)
    if known is None or value == b"null":
        return None
    said = _value.decode(value)
    if not isinstance(said, str):
        return refusal(RULES, "wrong_type", f"{CHANGES}.{name}")
    return None if known.fits(said) else refusal(RULES, known.code, f"{CHANGES}.{name}")


PROFILE_UPDATE = CommandSpec(
    event_type="user_profile_update",
    kind=UPDATE,
    exchange="marketing.behavior.events",
    routing_keys=("behavior.profile.update",),
    decode=decode,
)
