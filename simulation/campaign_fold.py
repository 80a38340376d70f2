"""One entry about a user in the reference model of campaigns: what is counted, who goes on, who enters, in this order.

What is said to the world and what is written down of each decision are two lists; the shadow compares the one,
campaign_proof.py the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import msgspec

from simulation.campaign_book import Book, Counter, Origin, Run, Slot, View
from simulation.campaign_checks import VERSION, Checks
from simulation.campaign_moments import OWN, away, next_birthday
from simulation.campaign_time import within
from simulation.campaign_words import CART, OVER, TRIGGERS, Rules, Step, window_name
from simulation.model import Said
from supervision.entry import Entry

CAMPAIGN = "campaign"
ANSWERS = {"coupon.issued": "activity_id", "coupon.refused": "activity_id",
           "message.sent": "reference", "message.suppressed": "reference", "notify.refused": "reference"}  # fmt: skip
"""Words that answer an action, and the field that names it."""
NO = frozenset({"coupon.refused", "message.suppressed", "notify.refused"})
KINDS = {"send_notification": "notify.requested", "issue_coupon": "coupon.issue", "give_points": "points.accrue",
         "emit": "campaign.effect"}  # fmt: skip
"""What each action says."""


class Told(msgspec.Struct):
    """A campaign as a segment has heard of it; `versions` by name, the newest last."""

    number: int
    status: str
    rules: Rules
    versions: dict[str, Rules]


class Why(msgspec.Struct, frozen=True):
    """A line in the records, in the model's words."""

    campaign: str
    version: str
    outcome: str
    run: int | None
    step: str | None
    action: str | None
    trigger: str | None
    reason: str | None
    conditions: tuple[tuple[str, Any, bool], ...] | None
    snapshot: Any = None


Campaigns = Mapping[str, Told]


