"""The reference model of coupons: who has which, what was used with which order, what each segment gave away.

It folds what the shadow (shadow.py) tells it was folded, and says which effects must come of each entry, what is
answered to who asked, what the state of each user and of each segment's part of a template then holds. Slow and obvious
on purpose: coupon_purse.py keeps what a user has, coupon_shelf.py what a segment has, coupon_reactions.py says what
each command does. How stock comes to where it is needed is not its business but that of escrow.py, which sees that
nothing is lost on the way.

Of codes it knows what was said: this coupon has this one. That no two have the same is looked at here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from simulation import coupon_lists
from simulation.coupon_lists import LISTED, Lists
from simulation.coupon_purse import Coupon, Purse
from simulation.coupon_reactions import HANDS, ISSUES, REACTIONS, Fold, occasion_of, plain
from simulation.coupon_shelf import IDLE_MS, Need, Shelf
from simulation.coupon_stored import purse_fits, shelf_fits
from simulation.model import Said
from simulation.points_calendar import ms
from simulation.violation import Violation
from supervision.entry import Entry
from supervision.messages import Emission
from topology.wire import id_hash

OF_SHELVES = ("coupon.grant", "coupon.recall", "coupon.serve", "coupon.list")
NEAR_MS = 1_000
"""After which those are seen to that were due with others."""
UNTOLD = frozenset({"coupon.ask", "coupon.serve"})
"""When a shelf sees to itself is its own business."""


class CouponModel:
    """Purses by user, shelves by segment and template. `answers` are by the id hash of the input."""

    domain = "coupon"
    kinds = frozenset({*REACTIONS, *OF_SHELVES, "coupon.served", "programme.activated", "timer.coupon"})
    parks_subject = True
    timer_key = "next"

    def __init__(self, marks: Counter[str] | None = None) -> None:
        self._marks: Counter[str] = Counter() if marks is None else marks
        self.on_grant: Callable[[Entry], None] = lambda entry: None
        """Told of each that is folded."""
        self.purses: dict[str, Purse] = {}
        self.shelves: dict[tuple[int, str], Shelf] = {}
        self._codes: dict[str, Coupon] = {}
        self._unnamed: list[Coupon] = []
        """Issued, in the order in which their codes will be said."""
        self._public: dict[int, dict[str, str]] = {}
        """Segment -> public code -> template."""
        self.lists = Lists()
        self.answers: dict[int, tuple[Any, ...]] = {}

    def fold(self, entry: Entry, at: int) -> list[Said]:
        """What must be said because of `entry`, folded at `at`."""
        body = msgspec.json.decode(entry.body)
        if entry.kind == "programme.activated":
            return self._told(entry, body)
        if template := template_at(entry.subject):
            return self._of_shelf(entry, self.shelf(entry.segment, template), template, body, at)
        purse = self._purse(entry.subject)
        if entry.kind == "timer.coupon":
            return self._time(purse, entry, body, at)
        if entry.kind == "coupon.served":
            shelf = self.shelf(entry.segment, body["template"])
            before = shelf.all_spare()
            ticket = shelf.going.pop(body["number"])
            fold = self._begin(purse, entry, body["command"], at, ticket.kind, body["template"])
            fold.before = before
            fold.occasion, fold.served = ticket.occasion, True
            purse.waiting -= Counter((fold.template,))
        else:
            fold = self._begin(purse, entry, body, at, entry.kind)
            fold.occasion = occasion_of(body, entry, at) if entry.kind in ISSUES else ""
        if purse.waiting[fold.template] and not fold.served and fold.kind not in HANDS:
            self._marks["waited_behind_oneself"] += 1
            fold.wait({})
        else:
            REACTIONS[fold.kind](fold)
        if fold.kind == LISTED and fold.became:
            self._marks["listed_waited"] += fold.served
            user = entry.subject.removeprefix("user:")
            fold.said += self.lists.decided(entry.segment, fold.template, fold.body, user, fold.became)
        return self._ended(fold)

    def _purse(self, subject: str) -> Purse:
        purse = self.purses.get(subject)
        if purse is None:
            purse = self.purses[subject] = Purse()
        return purse

    def shelf(self, segment: int, template: str) -> Shelf:
        shelf = self.shelves.get((segment, template))
        if shelf is None:
            shelf = self.shelves[segment, template] = Shelf()
        return shelf

    def _begin(self, purse: Purse, entry: Entry, body: dict[str, Any], at: int, kind: str, template: str = "") -> Fold:
        fold = Fold(purse, entry, body, at, kind, self._codes, self._public.get(entry.segment, {}), self._mark)
        if kind in REACTIONS:
            fold.template = template or fold.about()
        if fold.template:
            fold.beside(self.shelf(entry.segment, fold.template))
        return fold

    def _mark(self, name: str) -> None:
        self._marks[name] += 1

    def _ended(self, fold: Fold) -> list[Said]:
        entry, purse = fold.entry, fold.purse
        self._unnamed += fold.made
        if fold.answer is not None and entry.asked:
            self.answers[id_hash(entry.root, entry.asked_of or entry.subject)] = fold.answer
        due = purse.due()
        if 0 < due <= fold.at:
            due = purse.believes if 0 < purse.believes <= fold.at + NEAR_MS else fold.at + NEAR_MS
        if due != purse.believes:
            purse.believes, purse.armed = due, ((due, entry.offset) if due else None)
        freed = self._freed(fold.shelf, fold.before, fold.template, entry.segment) if fold.template else []
        return fold.said + freed

    def _freed(self, shelf: Shelf, before: Need, template: str, segment: int) -> list[Said]:
        """What has become spare of something that is scarce goes back at once."""
        said: list[Said] = []
        for name, slice in shelf.slices.items():
            more = shelf.spare(name) - before[name]
            if (slice.scarce or slice.dry) and more > 0:
                self._marks["freed_gave_back"] += 1
                slice.left -= more
                said.append(_back(template, name, segment, more, False))
        return said

    def _time(self, purse: Purse, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        if not _fires(purse, body):
            return []
        fold = self._begin(purse, entry, body, at, "")
        if due := purse.first_due(at) if purse.coupons and purse.due() <= at else []:
            fold.template = due[0].template
            fold.beside(self.shelf(entry.segment, fold.template))
            fold.pass_time(due)
        return self._ended(fold)

    # Shelves.

    def _told(self, entry: Entry, body: dict[str, Any]) -> list[Said]:
        kind, _, template = body["name"].partition(":")
        if kind != "template":
            return []
        shelf = self.shelf(entry.segment, template)
        if body["number"] <= shelf.number:
            return []
        listing = msgspec.json.decode(body["body"])
        status, rules = listing["status"], listing["template"]
        shelf.hear(body["number"], status, rules)
        codes = self._public.setdefault(entry.segment, {})
        if code := rules.get("code", {}).get("public"):
            codes[plain(code)] = template
        return self._cleared(shelf, entry, template) if status == "closed" else []

    def _cleared(self, shelf: Shelf, entry: Entry, template: str) -> list[Said]:
        """All pieces go back, and there are no more; the money stays, to pay for what was issued."""
        slice = shelf.slices.get("stock")
        if slice is None:
            return []
        slice.dry = True
        amount = shelf.free("stock")
        if not amount:
            return []
        self._marks["closed_gave_back"] += 1
        slice.left -= amount
        return [_back(template, "stock", entry.segment, amount, False)]

    def _of_shelf(self, entry: Entry, shelf: Shelf, template: str, body: dict[str, Any], at: int) -> list[Said]:
        match entry.kind:
            case "coupon.grant":
                return self._lent(shelf, entry, template, body, at)
            case "coupon.recall":
                slice, amount = shelf.slices[body["resource"]], shelf.spare(body["resource"])
                slice.left -= amount
                slice.scarce = True
                self._marks["recalled"] += amount > 0
                return [_back(template, body["resource"], entry.segment, amount, True)]
            case "coupon.serve":
                return self._serve(shelf, entry, template, at)
            case "coupon.list":
                return self.lists.begin(entry.segment, template, body)
            case _:
                return self._idle(shelf, entry, template, body, at)

    def _lent(self, shelf: Shelf, entry: Entry, template: str, body: dict[str, Any], at: int) -> list[Said]:
        slice = shelf.slices[body["resource"]]
        self.on_grant(entry)
        self._marks["dry"] += body["dry"]
        self._marks["good_news_after_dry"] += slice.dry and not body["dry"] and shelf.status != "closed"
        slice.left += body["amount"]
        slice.dry, slice.scarce = body["dry"], body["scarce"]
        if shelf.status == "closed":
            return self._cleared(shelf, entry, template)
        if slice.scarce and slice.left:
            shelf.idle = (at + IDLE_MS, entry.offset)
        return []

    def _serve(self, shelf: Shelf, entry: Entry, template: str, at: int) -> list[Said]:
        said: list[Said] = []
        before = shelf.all_spare()
        while (ticket := shelf.let_go()) is not None:
            self._marks["waited_for_stock"] += any(ticket.promised.values())
            promised = [ticket.promised.get(name, 0) for name in ("stock", "budget")]
            said.append(("coupon.served", ticket.subject, template, ticket.number, ticket.kind, *promised))
        return said + self._freed(shelf, before, template, entry.segment)

    def _idle(self, shelf: Shelf, entry: Entry, template: str, body: dict[str, Any], at: int) -> list[Said]:
        if shelf.idle is None or shelf.idle[1] != body["gen"]:
            return []
        shelf.idle = None
        said: list[Said] = []
        for name, slice in shelf.slices.items():
            if not slice.scarce or not slice.left:
                continue
            if at < slice.used_at + IDLE_MS:
                shelf.idle = (slice.used_at + IDLE_MS, entry.offset)
            elif amount := shelf.spare(name):
                slice.left -= amount
                said.append(_back(template, name, entry.segment, amount, False))
        return said

    # What the shadow asks.

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """An operator threw it away. What a shelf is told, and its own time, is carried out all the same; a user's time
        comes again. A user's command is forgotten, but what it was promised on its way back is for others, and of a
        job's list it is decided.
        """
        if template_at(entry.subject):
            self._marks["coupon_made_good"] += 1
            return self.fold(entry, at)
        body = msgspec.json.decode(entry.body)
        if entry.kind == "timer.coupon":
            self._marks["coupon_made_good"] += 1
            purse = self._purse(entry.subject)
            return self._ended(self._begin(purse, entry, body, at, "")) if _fires(purse, body) else []
        if entry.kind == "coupon.served":
            return self._unserved(entry, body)
        if entry.kind in HANDS:
            self._marks["coupon_made_good"] += 1
            return [_not_delivered(body) if entry.kind == "coupon.hand" else _handed(entry.subject, body)]
        return self._unlisted(entry, body) if entry.kind == LISTED else []

    def _unserved(self, entry: Entry, body: dict[str, Any]) -> list[Said]:
        self._marks["coupon_made_good"] += 1
        template, command = body["template"], body["command"]
        shelf = self.shelf(entry.segment, template)
        before = shelf.all_spare()
        kind = shelf.going.pop(body["number"]).kind
        self.purses[entry.subject].waiting -= Counter((template,))
        said = self._unlisted(entry, command) if kind == LISTED else []
        return said + self._freed(shelf, before, template, entry.segment)

    def _unlisted(self, entry: Entry, command: dict[str, Any]) -> list[Said]:
        self._marks["coupon_made_good"] += 1
        user = entry.subject.removeprefix("user:")
        return self.lists.decided(entry.segment, command["template"], command, user, "discarded")

    def armed(self, subject: str) -> tuple[int, int] | None:
        purse = self.purses.get(subject)
        return purse.armed if purse else None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the store has what the model has."""
        if template := template_at(subject):
            segment = int(subject.partition("/")[0].removeprefix("segment:"))
            return shelf_fits(self.shelf(segment, template), self.lists.stored(segment, template), data)
        return "" if subject.startswith("segment:") else purse_fits(self.purses.get(subject) or Purse(), data)

    def heard(self, emission: Emission) -> Said | None:
        """What an emission says, in the model's words; None when it is none of its business."""
        kind, subject = emission.draft.kind, emission.draft.subject
        if not kind.startswith("coupon.") or kind in UNTOLD:
            return None
        body = msgspec.json.decode(emission.draft.body)
        match kind:
            case "coupon.give_back":
                return _back(subject[9:], body["resource"], body["segment"], body["amount"], body["recalled"])
            case "coupon.served":
                told = ("template", "number", "kind", "stock", "budget")
                return (kind, subject, *(body[name] for name in told))
            case "coupon.issued":
                self._name(body["code"])
                return (kind, subject, body["template"], body["trigger_source"], ms(body["valid_from"]),
                        ms(body["valid_until"]), self._meant(body["origin"]) if "origin" in body else "")  # fmt: skip
            case "coupon.refused":
                about = body.get("quantity", 0) if body["asked"] == "issue" else self._meant(body["coupon"])
                order_id = "" if body["asked"] == "issue" else body.get("order_id", "")
                return (kind, subject, body["asked"], body["code"], body.get("template", ""), about, order_id)
            case "coupon.hand":
                place = (body["segment"], body["serial"])
                return (kind, subject, body["template"], place, body["terms"][1], body["first"])
            case "coupon.handed":
                return _handed(subject, body)
            case "coupon.listed" | "coupon.list_done":
                return coupon_lists.heard(kind, subject, body)
            case "coupon.usage":
                numbers = (body["number"], body["discount"], body["revenue"], body.get("order_id", ""))
                return (kind, subject, body["template"], body["what"], *numbers)
            case _:
                return (kind, subject, self._meant(body["code"]), *_rest(kind, body))

    def _meant(self, code: str) -> Any:
        coupon = self._codes.get(plain(code))
        return coupon.name if coupon else plain(code)

    def _name(self, code: str) -> None:
        """The next of those who were issued has this code."""
        if not self._unnamed:
            return
        coupon = self._unnamed.pop(0)
        coupon.code = code
        if self._codes.setdefault(plain(code), coupon) is not coupon:
            raise Violation(f"model: two coupons have the code {code}")

    def answered(self, body: bytes) -> tuple[Any, ...]:
        """An answer in the model's words."""
        answer = msgspec.json.decode(body)
        if not answer["ok"]:
            return (False, answer["code"])
        result = answer["result"]
        if "coupons" in result:
            shown = [(self._meant(each["code"]), each["state"], ms(each["valid_until"])) for each in result["coupons"]]
            return (True, shown)
        told = (result["discount"],) if "discount" in result else ()
        return (True, self._meant(result["code"]), *told)

    def at_rest(self) -> str:
        """Empty when nobody waits, and every coupon that will end has a timer."""
        for (segment, template), shelf in sorted(self.shelves.items()):
            if shelf.queue or shelf.going:
                waits = [ticket.number for ticket in (*shelf.queue, *shelf.going.values())]
                return f"tickets {waits} of segment {segment} wait for {template}"
        for subject, purse in sorted(self.purses.items()):
            if leaving := [coupon.place for coupon in purse.coupons.values() if coupon.to]:
                return f"{subject} has coupons on their way to nowhere: {leaving}"
            if purse.coupons and (purse.armed is None or purse.armed[0] > max(purse.due(), purse.believes)):
                return f"{subject} has a coupon that is due at {purse.due()}, the timer stands at {purse.armed}"
        return ""

    def held(self, segment: int, template: str) -> int:
        """What holds have taken of the budget."""
        there = [c for purse in self.purses.values() for c in purse.coupons.values() if c.template == template]
        return sum(c.hold[2] for c in there if c.hold and c.place[0] == segment)


