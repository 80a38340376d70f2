"""Who enters: an event, a time without one, or a change, and then the whole list of what may be against it.

What is asked, in this order: is the campaign open now (not stopped, and in its time), is the user of those who are kept
out, is he under way in it, does `when` hold, and do the limits have room. The first that says no is the reason, and is
kept as the last word. A slot of the limits is reserved in the same stage in which the user enters, so no crash lets two
in. It counts for every limit on a tag of the campaign, whichever campaign has it: "of this tag, three a day" means all
that bear the tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import msgspec

from actors.campaign.campaign import CartIdle, NoAction, OnEvent
from actors.campaign.desk import OUTPUTS_CLOSED, Desk
from actors.campaign.heard import Heard
from actors.campaign.index import Active
from actors.campaign.judging import Judge, Judgement
from actors.campaign.limits import CAMPAIGN, TAG, LimitSpec
from actors.campaign.running import go
from actors.campaign.state import RUNS_MAX, WATCHES_MAX, Member, Origin, Run
from actors.comparison import passes
from actors.windows.slots import Capped, reserve
from supervision.envelope import rfc3339
from supervision.outputs import Arm, Cancel

IDLE = "idle:"
"""Before a campaign's id: the key of the timer that waits for a user to do nothing."""
HOLDOUT_BITS = 64


def by_event(desk: Desk, heard: Heard) -> None:
    """Campaigns that such an event starts."""
    for one in desk.index.on_event.get(heard.name, ()):
        trigger = one.compiled.campaign.trigger
        assert isinstance(trigger, OnEvent), one.id
        if passes(heard.fields, trigger.where):
            enter(desk, one, _origin(desk, one, heard.fields))


def watch(desk: Desk, heard: Heard) -> None:
    """Campaigns that begin, or end, to wait for the user to do nothing."""
    for one in desk.index.no_action:
        trigger = one.compiled.campaign.trigger
        assert isinstance(trigger, NoAction), one.id
        if heard.name == trigger.event and passes(heard.fields, trigger.where):
            _watch(desk, one, _origin(desk, one, heard.fields), trigger.seconds)
        elif one.id in desk.member.watches:
            if any(heard.name == each.event and passes(heard.fields, each.where) for each in trigger.none_of):
                unwatch(desk, one.id)
            elif trigger.idle and heard.by_user:
                _watch(desk, one, desk.member.watches[one.id], trigger.seconds)


def watch_cart(desk: Desk) -> None:
    """Campaigns that wait for the cart to be left alone."""
    for one in desk.index.cart_idle:
        trigger = one.compiled.campaign.trigger
        assert isinstance(trigger, CartIdle), one.id
        if desk.member.knows.cart.value >= trigger.min_value:
            _watch(desk, one, _origin(desk, one, {}), trigger.seconds)
        elif one.id in desk.member.watches:
            unwatch(desk, one.id)


def _watch(desk: Desk, one: Active, origin: Origin, seconds: int) -> None:
    begins = one.id in desk.index.active and len(desk.member.watches) < WATCHES_MAX
    if begins or one.id in desk.member.watches:
        desk.member.watches[one.id] = origin
        desk.outputs.append(Arm(f"{IDLE}{one.id}", desk.at + seconds * 1_000, absence=True))


def unwatch(desk: Desk, campaign: str) -> None:
    del desk.member.watches[campaign]
    desk.outputs.append(Cancel(f"{IDLE}{campaign}"))


def idle(desk: Desk, campaign: str) -> None:
    """Nothing was done for as long as the campaign waited when its timer was set; it may ask for more by now."""
    origin, one = desk.member.watches.pop(campaign, None), desk.index.active.get(campaign)
    trigger = one.compiled.campaign.trigger if one is not None else None
    if origin is None or one is None or not isinstance(trigger, NoAction | CartIdle):
        return
    if (due := origin.at + trigger.seconds * 1_000) > desk.at:
        desk.member.watches[campaign] = origin
        desk.outputs.append(Arm(f"{IDLE}{campaign}", due, absence=True))
    elif isinstance(trigger, NoAction) or desk.member.knows.cart.value >= trigger.min_value:
        enter(desk, one, origin)


