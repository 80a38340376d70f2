"""The actor of the campaign domain: what users do, and what other domains say of them, moves them through campaigns.

By which campaigns: those that the segment's log says are active at the entry's place. Each entry is worked through in
one order: what is known and counted first, since conditions ask for it; then those who are under way; then who enters.
So an event can let a run go on and start another campaign, and never starts and continues the same run.

A user's entries that cannot be folded park the user here: were the next one folded before it, a purchase that was set
aside would let a reminder through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.behaviour.behaviour import known
from actors.behaviour.messages import SEEN
from actors.behaviour.plausible import judge
from actors.campaign import delayed_check, entering, fanout, heard, knowledge, running, state, tally, timed, totals
from actors.campaign import directory as directories
from actors.campaign.campaign import Schedule
from actors.campaign.delayed_check import CHECK, CheckLater
from actors.campaign.desk import TURN_MS, Desk
from actors.campaign.directory import Directory
from actors.campaign.fanout import CampaignDue
from actors.campaign.heard import FACTS, Heard
from actors.campaign.index import index_of
from actors.campaign.listing import campaign_of, read, ready
from actors.campaign.seed_form import PURCHASE
from actors.campaign.state import Member, Origin
from actors.campaign.totals import Totals
from actors.cart.messages import CartChanged
from actors.coupon import listing as coupons
from actors.money import DEFAULT_CURRENCY
from actors.points.messages import ANSWERED as POINTS_ANSWERED
from actors.profile.messages import UPDATE, ProfileUpdate
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from actors.stops import switches
from supervision.domain import Domain, Event, TimerDue
from supervision.outputs import Arm, Cancel, Output

CART_CHANGED = "cart.changed"
NEXT = "next"
"""Key of the timer for what comes next of all runs."""
TOLD = frozenset(("message.sent", "message.held", "message.suppressed", "notify.refused"))
"""What became of a message; of a campaign's that is counted."""
OTHERS = frozenset((*FACTS, POINTS_ANSWERED))
"""Words of other domains. A behaviour of such a name is a page's claim, and must not pass for one of theirs."""
NOTHING: frozenset[str] = frozenset()
PAGES = fanout.Pages()
ASKED = {"points": "points", "coupon": "coupons"}
"""Of what a fact's first word tells -> what conditions call it."""


