"""From one moment to all users: a campaign that is due for everybody goes from a segment's own timer to its users, page
by page.

Each segment has its own timer for each schedule, so no moment is decided in one place for all. What is due then goes
out in pages of the bulk lane (supervision/bulk.py): check-outs go first, however many users there are.

The same way goes the news of a campaign whose time is each user's own (a birthday), since users who do nothing would
else never hear of it; and the word that something is stopped no longer, to those who wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from actors import everyone
from actors.campaign.campaign import AbsentFor, Before, Birthday, Schedule, Trigger
from actors.campaign.directory import Directory, Listed
from actors.campaign.index import Active, active
from actors.campaign.schedule import due, times
from actors.everyone import SUBJECTS, USERS, USERS_HELD
from supervision.domain import Event, TimerDue
from supervision.outputs import Arm, Cancel, Emit, Output

CRON = "cron:"
"""Before a campaign's id: the key of the timer for its next occurrence."""
PAGE = "page:"
DUE = "campaign.due"
EVERY = ""
"""In the place of a campaign's id: runs of all campaigns that a stop has held, and that may go on."""


class Pages(msgspec.Struct, frozen=True):
    """How many users a page tells at most, and one amid ordinary traffic."""

    users: int = USERS
    held: int = USERS_HELD


class Waits(msgspec.Struct, frozen=True, gc=False):
    """Of a cron's timer: occurrences up to `last` have been dealt with."""

    last: int


class Page(msgspec.Struct, frozen=True, gc=False):
    """Of a page's timer: the users after `after`. `occurrence` 0: look when it is due for each. See EVERY."""

    campaign: str
    occurrence: int
    after: str


class CampaignDue(msgspec.Struct, frozen=True, gc=False):
    """`campaign.due`, inward, to a user. `campaign` may be EVERY."""

    campaign: str
    occurrence: int


_waits = msgspec.json.Decoder(Waits).decode
_page = msgspec.json.Decoder(Page).decode
_json = msgspec.json.Encoder().encode


def told(directory: Directory, campaign: str, event: Event, before: Listed | None = None) -> Iterator[Output]:
    """The segment has heard of a version of the campaign; `before` is what it knew of it. A schedule that goes on keeps
    its timer: an occurrence may be on its way, and would be nobody's if the timer were set anew.
    """
    one, trigger = _open(campaign, directory.campaigns.get(campaign))
    if one is None or not isinstance(trigger, Schedule):
        yield Cancel(f"{CRON}{campaign}")
    elif not _same_times(one, trigger, *_open(campaign, before)):
        yield from _next(one, trigger, event.at, event.at)
    if isinstance(trigger, Birthday | Before | AbsentFor):
        yield _page_of(Page(campaign, 0, SUBJECTS), event.at)


def _open(campaign: str, listed: Listed | None) -> tuple[Active | None, Trigger | None]:
    """What is active of it, and its trigger."""
    if listed is None or listed.status != "active":
        return None, None
    one = active(campaign, listed.version, listed.bodies[listed.version])
    return one, one.compiled.campaign.trigger


def _same_times(one: Active, trigger: Schedule, other: Active | None, before: Trigger | None) -> bool:
    zones = (one.compiled.campaign.zone, other.compiled.campaign.zone if other else None)
    return isinstance(before, Schedule) and before.cron == trigger.cron and zones[0] == zones[1]


def go_on(at: int) -> Output:
    """Something is stopped no longer: whoever waits for it is told."""
    return _page_of(Page(EVERY, 0, SUBJECTS), at)


def fired(directory: Directory, event: Event, fired: TimerDue) -> Iterator[Output]:
    """A timer of the segment."""
    if fired.key.startswith(PAGE):
        yield from _sent(directory, event, fired)
        return
    campaign = fired.key.removeprefix(CRON)
    listed = directory.campaigns[campaign]
    one = active(campaign, listed.version, listed.bodies[listed.version])
    trigger = one.compiled.campaign.trigger
    if not isinstance(trigger, Schedule) or listed.status != "active":
        return
    last = _waits(fired.body).last
    found = due(times(trigger.cron, one.compiled.campaign.zone), last, event.at, trigger.catch_up)
    if found.now is not None:
        yield _page_of(Page(campaign, found.now, SUBJECTS), event.at)
    yield from _next(one, trigger, event.at, max(last, fired.due))


def _next(one: Active, trigger: Schedule, at: int, last: int) -> Iterator[Output]:
    occurrence = times(trigger.cron, one.compiled.campaign.zone).after(at)
    if occurrence is not None:
        yield Arm(f"{CRON}{one.id}", occurrence, body=_json(Waits(last)))


def page(event: Event, pages: Pages) -> tuple[str, int] | None:
    """What `Domain.page` asks."""
    body = event.body
    if not isinstance(body, TimerDue) or not body.key.startswith(PAGE):
        return None
    return _page(body.body).after, pages.held if body.held else pages.users


def _sent(directory: Directory, event: Event, fired: TimerDue) -> Iterator[Output]:
    asked = _page(fired.body)
    listed = directory.campaigns.get(asked.campaign)
    if asked.campaign != EVERY and (listed is None or listed.status != "active"):
        return
    for subject in everyone.users_of(event.page):
        yield Emit(DUE, CampaignDue(asked.campaign, asked.occurrence), subject=subject, same_depth=True)
    if (after := everyone.next_after(event.page)) is not None:
        yield _page_of(msgspec.structs.replace(asked, after=after), event.at)


def _page_of(asked: Page, at: int) -> Arm:
    return Arm(f"{PAGE}{asked.campaign}:{asked.occurrence}", at, body=_json(asked), lane="bulk")