def by_change(desk: Desk, heard: Heard | None, changed: frozenset[str]) -> None:
    """Campaigns whose condition has come to hold. `changed`: what else than events."""
    for one in desk.index.on_change:
        judge = one.compiled.when
        concerns = (heard is not None and heard.name in one.compiled.hears) or changed & one.compiled.asks
        if judge is None or not concerns:
            continue
        origin = _origin(desk, one, heard.fields if heard else {})
        judgement = judge.judge(desk.view(origin))
        before, is_open = desk.member.met.pop(one.id, False), one.id in desk.index.active
        if judgement.met and (before or is_open):
            desk.member.met[one.id] = True
        if is_open and not (judgement.met and before):
            enter(desk, one, origin, judgement)


def _origin(desk: Desk, one: Active, fields: Mapping[str, Any]) -> Origin:
    asked = {name: fields[name] for name in one.compiled.fields if name in fields}
    return Origin(desk.at, desk.event.entry.offset, asked)


def enter(desk: Desk, one: Active, origin: Origin, judgement: Judgement | None = None) -> None:
    """Whether the user enters now, and the run as far as it goes. `judgement`: of `when`, if that was judged."""
    compiled, member = one.compiled, desk.member
    if _told_kept_out(desk, one):
        return
    if desk.stopped(one.id):
        desk.last(one, "not_entered", "stopped")
    elif not compiled.is_valid(desk.at):
        desk.last(one, "not_entered", "not_valid_now")
    elif kept_out(one.id, desk.user_id, compiled.holdout):
        desk.why(one, "holdout")
    elif one.id in member.runs:
        desk.last(one, "not_entered", "under_way")
    elif len(member.runs) >= RUNS_MAX or len(desk.outputs) >= OUTPUTS_CLOSED:
        desk.last(one, "not_entered", "too_many_runs")
    else:
        judged: tuple[Judge, Judgement] | None = None
        if compiled.when is not None:
            judged = (compiled.when, judgement or compiled.when.judge(desk.view(origin)))
            if not judged[1].met:
                desk.last(one, "not_entered", "when", judged)
                return
        _limited(desk, one, origin, judged)


def _told_kept_out(desk: Desk, one: Active) -> bool:
    """Whether the user is kept out, and that is written down. It stays the last word, whatever else is against him."""
    last = desk.member.last.get(one.id)
    return last is not None and last.outcome == "holdout" and kept_out(one.id, desk.user_id, one.compiled.holdout)


def _limited(desk: Desk, one: Active, origin: Origin, judged: tuple[Judge, Judgement] | None) -> None:
    limits = [own(one.id, spec) for spec in one.compiled.limits if not spec.of_messages]
    tags = {TAG + tag for tag in one.compiled.campaign.tags} & desk.index.tag_limits.keys()
    counted = max([desk.index.tag_limits[scope] for scope in tags], default=0)
    kept = counted + _returnable(desk.member) + 1 if tags else 0
    slot = reserve(desk.member.slots, limits, desk.at, sorted(tags), kept) if limits or tags else None
    if isinstance(slot, Capped):
        reason = f"{limits[slot.index].scope} until {rfc3339(slot.free_at)}"
        desk.why(one, "capped", reason=reason, judged=judged)
        return
    desk.member.numbered += 1
    run = Run(one.version, desk.member.numbered, one.compiled.program.start, origin, desk.at, slot=slot)
    desk.member.runs[one.id] = run
    desk.why(one, "entered", run, judged=judged, trigger=f"{origin.offset}")
    desk.entered(one, run)
    go(desk, one, run)


def _returnable(member: Member) -> int:
    """How many slots may still be given back."""
    return sum(run.slot is not None for run in member.runs.values()) + len(member.unsettled)


def own(campaign: str, spec: LimitSpec) -> LimitSpec:
    """A campaign's limit as its user's slots know it: among those of other campaigns."""
    assert spec.scope == CAMPAIGN or spec.scope.startswith(TAG), spec.scope
    return msgspec.structs.replace(spec, scope=f"{CAMPAIGN}:{campaign}") if spec.scope == CAMPAIGN else spec


def kept_out(campaign: str, user_id: str, share: Fraction) -> bool:
    """Whether the user is of those, always the same, who are shown nothing of the campaign. Pure.

    The campaign's id is the salt: another campaign keeps out others.
    """
    if not share:
        return False
    drawn = int.from_bytes(blake2b(f"{campaign}/{user_id}".encode(), digest_size=HOLDOUT_BITS // 8).digest())
    return drawn < share * (1 << HOLDOUT_BITS)