class CampaignActor(Domain[Member]):
    """`currency` is the doors'; `pages` are those in which users hear that a campaign is due."""

    name: ClassVar[str] = "campaign"
    reacts_to: ClassVar[Mapping[str, Any]] = {
        SEEN: msgspec.Raw,
        CART_CHANGED: CartChanged,
        UPDATE: ProfileUpdate,
        ACTIVATED: ProgrammeActivated,
        fanout.DUE: CampaignDue,
        CHECK: CheckLater,
        POINTS_ANSWERED: dict[str, Any],
        **dict.fromkeys(FACTS, dict[str, Any]),
    }
    state_type = Member
    format = state.FORMAT
    shared_type = Directory
    shared_format = directories.FORMAT
    companion_type = Totals
    companion_format = totals.FORMAT
    parks = "subject"

    def __init__(self, currency: str = DEFAULT_CURRENCY, pages: fanout.Pages = PAGES) -> None:
        self._currency = currency
        self._pages = pages

    def fresh(self, subject: str) -> Member:
        return Member()

    def fresh_shared(self) -> Directory:
        return Directory()

    def upgrade_shared(self, fields: list[Any]) -> Directory:
        return directories.upgrade(fields)

    def companion(self, state: Any, event: Event) -> str:
        return totals.subject(event.entry.segment)

    def fresh_companion(self, subject: str) -> Totals:
        return Totals()

    def check_companion(self, companion: Any) -> None:
        totals.check(companion)

    def check(self, state: Any) -> None:
        check(state)

    def upgrade(self, fields: list[Any]) -> Member:
        return state.upgrade(fields)

    def concerns(self, event: Event, shared: Directory) -> bool:
        """Points and coupons are what most entries are about, and few campaigns ask for either: of those that nobody
        listens to, nothing is loaded. Whatever answers a campaign is always heard.
        """
        kind, index = event.entry.kind, index_of(shared)
        if kind in TOLD and event.body.get("campaign_id"):
            return True
        if kind not in FACTS or kind in index.names or kind.startswith("tier."):
            return True
        if not index.any:
            return False
        body = event.body
        of = ASKED.get(kind.partition(".")[0], "")
        return of in index.asks or bool(body.get("campaign_id") or body.get("activity_id")) or (
            kind == "coupon.issued" and bool(index.timed)
        )  # fmt: skip

    def react(self, state: Any, event: Event) -> Iterable[Output]:
        if isinstance(state, Member):
            return self._for_user(state, event)
        return _for_segment(state, event)

    def discarded(self, state: Any, event: Event) -> Iterable[Output]:
        """A firing that is forgotten comes again, or a run, an idle cart, a check would stand still for ever; so would
        whom a stop held, were the word that it is lifted forgotten. What a segment is told, and the pages that it
        sends, are not forgotten but carried out. What a user did or what was said of him has not come.
        """
        return _again(state, event) if isinstance(state, Member) else _for_segment(state, event)

    def page(self, event: Event) -> tuple[str, int] | None:
        return fanout.page(event, self._pages)

    def _for_user(self, member: Member, event: Event) -> Iterator[Output]:
        desk = Desk(member, event)
        body = event.body
        member.since = member.since or event.at
        knowledge.renew(member.knows, desk.directory.asked)
        match body:
            case TimerDue():
                _fired(desk, body)
            case CampaignDue():
                _due(desk, body)
            case CheckLater():
                delayed_check.accept(desk, body)
            case _:
                counts = event.companion is not None and event.entry.kind in TOLD  # in a rehearsal facts are made up
                if counts and _counted(desk.directory, body):
                    totals.told(desk.totals, event.entry.kind, body)
                _happened(desk, *self._heard(member, event))
        yield from desk.outputs
        yield from _armed(member)

    def _heard(self, member: Member, event: Event) -> tuple[Heard | None, frozenset[str]]:
        """(the event, what else it says that was not so before)."""
        kind, body, knows = event.entry.kind, event.body, member.knows
        match body:
            case msgspec.Raw():
                seen = known(event.entry.body, self._currency)
                judged = judge(member.session, seen, event.entry.occurred_at, event.at)
                member.session = judged.session
                return (None if seen.type in OTHERS else heard.behaviour(seen, judged.flags)), NOTHING
            case CartChanged():
                knowledge.of_cart(knows, body)
                return None, frozenset(("cart",))
            case ProfileUpdate():
                changed = knowledge.of_profile(knows, body.changes())
                return None, frozenset(("profile",)) if changed else NOTHING
            case _ if kind == POINTS_ANSWERED:
                return Heard(kind, body), NOTHING
            case _:
                ends = frozenset(("ends",)) if knowledge.of_ends(knows, kind, body, event.at) else NOTHING
                return Heard(kind, body), _learned(knows, kind, body) | ends


def _counted(directory: Directory, told: Mapping[str, Any]) -> bool:
    """Whether the message is of a campaign. Those of a delayed check of the same name are nobody's, as its lines."""
    return told.get("campaign_id") in directory.campaigns and told.get("campaign_version") != delayed_check.VERSION


def _learned(knows: knowledge.Knowledge, kind: str, body: Mapping[str, Any]) -> frozenset[str]:
    match kind.partition(".")[0]:
        case "points" if "points" in knows.asked:
            return frozenset(("points",)) if knowledge.of_points(knows, body) else NOTHING
        case "tier" if kind != "tier.will_drop":
            return frozenset(("tier",)) if knowledge.of_tier(knows, body) else NOTHING
        case "coupon" if "coupons" in knows.asked:
            return frozenset(("coupons",)) if knowledge.of_coupon(knows, kind, body) else NOTHING
        case _:
            return NOTHING


