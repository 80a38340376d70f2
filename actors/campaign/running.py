"""A run's way through its campaign: from where it stands to where it has to wait, or to its end.

The exit condition is judged before each action and by what is so then: a coupon that follows half an hour after a
reminder is for those who have not bought meanwhile.

A stop holds whoever would act next, and nobody else: times that he waits for pass, events that he waits for come, and
he waits before the next action. When the stop is lifted he goes on there, `exit` judged then; what he still has to wait
for counts from then.
"""

from __future__ import annotations

from actors.campaign import actions, knowledge
from actors.campaign.actions import Doing
from actors.campaign.campaign import Action, CartIdle, Channel, IssueCoupon, NoAction, SendNotification, Webhook
from actors.campaign.desk import TURN_MS, Desk
from actors.campaign.directory import with_tag
from actors.campaign.heard import Heard
from actors.campaign.index import Active
from actors.campaign.listing import ready
from actors.campaign.program import END, Await, Do, Fork, Sleep
from actors.campaign.schedule import wake
from actors.campaign.state import UNSETTLED_MAX, Run
from actors.comparison import passes
from actors.notification.messages import MessageLimit
from actors.points.messages import ANSWERED as POINTS_ANSWERED
from actors.stops.stops import stops_message
from actors.webhook.messages import CALLED_MS
from actors.windows.slots import give_back

WEBHOOK: Channel = "webhook"
"""The channel whose stop holds calls too."""
ANSWER_MS = 24 * 3_600_000
"""After which an action whose answer did not come counts as done."""
ANSWERED = {
    "coupon.issued": ("activity_id", ""),
    "coupon.refused": ("activity_id", "code"),
    "message.sent": ("reference", ""),
    "message.suppressed": ("reference", "reason"),
    "notify.refused": ("reference", "code"),
    "webhook.delivered": ("reference", ""),
    "webhook.failed": ("reference", "code"),
    POINTS_ANSWERED: ("reference", "code"),
}
"""Words that answer an action -> the field that names it, and the one that says why it was refused, if any does."""


def time_is_up(desk: Desk) -> None:
    """Every run that is due by now goes on."""
    for campaign, run in [each for each in desk.member.runs.items() if 0 < each[1].due <= desk.at]:
        if desk.full:
            run.due = desk.at + TURN_MS
            continue
        one = _moved(desk, campaign, run)
        if one is None:
            continue
        waits = one.compiled.program.instructions[run.pc]
        if not run.ready:
            run.pc = waits.otherwise if isinstance(waits, Await) else waits.next
        go(desk, one, run)


def go_on(desk: Desk) -> None:
    """Every run that a stop holds no longer. Whom another one holds has to be told again."""
    for campaign, run in [each for each in desk.member.runs.items() if each[1].held]:
        if desk.stopped(campaign):
            desk.totals.held = True
        elif desk.full:
            run.due = desk.at + TURN_MS
        elif one := _moved(desk, campaign, run):
            go(desk, one, run)


def came(desk: Desk, heard: Heard) -> None:
    """Every run that waits for such an event goes on, and the one whose action this answers."""
    if heard.name in ANSWERED:
        _settled(desk, *_answer(heard))
    for campaign, run in list(desk.member.runs.items()):
        if run.asked:
            _answered(desk, campaign, run, heard)
            continue
        one = None if run.ready else _moved(desk, campaign, run)
        waits = one.compiled.program.instructions[run.pc] if one else None
        if one is None or not isinstance(waits, Await) or desk.at > run.due:  # it is over, and its timer is late
            continue
        if waits.event == heard.name and passes(heard.fields, waits.where):
            run.pc = waits.next
            go(desk, one, run)


def _answered(desk: Desk, campaign: str, run: Run, heard: Heard) -> None:
    if heard.name not in ANSWERED or _answer(heard)[0] != run.asked:
        return
    one = _moved(desk, campaign, run)
    if one is None:
        return
    waits = one.compiled.program.instructions[run.pc]
    code = _answer(heard)[1]
    assert isinstance(waits, Do), waits
    run.pc = waits.after_refusal(code) if code else waits.next
    if code:
        desk.why(one, "refused", run, code, step=waits.place, reference=run.asked)
    go(desk, one, run)


def _answer(heard: Heard) -> tuple[str, str]:
    """(the action's reference, why it was refused)."""
    reference, code = ANSWERED[heard.name]
    return str(heard.fields.get(reference, "")), str(heard.fields.get(code, "")) if code else ""


def _settled(desk: Desk, reference: str, code: str) -> None:
    """What was refused was not done. Where it was all that a run has done, the run's slot is free again: of one that is
    over at once, of one under way when it ends.
    """
    slot = desk.member.unsettled.pop(reference, None)
    if slot is not None and code:
        give_back(desk.member.slots, slot)
    for campaign, run in desk.member.runs.items():
        if reference and reference in (run.asked, run.told):
            run.acts -= bool(code) and not _asks_for_several(desk, campaign, run)
            run.told = "" if run.told == reference else run.told