def template_at(subject: str) -> str:
    """The template whose part of a segment `subject` is; else empty."""
    segment, _, part = subject.partition("/template:")
    return part if segment.startswith("segment:") else ""


def _fires(purse: Purse, body: dict[str, Any]) -> bool:
    """Whether the firing is that of the purse's timer, which has gone off then."""
    if purse.armed is None or purse.armed[1] != body["gen"]:
        return False
    purse.armed, purse.believes = None, 0
    return True


def _back(template: str, resource: str, segment: int, amount: int, recalled: bool) -> Said:
    return ("coupon.give_back", f"template:{template}", resource, segment, amount, recalled)


def _handed(giver: str, body: dict[str, Any]) -> Said:
    return ("coupon.handed", giver, body["template"], body["serial"], body["refused"])


def _not_delivered(body: dict[str, Any]) -> Said:
    return _handed(f"user:{body['giver']}", body | {"refused": "not_delivered"})


def _rest(kind: str, body: dict[str, Any]) -> tuple[Any, ...]:
    match kind:
        case "coupon.transferred":
            return (body["to_user_id"],)
        case "coupon.held":
            return body["order_id"], body["discount"], ms(body["until"])
        case "coupon.released":
            return body["order_id"], body["reason"]
        case "coupon.redeemed":
            by_item = sorted((item["product_id"], item["discount"]) for item in body["items"])
            return body["order_id"], body["amount"], body["discount"], by_item
        case "coupon.rolled_back":
            return body["order_id"], body["discount"], ms(body["valid_until"]), body.get("expired", False)
        case _:
            return (ms(body["valid_until"]),)