class Fold:
    """Works on one user's book for one entry, folded at `at`."""

    def __init__(
        self, book: Book, campaigns: Campaigns, entry: Entry, at: int, mark: Callable[[str], None],
        stopped: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._stopped = stopped
        self.held = False
        """A stop has held somebody."""
        self._book, self._campaigns, self._entry, self._at, self._mark = book, campaigns, entry, at, mark
        self._open = {id: told for id, told in sorted(campaigns.items()) if told.status == "active"}
        self._waiting = {id: told for id, told in sorted(campaigns.items()) if told.status in ("active", "paused")}
        """Whom one that is paused waits for already, he may still end it."""
        going_on = [told for told in campaigns.values() if told.status in ("active", "paused")]
        self._counters: set[Counter] = {
            counter for told in going_on for rules in told.versions.values() for counter in rules.counters
        }
        self._limits = [
            limit for told in going_on for limit in told.rules.limits if limit.get("scope", "").startswith("tag:")
        ]
        self.said: list[Said] = []
        self.whys: list[Why] = []
        self.checks = Checks(book, at, entry.offset, self._say, self._told_of_check, self._holds, mark)

    # What may come.

    def heard(self, name: str, body: Mapping[str, Any], idle: bool) -> None:
        """An event; `idle`: it is something that the user did."""
        if name == "purchase_complete":
            self.checks.bought()
        for counter in self._counters:
            if counter[0] == name:
                self._book.counted.setdefault(counter, []).append(self._at)
        self._answered(name, body)
        for id, run in [each for each in self._book.runs.items() if not each[1].ready]:
            if (rules := self._version(id, run)) is not None:
                step = rules.steps[run.place]
                if step.sort == "await" and step.said["event"] == name and run.due >= self._at:
                    self._mark("campaign_wait_ended")
                    run.place = step.then
                    self._go(id, rules, run)
        self._watch(name, idle)
        for id, told in self._open.items():
            if told.rules.trigger["type"] == "event" and told.rules.trigger["event"] == name:
                self.enter(id, told.rules, Origin(self._at, self._entry.offset))
        for id, told in self._waiting.items():
            trigger = told.rules.trigger
            if trigger["type"] == "absent_for" and trigger["event"] == name and self._may_wait(id, self._book.moments):
                self._book.moments[id] = away(trigger, told.rules.zone, self._at)
        self._changed(name)

    def cart(self, value: int, lines: int) -> None:
        """The cart is another: who leaves it alone from now on."""
        book = self._book
        book.value, book.lines = value, lines
        for id, told in self._waiting.items():
            if told.rules.trigger["type"] == "cart_idle" and self._may_wait(id, book.watches):
                if value >= told.rules.trigger["min_value"]:
                    book.watches[id] = Origin(self._at, self._entry.offset)
                    self._set(f"idle:{id}", self._at + told.rules.trigger["seconds"] * 1_000)
                elif book.watches.pop(id, None) is not None:
                    self._set(f"idle:{id}", 0)
        self._changed(CART)

    def told_of(self, changes: Mapping[str, Any]) -> None:
        """Something is now so of the user, or (None) is not known."""
        book = self._book
        before = dict(book.facts)
        book.facts = {name: value for name, value in {**before, **changes}.items() if value is not None}
        for id, told in self._open.items() if book.facts != before else ():
            self._look_forward(id, told.rules)

    def due(self, campaign: str, occurrence: int) -> None:
        """A campaign's time has come for everybody, or (0) everybody's own has to be looked for."""
        told = self._open.get(campaign)
        if told is not None and not occurrence:
            self._look_forward(campaign, told.rules)
        elif told is not None and told.rules.trigger["type"] == "schedule":
            self.enter(campaign, told.rules, Origin(occurrence, self._entry.offset))

    def time(self) -> None:
        """Runs whose time has come go on."""
        for id, run in [each for each in self._book.runs.items() if 0 < each[1].due <= self._at]:
            if (rules := self._version(id, run)) is not None:
                if not run.ready:
                    step = rules.steps[run.place]
                    self._mark("campaign_waited" if step.sort == "sleep" else "campaign_waited_in_vain")
                    run.place = step.otherwise if step.sort == "await" else step.next
                self._go(id, rules, run)
        for id, due in [each for each in self._book.moments.items() if each[1] <= self._at]:
            del self._book.moments[id]
            if (told := self._open.get(id)) is not None and told.rules.trigger["type"] in OWN:
                if (later := self._misses(told.rules)) > self._at:
                    self._book.moments[id] = later
                    continue
                self._look_forward(id, told.rules)
                self.enter(id, told.rules, Origin(due, self._entry.offset))
        self.checks.due()

    def go_on(self) -> None:
        """A stop is over, perhaps not the one that holds a run."""
        for id, run in [each for each in self._book.runs.items() if each[1].held]:
            if self._holds(id):
                continue
            if (rules := self._version(id, run)) is not None:
                self._mark("campaign_went_on")
                self._go(id, rules, run)
        self.checks.go_on()

    def idle(self, campaign: str) -> None:
        """The user did nothing for as long as a campaign waits."""
        origin, told = self._book.watches.pop(campaign, None), self._open.get(campaign)
        if origin is None or told is None or (trigger := told.rules.trigger)["type"] not in ("no_action", "cart_idle"):
            return
        if origin.at + 1_000 * trigger["seconds"] > self._at:  # it waits for longer since it was edited
            self._book.watches[campaign] = origin
            self._set(f"idle:{campaign}", origin.at + 1_000 * trigger["seconds"])
        elif self._book.value >= trigger.get("min_value", 0):
            self.enter(campaign, told.rules, origin)

    def end(self) -> None:
        """Set the one timer of the runs."""
        book = self._book
        due = book.due()
        if due != book.believes:
            book.believes = due
            self._set("next", due)

    def _set(self, key: str, due: int) -> None:
        self._book.rows.pop(key, None)
        if due:
            self._book.rows[key] = (due, self._entry.offset)

    def _answered(self, name: str, body: Mapping[str, Any]) -> None:
        reference = str(body.get(ANSWERS[name], "")) if name in ANSWERS else ""
        slot = self._book.unsettled.pop(reference, None)
        if slot is not None and name in NO:
            self._mark("campaign_slot_returned")
            self._book.give_back(slot)
        for run in self._book.runs.values():
            if reference and run.message == reference:
                run.message = ""
                run.acts -= name in NO

    def _watch(self, name: str, idle: bool) -> None:
        for id, told in self._waiting.items():
            trigger, watches = told.rules.trigger, self._book.watches
            if trigger["type"] != "no_action" or not self._may_wait(id, watches):
                continue
            due = self._at + trigger["seconds"] * 1_000
            if name == trigger["event"]:
                watches[id] = Origin(self._at, self._entry.offset)
                self._set(f"idle:{id}", due)
            elif id in watches and any(name == each["event"] for each in trigger["none_of"]):
                del watches[id]
                self._set(f"idle:{id}", 0)
            elif id in watches and trigger.get("idle") and idle:
                self._set(f"idle:{id}", due)

    def _may_wait(self, id: str, waited_for: Container[str]) -> bool:
        """Nobody begins to be waited for while it is paused."""
        return id in self._open or id in waited_for

    # What is somebody's own.

    def _look_forward(self, id: str, rules: Rules) -> None:
        """When the user's own time comes; one that has come and is late stays."""
        moments, born = self._book.moments, self._book.facts.get("birthday")
        if moments.get(id, 0) > self._at and (later := self._misses(rules)) > self._at:
            moments[id] = later
        if rules.trigger["type"] != "birthday" or moments.get(id, self._at + 1) <= self._at:
            return
        if born is None:
            moments.pop(id, None)
        else:
            moments[id] = next_birthday(born, rules.trigger["at"], rules.zone, self._at)

    def _changed(self, what: str) -> None:
        """Campaigns whose condition may have come to hold."""
        for id, told in self._waiting.items():
            if told.rules.trigger["type"] == "change" and what in told.rules.hears:
                origin, met = Origin(self._at, self._entry.offset), self._book.met
                before = id in met
                holds = self._view(told.rules, origin).holds(told.rules.said["when"], "when")
                if not holds:
                    met.discard(id)
                elif id in self._open:
                    met.add(id)
                if id in self._open and not (holds and before):
                    self.enter(id, told.rules, origin)

    def _misses(self, rules: Rules) -> int:
        """When he has been away for as long as the version says, 0 where it asks for nothing of the kind."""
        if rules.trigger["type"] != "absent_for":
            return 0
        times = self._book.counted.get((rules.trigger["event"], "last", "ever", ""), [])
        return away(rules.trigger, rules.zone, times[-1]) if times else 0

    def _told_of_check(
        self, id: str, outcome: str, run: int | None, reason: str | None = None, *, action: str | None = None,
        snapshot: Any = None,
    ) -> None:  # fmt: skip
        self.whys.append(Why(id, VERSION, outcome, run, None, action, None, reason, None, snapshot))

    # Entering.

    def enter(self, id: str, rules: Rules, origin: Origin) -> None:
        book, when = self._book, rules.said.get("when")
        last = book.last.get(id)
        view = self._view(rules, origin)
        if last is not None and last[2] == "holdout" and self._kept_out(id, rules):
            return  # it is written down once
        if self._stops(id):
            self._last(id, rules, "not_entered", "stopped")
        elif self._kept_out(id, rules):
            self._mark("campaign_holdout")
            self._why(id, rules, "holdout")
        elif id in book.runs:
            self._last(id, rules, "not_entered", "under_way")
        elif when is not None and not view.holds(when, "when"):
            self._last(id, rules, "not_entered", "when")
        else:
            self._limited(id, rules, origin, tuple(view.seen) if when else None)

    def _limited(self, id: str, rules: Rules, origin: Origin, seen: tuple[Any, ...] | None) -> None:
        book = self._book
        if full := self._full(id, rules):
            self._mark("campaign_capped")
            self._why(id, rules, "capped", reason=full, conditions=seen)
            return
        book.numbered += 1
        run = Run(rules.version, book.numbered, rules.start, origin, self._take(id, rules))
        book.runs[id] = run
        if (trigger := rules.trigger["type"]) in TRIGGERS:
            self._mark(f"entered_{trigger}")
        self._why(id, rules, "entered", run.number, trigger=f"{origin.offset}", conditions=seen)
        self._say("campaign.entered", id, rules.version, run.number)
        self._go(id, rules, run)

    def _kept_out(self, id: str, rules: Rules) -> bool:
        share = Fraction(rules.said.get("holdout_percent", "0")) / 100
        user = self._entry.subject.removeprefix("user:")
        return int.from_bytes(blake2b(f"{id}/{user}".encode(), digest_size=8).digest()) < share * 2**64

    def _full(self, id: str, rules: Rules) -> str:
        """The scope of a limit that has no room, or nothing."""
        scopes: list[str] = []
        for limit in rules.limits:
            window, times = window_name(limit.get("window", {})), self._book.taken.get(_scope(id, limit), [])
            if sum(within(window, rules.zone, time, self._at) for time in times) >= limit["count"]:
                scopes.append(_scope(id, limit))
        return " ".join(scopes)

    def _take(self, id: str, rules: Rules) -> Slot | None:
        """One of each of the campaign's limits, and of each of its tags that anybody limits."""
        own = [_scope(id, limit) for limit in rules.limits]
        others = [limit["scope"] for limit in self._limits if limit["scope"][4:] in rules.tags]
        scopes = list(dict.fromkeys((*own, *others)))
        for scope in scopes:
            self._book.taken.setdefault(scope, []).append(self._at)
        return Slot(self._at, tuple(scopes)) if scopes else None

    # Going on.

    def _version(self, id: str, run: Run) -> Rules | None:
        """What a run goes on by, having moved there; nothing: it is over."""
        told = self._campaigns[id]
        stays = run.version in told.versions and told.rules.said.get("under_way", "finish") == "finish"
        rules = told.versions[run.version] if stays else told.rules
        if told.status == "archived":
            self._mark("campaign_archived_under_way")
            self._finish(id, rules, run, "archived")
            return None
        if rules.version != run.version:
            stood = told.versions[run.version].steps[run.place] if run.version in told.versions else None
            here = rules.steps.get(run.place)
            if stood is None or here is None or here.sort != stood.sort:
                self._finish(id, rules, run, "no_such_step")
                return None
            run.version = rules.version
        elif rules is not told.rules:
            self._mark("campaign_stayed")
        return rules

    def _go(self, id: str, rules: Rules, run: Run) -> None:
        run.due, run.ready = 0, False
        while run.place != OVER:
            step = rules.steps[run.place]
            match step.sort:
                case "do" if self._holds(id):
                    run.ready = True
                    self._mark("campaign_stopped")
                    self._why(id, rules, "held", run.number, step=step.place, reason="stopped")
                    return
                case "sleep" | "await":
                    run.due = self._at + step.said["seconds"] * 1_000
                    return
                case "fork":
                    holds = self._view(rules, run.origin).holds(step.said["when"], "")
                    run.place = step.then if holds else step.otherwise
                case _:
                    if self._leaves(id, rules, run):
                        return
                    self._act(id, rules, run, step)
                    run.place = step.next
        self._finish(id, rules, run, "finished")

    def _holds(self, id: str) -> bool:
        """A stop does, and somebody waits for its end."""
        stops = self._stops(id)
        self.held = self.held or stops
        return stops

    def _stops(self, id: str) -> bool:
        return "all" in self._stopped or f"{CAMPAIGN}:{id}" in self._stopped

    def _leaves(self, id: str, rules: Rules, run: Run) -> bool:
        """The condition to stop holds, which is looked at before each action."""
        view, until = self._view(rules, run.origin), rules.said.get("exit")
        if until is None or not view.holds(until, "exit"):
            return False
        self._mark("campaign_exited")
        self._why(id, rules, "exited", run.number, reason="exit", conditions=tuple(view.seen))
        self._end(id, rules, run, "exit")
        return True

    def _act(self, id: str, rules: Rules, run: Run, step: Step) -> None:
        kind, said = KINDS[step.said["type"]], step.said
        match said["type"]:
            case "send_notification":
                self._say(kind, id, rules.version, run.number, said["channel"], said["template"])
            case "issue_coupon":
                self._say(kind, id, run.number, said["template"])
            case "give_points":
                self._say(kind, said["points"], said.get("reason", "campaign"))
            case _:
                self._say(kind, id, rules.version, run.number, said["effect"])
        run.acts += 1
        run.message = f"{id}.{run.number}.{step.place}" if kind == "notify.requested" else run.message
        self._why(id, rules, "acted", run.number, step=step.place, action=kind)

    def _finish(self, id: str, rules: Rules, run: Run, reason: str) -> None:
        self._why(id, rules, "finished", run.number, reason=reason)
        self._end(id, rules, run, reason)

    def _end(self, id: str, rules: Rules, run: Run, reason: str) -> None:
        book = self._book
        del book.runs[id]
        if run.slot is not None and not run.acts:
            self._mark("campaign_slot_unused")
            book.give_back(run.slot)
        elif run.slot is not None and run.acts == 1 and run.message:
            book.unsettled[run.message] = run.slot
        self._say("campaign.exited", id, rules.version, run.number, reason)

    # Saying.

    def _view(self, rules: Rules, origin: Origin) -> View:
        return View(self._book, self._counters, rules, origin, self._at)

    def _say(self, kind: str, *more: Any) -> None:
        self.said.append((kind, self._entry.subject, *more))

    def _why(
        self, id: str, rules: Rules, outcome: str, run: int | None = None, step: str | None = None,
        action: str | None = None, trigger: str | None = None, reason: str | None = None,
        conditions: Sequence[tuple[str, Any, bool]] | None = None,
    ) -> None:  # fmt: skip
        seen = None if conditions is None else tuple(conditions)
        self.whys.append(Why(id, rules.version, outcome, run, step, action, trigger, reason, seen))
        self._last(id, rules, outcome, "" if outcome == "capped" else reason or "")

    def _last(self, id: str, rules: Rules, outcome: str, reason: str) -> None:
        self._book.last[id] = (self._at, rules.version, outcome, reason)


def _scope(id: str, limit: Mapping[str, Any]) -> str:
    scope = limit.get("scope", CAMPAIGN)
    return f"{CAMPAIGN}:{id}" if scope == CAMPAIGN else scope
