"""The reference model of messages where a shop limits them: what goes, what waits for which moment, what ends and why.

It folds what the shadow tells it was folded and says what must be said of each entry. notice_rules.py reads what the
shop has decided and finds the first moment that satisfies all of it, notice_box.py is what is known of one user. Here
is the order in which things are judged, and what segments know of stops: what is stopped, whether anybody waits because
of it, and how far users have been told that it is over.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from simulation.model import NotificationModel, Said
from simulation.notice_box import Box, Consent, Reached, Waiting
from simulation.notice_rules import Asked, Rules, answer, read
from simulation.notices_drawn import STATUSES, PolicyWords
from simulation.texts_model import Texts
from supervision.entry import Entry
from supervision.envelope import rfc3339
from supervision.messages import Emission

TEMPLATE_OF = {
    "points.earned": "points_earned", "points.spent": "points_spent", "points.expired": "points_expired",
    "points.expiring": "points_expiring",
}  # fmt: skip
OWN = frozenset({"remind", "cart_remind_sms", *TEMPLATE_OF.values()})
"""Templates that come with the engine."""
HEARD = frozenset(
    {"notify.requested", "user.consent", "behaviour.seen", "notify.go_on", "timer.notification", "message.reported"}
)
REPORTED = frozenset(f"message.{status}" for status in STATUSES)
"""What is said of a report, by its status."""
GO_ON = "notify.go_on"
PAGE, PAGE_HELD = 200, 16
"""Users who are told at a time that a stop is over, and amid other traffic."""


class Segment:
    """What one knows. `anybody` waits because something is stopped; `row`: its timer, of a page after `after`."""

    def __init__(self) -> None:
        self.texts = Texts(OWN)
        self.number = 0
        self.stopped: list[str] = []
        self.anybody = False
        self.row: tuple[int, int] | None = None
        self.after = ""
        self.users: set[str] = set()


class NoticeModel(NotificationModel):
    """Of a world whose shop has decided what `words` say."""

    kinds = NotificationModel.kinds | HEARD
    timer_key = "held"

    def __init__(self, words: PolicyWords, marks: Counter[str]) -> None:
        super().__init__()
        self._rules, self._marks = Rules(words), marks
        self._boxes: dict[str, Box] = {}
        self._segments: dict[int, Segment] = {}
        self._stored: set[str] = set()

    def fold(self, entry: Entry, at: int) -> list[Said]:
        segment = self._segments.setdefault(entry.segment, Segment())
        body = msgspec.json.decode(entry.body)
        if entry.subject.startswith("segment:"):
            return self._of_segment(segment, entry, body, at)
        segment.users.add(entry.subject)
        box = self._boxes.setdefault(entry.subject, Box())
        return _Fold(self._rules, self._marks, segment, box, entry, at).fold(body)

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """A firing, the word that a stop is over, and what a segment hears and sends are carried out all the same."""
        carried_out = entry.kind in (GO_ON, "timer.notification") or entry.subject.startswith("segment:")
        return self.fold(entry, at) if carried_out else []

    # Segments.

    def _of_segment(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        if entry.kind == "programme.activated":
            self._hear(segment, entry, body, at)
            return []
        if segment.row is None or segment.row[1] != body["gen"]:
            return []
        segment.row = None
        page = [subject for subject in self._known(segment) if subject > segment.after]
        page = page[: PAGE_HELD if body.get("held") else PAGE]
        if page:
            segment.row, segment.after = (at, entry.offset), page[-1]
        return [(GO_ON, subject) for subject in page]

    def _hear(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> None:
        """What messages say and what is stopped from here on."""
        segment.texts.hear(body)
        if body["name"] != "stops" or body["number"] <= segment.number:
            return
        stopped = [one["scope"] for one in msgspec.json.decode(body["body"])["stopped"]]
        over = [scope for scope in segment.stopped if scope not in stopped]
        segment.number, segment.stopped = body["number"], stopped
        if over and segment.anybody:
            self._marks["message_stop_lifted"] += 1
            segment.anybody = False
            segment.row, segment.after = (at, entry.offset), "user:"

    def _known(self, segment: Segment) -> list[str]:
        """Users of whom something is known there."""
        return sorted(user for user in segment.users if user in self._stored or not self._boxes[user].blank)

    # What the shadow asks.

    def armed(self, subject: str) -> tuple[int, int] | None:
        box = self._boxes.get(subject)
        return box.row if box else None

    def state_fits(self, subject: str, data: bytes) -> str:
        stored = msgspec.msgpack.decode(data)
        if not subject.startswith("segment:"):
            self._stored.add(subject)
            return self._boxes[subject].unlike(stored)
        number, _, part = subject.removeprefix("segment:").partition("/")
        segment = self._segments[int(number)]
        mine: list[Any] = (
            [1, segment.anybody] if part else [1, segment.texts.stored(), [segment.number, segment.stopped]]
        )
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        kind, subject = emission.draft.kind, emission.draft.subject
        if not kind.startswith(("notify.", "message.", "report.")):
            return None
        if kind == GO_ON:
            return kind, subject
        body = msgspec.json.decode(emission.draft.body)
        if kind == "report.refused" or kind in REPORTED:
            return kind, subject, body["channel"], body.get("message_id", ""), body.get("reference", "")
        about = (kind, subject, body.get("reference", ""), body["template"])
        match kind:
            case "message.held":
                return *about, body["channel"], body["reason"], body["until"]
            case "message.sent" | "message.suppressed":
                return *about, body["channel"], body.get("reason", "")
            case "notify.refused":
                return *about, body["code"]
            case _:
                version = body.get("template_version", "")
                return *about, body["params"].get("points"), version, body["text"] if version else ""

    def at_rest(self) -> str:
        """Empty when nobody waits for a moment that will not come."""
        for subject, box in self._boxes.items():
            if bool(box.waiting) != bool(box.row):
                return f"{subject} waits for messages without a timer"
        return ""


class _Fold:
    """One entry about a user, folded at `at`."""

    def __init__(self, rules: Rules, marks: Counter[str], segment: Segment, box: Box, entry: Entry, at: int) -> None:
        self._rules, self._marks, self._segment, self._box = rules, marks, segment, box
        self._entry, self._at = entry, at
        self._said: list[Said] = []

    def fold(self, body: dict[str, Any]) -> list[Said]:
        box, entry = self._box, self._entry
        match entry.kind:
            case "behaviour.seen":
                if body["behavior_type"] == "purchase_complete":
                    box.buy(entry.offset, body)
            case "notify.requested":
                self._ask(read(body))
            case "timer.notification":
                if box.row is not None and box.row[1] == body["gen"]:
                    box.row = None
                    self._go()
            case "user.profile":
                box.learn(body["profile_changes"])
                self._go()
            case "user.consent":
                self._agree(body)
                self._go()
            case "message.reported":
                self._learn(body)
                self._go()
            case "notify.go_on":
                self._go()
            case kind:
                self._tell_of(TEMPLATE_OF[kind], body["points"])
        return self._said

    def _agree(self, body: dict[str, Any]) -> None:
        channel, granted = body["channel"], body["consent"] == "granted"
        self._box.consents.append(Consent(channel, body.get("category") or "", self._said_at(), granted))
        if granted and self._box.bounces(channel):
            self._reach(channel, works=True)

    def _said_at(self) -> int:
        """Nobody can have said it later than it was heard."""
        return min(self._entry.occurred_at or self._entry.at, self._at)

    def _learn(self, body: dict[str, Any]) -> None:
        """Each report once, and none of what cannot be the user's; what he wishes counts whatever it is of."""
        channel, status = body["channel"], body["status"]
        message_id, reference = body.get("message_id", ""), body.get("reference", "")
        named = ("id", message_id, status) if message_id else ("reference", reference, status)
        if named in self._box.reports:
            self._marks["report_again"] += 1
            return
        about = (self._entry.subject, channel, message_id)
        wish = status in ("unsubscribed", "complained")
        if message_id and not wish and not self._came_before(message_id):
            self._marks["report_refused"] += 1
            self._said.append(("report.refused", *about, ""))
            return
        self._box.reports.add(named)
        if wish:
            self._box.consents.append(Consent(channel, "", self._said_at(), granted=False))
        elif status != "failed":
            self._reach(channel, works=status != "bounced")
        self._said.append((f"message.{status}", *about, reference))

    def _came_before(self, message_id: str) -> bool:
        """The entry of that name, in this segment's log."""
        try:
            segment, epoch, offset = map(int, message_id.split("."))
        except ValueError:
            return False
        entry = self._entry
        return segment == entry.segment and (epoch, offset) < (entry.epoch, entry.offset)

    def _reach(self, channel: str, works: bool) -> None:
        before = self._box.bounces(channel)
        self._box.reached.append(Reached(channel, self._said_at(), works))
        self._marks["channel_bounced"] += not before and self._box.bounces(channel)
        self._marks["channel_works_again"] += before and not self._box.bounces(channel)

    def _tell_of(self, template: str, points: int) -> None:
        """Of a fact; where nothing is decided about it nothing is counted or answered."""
        asked = Asked(template, "sms", "points", "", "", (), None, 0, False, None, (), points)
        free = self._rules.says_nothing and not self._box.waiting and not self._stops(asked)
        if free and not self._box.pointless(self._rules, asked):
            self._put_into_words(asked)
        else:
            self._ask(asked)

    def _ask(self, asked: Asked) -> None:
        if why := self._box.pointless(self._rules, asked):
            self._suppress(asked, why)
            return
        self._go()
        valid_s = self._rules.valid_s if asked.valid_s is None else asked.valid_s
        one = Waiting(asked, self._entry.offset, self._at, self._at + valid_s * 1_000)
        go, because = self._judge(one)
        if go == self._at:
            self._send(asked)
        elif not go:
            self._suppress(asked, because)
        elif (words := self._segment.texts.say(asked, self._box.language)).code:
            self._refuse(asked, words.code)
        else:
            self._wait(one, go, because)
        self._go()

    def _wait(self, one: Waiting, go: int, because: str) -> None:
        dropped = self._box.wait(one)
        if dropped is not one:
            self._marks[f"message_held_{because}"] += 1
            self._say("message.held", one.asked, one.asked.channel, because, rfc3339(go))
        if dropped is not None:
            self._suppress(dropped.asked, "held_full")

    def _judge(self, one: Waiting) -> tuple[int, str]:
        """(when it may go as things are, what stands in the way)."""
        if self._stops(one.asked):
            return (one.end if one.end > self._at else 0), "stopped"
        box, rules = self._box, self._rules
        found = answer(rules, one.asked, box.sent, box.zone or rules.zone, box.wish, self._at, one.end)
        return found.go, found.because

    def _stops(self, asked: Asked) -> bool:
        scopes = {"all", f"channel:{asked.channel}", f"campaign:{asked.campaign}"}
        return not scopes.isdisjoint(self._segment.stopped)

    def _go(self) -> None:
        """Whoever may go goes, one at a time, since each takes room; then the timer is for who waits the shortest."""
        wake = 0
        while self._box.waiting and not wake:
            wake = self._next()
        if wake and self._segment.stopped:
            self._segment.anybody = True
        if wake != (self._box.row[0] if self._box.row else 0):
            self._box.row = (wake, self._entry.offset) if wake else None

    def _next(self) -> int:
        """Send the first that may go; else when to look again, 0: now, or nobody waits."""
        box, wakes = self._box, list[int]()
        for one in [each for each in box.waiting if each.end <= self._at]:
            box.waiting.remove(one)
            self._marks["message_expired"] += 1
            self._suppress(one.asked, "stopped" if self._stops(one.asked) else "expired")
        for one in list(box.waiting):
            why = box.pointless(self._rules, one.asked)
            go, because = (0, why) if why else self._judge(one)
            if go > self._at:
                wakes.append(go)
                continue
            box.waiting.remove(one)
            if go:
                self._marks["message_went_later"] += 1
                self._send(one.asked)
                return 0
            self._marks["message_dropped"] += 1
            self._marks["message_dropped_no_consent"] += because == "no_consent"
            self._suppress(one.asked, because)
        return min(wakes, default=0)

    def _send(self, asked: Asked) -> None:
        if not self._put_into_words(asked):
            return
        if asked.reference or not self._rules.says_nothing:
            self._box.sent.append((self._at, asked.channel))
        self._say("message.sent", asked, asked.channel, "")

    def _put_into_words(self, asked: Asked) -> bool:
        """Send it by the version in force, or say why there is no text."""
        code, version, text = self._segment.texts.say(asked, self._box.language)
        if code:
            self._refuse(asked, code)
            return False
        self._marks["text_put"] += bool(version)
        self._say(f"notify.{asked.channel}", asked, asked.points, version, text)
        return True

    def _refuse(self, asked: Asked, code: str) -> None:
        self._marks[f"text_{code}"] += 1
        self._say("notify.refused", asked, code)

    def _suppress(self, asked: Asked, because: str) -> None:
        self._marks[f"message_suppressed_{because}"] += 1
        self._say("message.suppressed", asked, asked.channel, because)

    def _say(self, kind: str, asked: Asked, *more: Any) -> None:
        self._said.append((kind, self._entry.subject, asked.reference, asked.template, *more))