def _happened(desk: Desk, said: Heard | None, changed: frozenset[str]) -> None:
    if said is not None:
        if said.name == PURCHASE:
            delayed_check.bought(desk)
        tally.count(desk.member, desk.index, said, desk.at)
        running.came(desk, said)
        entering.watch(desk, said)
        entering.by_event(desk, said)
    if "cart" in changed:
        entering.watch_cart(desk)
    timed.heard(desk, said, changed)
    entering.by_change(desk, said, changed)


def _due(desk: Desk, said: CampaignDue) -> None:
    """A campaign is due for everybody, or has to be looked at by everybody."""
    one = desk.index.active.get(said.campaign)
    if said.campaign == fanout.EVERY:
        running.go_on(desk)
        delayed_check.go_on(desk)
    elif one is not None and said.occurrence and isinstance(one.compiled.campaign.trigger, Schedule):
        entering.enter(desk, one, Origin(said.occurrence, desk.event.entry.offset))
    elif one is not None and not said.occurrence:
        timed.look(desk, one)


def _fired(desk: Desk, due: TimerDue) -> None:
    if due.key == NEXT:
        desk.member.armed = 0
        running.time_is_up(desk)
        timed.time_is_up(desk)
        delayed_check.time_is_up(desk)
    else:
        entering.idle(desk, due.key.removeprefix(entering.IDLE))


def _again(member: Member, event: Event) -> Iterator[Output]:
    """Whatever was due of the user is so still, in a moment."""
    later = event.at + TURN_MS
    match event.body:
        case TimerDue(key=key) if key != NEXT:
            if key.removeprefix(entering.IDLE) in member.watches:
                yield Arm(key, later, absence=True)
            return
        case TimerDue():
            state.put_off(member, event.at, later)
            member.armed = 0
        case CampaignDue(campaign=fanout.EVERY):
            state.look_again(member, later)
        case _:
            return
    yield from _armed(member)


def _armed(member: Member) -> Iterator[Output]:
    due = state.next_due(member)
    if due != member.armed:
        member.armed = due
        yield Arm(NEXT, due) if due else Cancel(NEXT)


def _for_segment(directory: Directory, event: Event) -> Iterator[Output]:
    match event.body:
        case ProgrammeActivated() as said:
            yield from _switched(directory, event, said)
            before = directory.campaigns.get(campaign_of(said.name))
            told(directory, said)
            directories.ask(directory, index_of(directory).asks, event.entry.offset)
            if campaign := campaign_of(said.name):
                yield from fanout.told(directory, campaign, event, before)
        case TimerDue() as fired:
            yield from fanout.fired(directory, event, fired)
        case _:
            raise TypeError(f"{event.entry.kind} is not about a segment")


def _switched(directory: Directory, event: Event, said: ProgrammeActivated) -> Iterator[Output]:
    """Something is stopped, or no longer: whoever waits goes on then."""
    before, directory.stops = directory.stops, switches.heard(directory.stops, said)
    if switches.lifted(before, directory.stops) and event.companion.held:
        event.companion.held = False
        yield fanout.go_on(event.at)


def told(directory: Directory, said: ProgrammeActivated) -> None:
    """The segment hears of a version of a campaign, or of a template of coupons."""
    if campaign := campaign_of(said.name):
        before = directory.campaigns.get(campaign)
        if before is None or before.number < said.number:
            status, body = read(said.body)
            directories.enter(directory, campaign, said.number, status, ready(body).version, body)
    elif template := coupons.template_of(said.name):
        status, text = coupons.read(said.body)
        tags = coupons.compiled(text).template.tags
        directories.tag(directory, template, tags if status == "active" else ())


check = state.check