def _asks_for_several(desk: Desk, campaign: str, run: Run) -> bool:
    """Whether the answer is about one of several coupons that a step has asked for by their tag: then the others may
    have been issued, and something was done.
    """
    body = desk.directory.campaigns[campaign].bodies.get(run.version) if run.asked else None
    waits = ready(body).program.instructions[run.pc] if body else None
    tag = waits.action.tag if isinstance(waits, Do) and isinstance(waits.action, IssueCoupon) else None
    return tag is not None and len(with_tag(desk.directory, tag)) > 1


def _moved(desk: Desk, campaign: str, run: Run) -> Active | None:
    """The version that the run goes on by, its place there looked up; None: the run is over."""
    one = desk.version_of(campaign, run)
    if desk.directory.campaigns[campaign].status == "archived":
        _end(desk, one, run, "archived")
        return None
    if one.version != run.version:
        before = desk.directory.campaigns[campaign].bodies.get(run.version)
        stood = ready(before).program.instructions[run.pc] if before else None
        place = one.compiled.program.moved(stood) if stood else None
        if place is None:
            _end(desk, one, run, "no_such_step")
            return None
        run.version, run.pc = one.version, place
    return one


def go(desk: Desk, one: Active, run: Run) -> None:
    """Until it has to wait, for its turn if for nothing else, or is over."""
    run.due, run.asked, run.ready = 0, "", False
    while run.pc != END:
        if desk.full:
            run.due, run.ready = desk.at + TURN_MS, True
            return
        match one.compiled.program.instructions[run.pc]:
            case Do(place=place) as do if _stopped(desk, one, do):
                _hold(desk, one, run, place)
                return
            case Do() as do:
                if _exits(desk, one, run):
                    return
                _act(desk, one, run, do)
                if run.asked:
                    return
                run.pc = do.next
            case Sleep(wait=wait):
                run.due = wake(one.compiled.calendar, desk.at, wait.seconds, wait.until)
                return
            case Await(seconds=seconds):
                run.due = desk.at + seconds * 1_000
                return
            case Fork(judge=judge) as fork:
                run.pc = fork.next if judge.judge(desk.view(run.origin)).met else fork.otherwise
    _end(desk, one, run, "finished")


def _stopped(desk: Desk, one: Active, do: Do) -> bool:
    """Whether the action waits for an operator. Messages wait where they are sent, and calls here."""
    if isinstance(do.action, Webhook):
        return stops_message(desk.directory.stops.stopped, WEBHOOK, one.id)
    return desk.stopped(one.id)


def _hold(desk: Desk, one: Active, run: Run, place: str) -> None:
    run.ready = True
    desk.totals.held = True
    desk.why(one, "held", run, "stopped", step=place)


def _exits(desk: Desk, one: Active, run: Run) -> bool:
    """Whether the exit condition holds, which ends the run."""
    judge = one.compiled.exit
    if judge is None:
        return False
    judgement = judge.judge(desk.view(run.origin))
    if judgement.met:
        desk.why(one, "exited", run, "exit", (judge, judgement))
        _over(desk, one, run, "exit")
    return judgement.met


def _act(desk: Desk, one: Active, run: Run, do: Do) -> None:
    doing = _doing(desk, one, run, do.place)
    tagged = with_tag(desk.directory, do.action.tag or "") if isinstance(do.action, IssueCoupon) else ()
    emits = list(actions.emitted(do.action, doing, tagged))
    desk.outputs += emits
    run.acts += bool(emits)
    run.told = doing.reference if isinstance(do.action, SendNotification) else run.told
    kind = emits[0].kind if emits else "nothing"
    desk.why(one, "acted", run, step=do.place, action=kind, reference=doing.reference)
    if do.refused and emits:
        run.asked, run.due = doing.reference, desk.at + _takes_ms(do.action) + ANSWER_MS


def _takes_ms(action: Action) -> int:
    """How long it may rightly take until the action is answered."""
    match action:
        case SendNotification():
            return action.valid_for_s * 1_000
        case Webhook():
            return CALLED_MS
        case _:
            return 0


def _doing(desk: Desk, one: Active, run: Run, place: str) -> Doing:
    campaign = one.compiled.campaign
    limits = [
        MessageLimit(spec.scope, spec.window, spec.count) for spec in one.compiled.limits if spec.of_messages
    ]  # fmt: skip
    return Doing(
        one.id, one.version, run.number, place, desk.at, run.origin.offset,
        isinstance(campaign.trigger, CartIdle | NoAction), knowledge.spoken(desk.member.knows), tuple(limits),
        campaign.priority,
    )  # fmt: skip


def _end(desk: Desk, one: Active, run: Run, reason: str) -> None:
    desk.why(one, "finished", run, reason)
    _over(desk, one, run, reason)


def _over(desk: Desk, one: Active, run: Run, reason: str) -> None:
    desk.member.runs.pop(one.id, None)
    if run.slot is not None and not run.acts:
        give_back(desk.member.slots, run.slot)
    elif run.slot is not None and run.acts == 1 and run.told:
        unsettled = desk.member.unsettled
        unsettled[run.told] = run.slot
        while len(unsettled) > UNSETTLED_MAX:
            del unsettled[next(iter(unsettled))]
    desk.exited(one, run, reason)
