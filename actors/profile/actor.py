"""The actor of the profile domain: updates in, facts kept, names of what changed out.

An update that changes nothing says nothing, whether it is a resend or an opinion that came to the same. A poisonous
one parks its user, though no money is at stake: were the next one folded before it, a later retry would put an older
value over a newer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from actors.profile import facts
from actors.profile.facts import FACTS_BYTES_MAX, FACTS_MAX, FORMAT, Profile
from actors.profile.messages import UPDATE, ProfileRefused, ProfileUpdate, ProfileUpdated
from supervision.domain import Domain, Event
from supervision.outputs import Emit, Output

UPDATED = "profile.updated"
REFUSED = "profile.refused"
FULL = f"a profile holds {FACTS_MAX} facts in {FACTS_BYTES_MAX} bytes besides zone, birthday and locale"


class ProfileActor(Domain[Profile]):
    """Folds updates into profiles; see facts.py for what wins."""

    name: ClassVar[str] = "profile"
    reacts_to: ClassVar[Mapping[str, Any]] = {UPDATE: ProfileUpdate}
    state_type = Profile
    format = FORMAT
    parks = "subject"

    def fresh(self, subject: str) -> Profile:
        return Profile()

    def react(self, state: Profile, event: Event) -> Iterator[Output]:
        update: ProfileUpdate = event.body
        changes = {name: bytes(value).decode() for name, value in update.profile_changes.items()}
        applied = facts.apply(state, changes, event.entry.epoch, event.entry.offset, event.at)
        if applied.changed:
            yield Emit(UPDATED, ProfileUpdated(applied.changed), route=UPDATED)
        if applied.refused:
            yield Emit(REFUSED, ProfileRefused(applied.refused, "profile_full", FULL), route=REFUSED)

    def check(self, state: Profile) -> None:
        facts.check(state)
