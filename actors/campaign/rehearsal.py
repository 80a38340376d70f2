"""What a campaign would do with one user: events at times in, decisions and effects at times out.

The actors are the engine's own (campaigns, and carts, from which campaigns hear); time is made up. Other domains do not
carry out what they are asked for: what they would have said may be given among the events, as a `fact`:

    {"begins": "2026-01-05T00:00:00Z", "now": 7200,
     "events": [{"at": 0, "behavior_type": "add_to_cart", "product_id": "p1", "quantity": 1, "price": 299},
                {"at": "2026-01-05T00:10:00Z", "profile_changes": {"zone": "Asia/Shanghai"}},
                {"at": 900, "fact": "tier.upgraded", "level": "silver"}]}

A time is RFC 3339, or seconds since `begins`, when the campaign becomes active. `now` is when it ends, a day after the
last event unless it is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from actors.behaviour import door as behaviours
from actors.behaviour.messages import EVENT_TYPE
from actors.calendar import DAY_MS
from actors.campaign.actor import CampaignActor
from actors.campaign.checks import MOMENT_END_MS
from actors.campaign.compiled import CompiledCampaign
from actors.campaign.directory import Directory
from actors.campaign.heard import FACTS
from actors.campaign.judging import Seen
from actors.campaign.listing import listed, subject_of
from actors.campaign.records import WhyLine
from actors.campaign.state import Last, Member
from actors.cart.actor import CartWatcherActor
from actors.commands import Command, CommandSpec, Refusal, must_be
from actors.coupon import listing as coupons
from actors.coupon import offer
from actors.fields import rfc3339_ms, text_code
from actors.forms import text_rule
from actors.points.messages import USER_ID_BYTES_MAX
from actors.profile.door import PROFILE_UPDATE
from actors.programmes.messages import ACTIVATED, ProgrammeActivated
from supervision.envelope import rfc3339
from supervision.outputs import Emit, Record
from supervision.rehearsal import Reaction, Rehearsal, TooLong

BEGINS = "2026-01-05T00:00:00Z"
"""A Monday, where nobody says when."""
EVENTS_MAX = 1_000
DAYS_MAX = 3_700
"""Of the time that is made up."""
TEMPLATES_MAX = 100

Time = int | float | str
_KINDS = {"behavior_type", "profile_changes", "fact"}


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens. `templates`: the active templates of coupons with their tags."""

    events: tuple[dict[str, Any], ...] = ()
    begins: str = BEGINS
    now: Time | None = None
    user_id: str = "ann"
    templates: dict[str, tuple[str, ...]] = {}


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision, "not entered" too. `effects`: what was asked of other domains or said to the world by it."""

    at: str
    outcome: str
    reason: str = ""
    step: str = ""
    conditions: tuple[Seen, ...] = ()
    effects: tuple[dict[str, Any], ...] = ()


class _Told(msgspec.Struct, frozen=True):
    """An event that was read."""

    at: int
    kind: str
    body: bytes


def rehearse(id: str, campaign: CompiledCampaign, given: Given, currency: str) -> tuple[Moment, ...] | Refusal:
    """What happens by and by to a user; or what is wrong with `given`, and where. Pure."""
    begins = rfc3339_ms(given.begins)
    if begins is None or not 0 <= begins < MOMENT_END_MS:
        return must_be("not_a_time", "begins", "an RFC 3339 time of the years 1970 to 2999")
    if code := text_code(given.user_id, USER_ID_BYTES_MAX):
        return must_be(code, "user_id", text_rule(USER_ID_BYTES_MAX))
    if len(given.events) > EVENTS_MAX or len(given.templates) > TEMPLATES_MAX:
        most = f"at most events_max, {EVENTS_MAX}, with templates_max, {TEMPLATES_MAX}, templates"
        return must_be("too_many", "events", most)
    templates = [_template(id, tags) for id, tags in given.templates.items()]
    if wrong := next((one for one in templates if isinstance(one, Refusal)), None):
        return mistakes_at("templates", wrong)
    told: list[_Told] = []
    for number, event in enumerate(given.events):
        one = _told(event, given.user_id, begins, currency)
        if isinstance(one, Refusal):
            return mistakes_at(f"events[{number}]", one)
        told.append(one)
    told.sort(key=lambda one: one.at)
    last = told[-1].at if told else begins
    now = last + DAY_MS if given.now is None else moment_of(given.now, "now", begins)
    if isinstance(now, Refusal):
        return now
    return _played(id, campaign, given, told, begins, now, currency)


def mistakes_at(place: str, refusal: Refusal) -> Refusal:
    """The same, of something that stands at `place`."""
    field = f"{place}.{refusal.field}" if refusal.field else place
    message = refusal.message.replace(refusal.field, field, 1) if refusal.field else f"{place}: {refusal.message}"
    return Refusal(refusal.code, field, message)


def _told(event: Mapping[str, Any], user_id: str, begins: int, currency: str) -> _Told | Refusal:
    at = moment_of(event.get("at"), "at", begins)
    if isinstance(at, Refusal):
        return at
    fields = {"user_id": user_id, **{name: value for name, value in event.items() if name != "at"}}
    found = _KINDS & fields.keys()
    if len(found) != 1:
        return must_be("missing", "behavior_type", "there, or else profile_changes, or fact: one of them")
    match found.pop():
        case "behavior_type":
            return _by_door(behaviours.user_behavior(currency), fields | {"event_type": EVENT_TYPE}, at)
        case "profile_changes":
            return _by_door(PROFILE_UPDATE, fields | {"event_type": PROFILE_UPDATE.event_type}, at)
        case _:
            fact = fields.pop("fact")
            known = fact in FACTS
            return _Told(at, fact, _json(fields)) if known else must_be("unknown", "fact", f"of {', '.join(FACTS)}")


def _by_door(spec: CommandSpec, fields: dict[str, Any], at: int) -> _Told | Refusal:
    raw = _json(fields)
    command = spec.decode(raw, fields)
    return _Told(at, command.kind, raw) if isinstance(command, Command) else command


def moment_of(value: Any, place: str, begins: int) -> int | Refusal:
    """The ms since 1970 UTC of a time that stands at `place`."""
    found: int | None = None
    if isinstance(value, str):
        found = rfc3339_ms(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < DAYS_MAX * DAY_MS:
        found = begins + round(value * 1_000)
    if found is None or not begins <= found <= begins + DAYS_MAX * DAY_MS:
        wanted = f"an RFC 3339 time, or seconds since begins: not before it, and at most {DAYS_MAX} days after it"
        return must_be("not_a_time", place, wanted)
    return found


def _played(
    id: str, campaign: CompiledCampaign, given: Given, told: Sequence[_Told], begins: int, now: int, currency: str
) -> tuple[Moment, ...] | Refusal:
    script = _Script(id)
    domains = (CartWatcherActor(currency), CampaignActor(currency))
    stage = Rehearsal(domains, f"user:{given.user_id}", begins, script.heard)
    try:
        for template, tags in given.templates.items():
            body = _template(template, tags)
            assert isinstance(body, str), body
            _activate(stage, coupons.subject_of(template), body)
        _activate(stage, subject_of(id), listed("active", campaign.canonical))
        for one in told:
            if one.at > now:
                break
            stage.wait(one.at)
            stage.tell(one.kind, one.body)
        stage.wait(now)
    except TooLong as error:
        return Refusal("too_long", "events", str(error))
    return tuple(script.moments)


def _activate(stage: Rehearsal, name: str, body: str) -> None:
    stage.tell(ACTIVATED, _json(ProgrammeActivated(name, 1, name, body)), stage.segment)


def _template(id: str, tags: Sequence[str]) -> str | Refusal:
    """What a segment hears of a template that bears the tags; of what it gives nothing is asked."""
    said = {"name": id, "kind": {"type": "fixed", "amount": 1}, "valid": {"days": 1}, "tags": tags}
    made = offer.parse(_json(said))
    return made if isinstance(made, Refusal) else coupons.listed("active", made.template)


class _Script:
    """Writes down what is decided about the campaign `id`, as it is decided."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._last: Last | None = None
        self.moments: list[Moment] = []

    def heard(self, reaction: Reaction) -> None:
        if reaction.domain != CampaignActor.name or isinstance(reaction.state, Directory):
            return
        emits: list[Emit] = []
        for output in reaction.outputs:
            match output:
                case Emit(kind=kind) if kind not in ("campaign.entered", "campaign.exited"):
                    emits.append(output)
                case Record(body=WhyLine() as line):
                    self.moments.append(_moment(line, emits))
                    emits = []
                case _:
                    pass
        self._not_entered(cast("Member", reaction.state), reaction.event.at)

    def _not_entered(self, member: Member, at: int) -> None:
        """Of which there is no line, but a last word."""
        before, self._last = self._last, member.last.get(self._id)
        last = self._last
        if last is None or last is before or last.outcome != "not_entered":
            return
        seen = (Seen(last.path, last.want, last.saw, False),) if last.path else ()
        self.moments.append(Moment(rfc3339(at), last.outcome, last.reason, conditions=seen))


def _moment(line: WhyLine, emits: Sequence[Emit]) -> Moment:
    effects = tuple({"kind": emit.kind, **msgspec.to_builtins(emit.body)} for emit in emits)
    return Moment(
        line.at, line.outcome, line.reason or "", line.step or "", line.conditions or (), effects
    )  # fmt: skip


_json = msgspec.json.Encoder().encode
