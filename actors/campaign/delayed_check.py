"""The original's delayed check: look at a user's cart at a given moment, and act if it is still there.

    {"trigger_id": "CART_ABANDON_001", "user_id": "123456", "cart_snapshot": {"items": [], "total_value": 299.00},
     "check_time": "2025-09-20T15:30:00Z", "actions_if_match": [{"type": "send_notification", "template": "come_sms"}]}

Whoever sends it says what lay in the cart then. That is written down and decides nothing: what decides is the live
cart, at the moment of the check and again before each action. A purchase meanwhile ends it, whatever it was of. A stop
of everything, or of the campaign that has the `trigger_id` as its id, holds it until go.

One of a user and a `trigger_id` waits at a time; the same with the same `check_time` is a duplicate for as long as it
is remembered, which is until more than CHECKS_MAX others have come.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from actors.calendar import DAY_MS
from actors.campaign import actions, knowledge
from actors.campaign.actions import Doing
from actors.campaign.campaign import IssueCoupon, Wait
from actors.campaign.desk import TURN_MS, Desk
from actors.campaign.directory import with_tag
from actors.campaign.records import Outcome, WhyLine
from actors.campaign.seed_form import ACTIONS_MAX, SeedAction, steps
from actors.campaign.state import CHECKS_MAX, DelayedCheck
from actors.commands import Command, CommandSpec, Refusal
from actors.fields import rfc3339_ms
from actors.forms import EVENT_TYPE as EVENT_TYPE_FIELD
from actors.forms import TIMESTAMP, Field, Form, Named, command, moment, text
from actors.points.messages import USER_ID_BYTES_MAX
from actors.rule_words import Id
from supervision.envelope import rfc3339
from supervision.outputs import Record

FRONT_DOOR = "marketing.activity.events"
EVENT_TYPE = "delayed_check"
CHECK = "campaign.check"
MARK = "check_time"
"""The field that no other message has: the original's says no `event_type`."""
SNAPSHOT_BYTES_MAX = 16 * 1024
AHEAD_DAYS_MAX = 366
VERSION = "check"
"""In records and answers, where a campaign has the name of its version."""


class CheckLater(msgspec.Struct, frozen=True, gc=False):
    """`delayed_check`: look at the user's live cart at `check_time`; `actions_if_match` are for who has not bought."""

    trigger_id: Id
    user_id: str
    check_time: str
    actions_if_match: Annotated[tuple[SeedAction, ...], Meta(min_length=1, max_length=ACTIONS_MAX)]
    cart_snapshot: msgspec.Raw = msgspec.Raw(b"{}")
    event_type: str = EVENT_TYPE
    timestamp: str | None = None


def _small(snapshot: msgspec.Raw) -> str | None:
    return "too_large" if len(bytes(snapshot)) > SNAPSHOT_BYTES_MAX else None


def _understood(asked: CheckLater) -> Refusal | None:
    laid = steps(asked.actions_if_match, "actions_if_match")
    return laid if isinstance(laid, Refusal) else None


FORM = Form(
    CheckLater,
    {
        "event_type": EVENT_TYPE_FIELD,
        "timestamp": TIMESTAMP,
        "trigger_id": Field("1 to 64 letters, digits, `_`, `.` or `-`, the first a letter or digit"),
        "user_id": text(USER_ID_BYTES_MAX),
        "check_time": Field("an RFC 3339 time with its offset from UTC", moment),
        "cart_snapshot": Field(f"JSON of at most {SNAPSHOT_BYTES_MAX} bytes", _small),
        "actions_if_match": Field(f"a list of 1 to {ACTIONS_MAX} actions in the original's form"),
    },
    _understood,
)


def _decode(raw: bytes, _: Mapping[str, Any]) -> Command | Refusal:
    asked = FORM.read(raw)
    return asked if isinstance(asked, Refusal) else command(CHECK, f"user:{asked.user_id}", asked.timestamp)


DELAYED_CHECK = Named(CommandSpec(EVENT_TYPE, CHECK, FRONT_DOOR, ("activity.#",), _decode, MARK), FORM)

_actions = msgspec.json.Decoder(tuple[SeedAction, ...]).decode


def accept(desk: Desk, asked: CheckLater) -> None:
    """Wait for the moment; one that is past is now."""
    checks, at = desk.member.checks, rfc3339_ms(asked.check_time) or 0
    known = checks.get(asked.trigger_id)
    if known is not None and (known.waits or known.at == at):
        if known.at != at:
            _why(desk, asked.trigger_id, "refused", 0, "one_waits_already", snapshot=asked.cart_snapshot)
        return
    over = asked.trigger_id if known is not None else next((id for id, one in checks.items() if not one.waits), "")
    too_far, full = at > desk.at + AHEAD_DAYS_MAX * DAY_MS, len(checks) >= CHECKS_MAX
    if too_far or (full and not over):
        reason = "too_far" if too_far else "too_many_checks"
        _why(desk, asked.trigger_id, "refused", 0, reason, snapshot=asked.cart_snapshot)
        return
    if full or known is not None:
        del checks[over]
    desk.member.numbered += 1
    kept = msgspec.json.encode(asked.actions_if_match).decode()
    checks[asked.trigger_id] = DelayedCheck(
        at, max(at, desk.at), desk.event.entry.offset, desk.member.numbered, kept
    )  # fmt: skip
    _why(desk, asked.trigger_id, "waits", desk.member.numbered, asked.check_time, snapshot=asked.cart_snapshot)


def bought(desk: Desk) -> None:
    """A purchase ends every check that waits, and every one whose actions are not done."""
    for id, check in desk.member.checks.items():
        if check.waits:
            _end(desk, id, check, "exited", "bought")


def time_is_up(desk: Desk) -> None:
    """Every check that is due by now goes on."""
    for id, check in desk.member.checks.items():
        if 0 < check.due <= desk.at:
            _go(desk, id, check)


def go_on(desk: Desk) -> None:
    """Every check that a stop holds no longer. Whom another one holds has to be told again."""
    for id, check in desk.member.checks.items():
        if check.held and desk.stopped(id):
            desk.totals.held = True
        elif check.held:
            check.held = False
            _go(desk, id, check)


def _go(desk: Desk, id: str, check: DelayedCheck) -> None:
    """The actions, until one has to wait. The cart is looked at before each."""
    laid = steps(_actions(check.actions), "actions_if_match")
    assert not isinstance(laid, Refusal), laid
    while check.done < len(laid):
        step = laid[check.done]
        if desk.full:
            check.due = desk.at + TURN_MS
            return
        if isinstance(step, Wait):
            check.done += 1
            check.due = desk.at + (step.seconds or 0) * 1_000
            return
        if desk.stopped(id):
            check.due, check.held, desk.totals.held = 0, True, True
            _why(desk, id, "held", check.number, "stopped")
            return
        if not desk.member.knows.cart.lines:
            _end(desk, id, check, "exited", "cart_empty")
            return
        _act(desk, id, check, step)
        check.done += 1
    _end(desk, id, check, "finished", "finished")


def _act(desk: Desk, id: str, check: DelayedCheck, action: Any) -> None:
    spoken = knowledge.spoken(desk.member.knows)
    place = f"actions_if_match[{check.done}]"
    doing = Doing(id, VERSION, check.number, place, desk.at, check.offset, True, spoken)
    tagged = with_tag(desk.directory, action.tag or "") if isinstance(action, IssueCoupon) else ()
    emits = list(actions.emitted(action, doing, tagged))
    desk.outputs += emits
    kind = emits[0].kind if emits else "nothing"
    _why(desk, id, "acted", check.number, action=kind, reference=doing.reference)


def _end(desk: Desk, id: str, check: DelayedCheck, outcome: Outcome, reason: str) -> None:
    check.due, check.actions, check.held = 0, "", False
    _why(desk, id, outcome, check.number, reason)


def _why(desk: Desk, id: str, outcome: Outcome, run: int, reason: str = "", **more: Any) -> None:
    line = WhyLine(
        desk.event.entry.offset, rfc3339(desk.at), id, VERSION, outcome, desk.event.place,
        run=run or UNSET, reason=reason or UNSET, **more,
    )  # fmt: skip
    desk.outputs.append(Record(line))
