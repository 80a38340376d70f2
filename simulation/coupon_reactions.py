"""What the reference model of coupons makes of each command: one user's purse, one template's shelf, what is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from simulation import coupon_sums
from simulation.coupon_purse import Coupon, Place, Purse, Use
from simulation.coupon_shelf import Need, Shelf
from simulation.model import Said
from simulation.points_calendar import DAY_MS, begins, day_of, ms
from supervision.entry import Entry

GENERATED_CHARS_MIN = 20
SERIALS_PER_ENTRY = 10
COUPONS_PER_ORDER_MAX = 6
HOLD_S = 900
ISSUES = ("coupon.issue", "coupon.listed")
HANDS = ("coupon.hand", "coupon.handed")
"""What two users say to each other when one gives the other a coupon."""

Meant = Coupon | str | None
"""A coupon somebody was given, the template whose public code it is, or nothing."""


class Fold:
    """One command, or one firing, about one user. `known`: coupons by code; `public`: templates by public code."""

    def __init__(
        self, purse: Purse, entry: Entry, body: dict[str, Any], at: int, kind: str, known: Mapping[str, Coupon],
        public: Mapping[str, str], mark: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.purse, self.entry, self.body, self.at, self.kind = purse, entry, body, at, kind
        self.known, self.public, self.mark = known, public, mark
        self.shelf = Shelf()
        self.before: Need = {}
        """What was free on the shelf."""
        self.served = False
        self.template = ""
        self.occasion = ""
        self.became = ""
        """Of an issue that is decided: "issued", "already", or why it is refused."""
        self.said: list[Said] = []
        self.answer: tuple[Any, ...] | None = None
        self.made: list[Coupon] = []

    def beside(self, shelf: Shelf) -> None:
        self.shelf, self.before = shelf, shelf.all_spare()

    # What is meant.

    def meant(self) -> tuple[Meant, str]:
        """What the code means, or what is wrong with it."""
        code = plain(self.body["code"])
        if code in self.known:
            return self.known[code], ""
        if len(code) >= GENERATED_CHARS_MIN:
            return None, "bad_check_character"
        return (self.public[code], "") if code in self.public else (None, "unknown_code")

    def about(self) -> str:
        """The template."""
        if self.kind in (*ISSUES, *HANDS):
            return self.body["template"]
        meant, _ = self.meant()
        if isinstance(meant, Coupon):
            return meant.template if meant.place[0] == self.entry.segment else ""
        return meant or ""

    def name(self) -> Place | str:
        """Of what was asked about."""
        meant, _ = self.meant()
        return meant.place if isinstance(meant, Coupon) else plain(self.body["code"])

    def owned(self, meant: Meant, order_id: str) -> Coupon | str | None:
        """The user's coupon, nothing when he has to take it first, or why it is not his."""
        if not isinstance(meant, Coupon):
            mine = [c for c in self.purse.coupons.values() if c.public and c.template == meant]
            return next((c for c in mine if c.hold and c.hold[0] == order_id), None)
        if meant.user != self.entry.subject:
            self.mark("others_code")
            return "not_yours"
        ended = {"redeemed": "already_redeemed", "transferred": "transferred"}
        return meant if not meant.end else ended.get(meant.end, "expired")

    def used(self, meant: Meant, order_id: str) -> Use | None:
        for use in self.purse.orders.get(order_id, []):
            public = use.coupon.public and use.coupon.template == meant
            if public or use.coupon is meant:
                return use
        return None

    # Saying.

    def say(self, kind: str, *more: Any) -> None:
        self.said.append((kind, self.entry.subject, *more))

    def refuse(self, asked: str, code: str) -> None:
        self.answer, self.became = (False, code), code
        if self.served:
            self.mark("served_refused")
        if asked == "issue":
            self.say("coupon.refused", asked, code, self.body["template"], self.body.get("quantity", 1), "")
            return
        order = self.body["order"]["order_id"] if "order" in self.body else self.body.get("order_id", "")
        self.say("coupon.refused", asked, code, self.template, self.name(), order)

    def usage(self, what: str, *more: Any) -> None:
        self.say("coupon.usage", self.template, what, *more)

    def wait(self, need: Need) -> None:
        self.shelf.wait(self.kind, self.occasion, need, self.entry.subject)
        self.purse.waiting[self.template] += 1

    # Issuing.

    def issue(self) -> None:
        body, purse, had = self.body, self.purse, self.purse.issued
        coupons = had.get((self.template, self.occasion), [])
        number = body.get("quantity", 1) - len(coupons)
        if number <= 0:
            self.mark("occasion_again")
            self.became = "already"
            self.answer = self._shown(coupons)
            return
        until = self._until(number)
        if isinstance(until, str):
            self.refuse("issue", until)
            return
        room = self.shelf.room({"stock": number}, self.served)
        if room == "wait":
            self.wait({"stock": number})
        elif room:
            self.refuse("issue", "sold_out")
        else:
            self.shelf.move({"stock": number}, self.at)
            made = [self._make(n, until) for n in range(number)]
            had[self.template, self.occasion] = [*coupons, *made]
            purse.days.setdefault(self.template, []).extend([made[0].day] * number)
            self.shelf.tally["issued"] += number
            self.became = "issued"
            self.answer = self._shown([*coupons, *made])

    def _make(self, n: int, until: int) -> Coupon:
        place = (self.entry.segment, self.entry.offset * SERIALS_PER_ENTRY + n)
        coupon = Coupon(place, self.entry.subject, self.template, self.shelf.rules, until, self.today(), False)
        coupon.begins = self.at
        self.purse.coupons[place[1]] = coupon
        self.made.append(coupon)
        self.say("coupon.issued", self.template, source_of(self.body), self.at, until, "")
        return coupon

    def _shown(self, coupons: list[Coupon]) -> tuple[Any, ...]:
        there = [coupon for coupon in coupons if not coupon.end]
        return True, [(coupon.place, "held" if coupon.hold else "issued", coupon.until) for coupon in there]

    def _until(self, number: int) -> int | str:
        """When the coupons end, or why there are none."""
        status, rules = self.shelf.status, self.shelf.rules
        if status in ("", "draft"):
            return "unknown_template"
        if status != "active":
            return f"template_{status}"
        if self.purse.over_limit(self.template, rules, number, self.at):
            return "per_user_limit"
        return ends(rules, self.at, self.body.get("expire_days"))

    def today(self) -> int:
        return day_of(self.shelf.rules.get("zone", "UTC"), self.at)

    # Holding and using.

    def use(self) -> None:
        order = self.body["order"]
        meant, wrong = self.meant()
        if not wrong and (known := self.used(meant, order["order_id"])):
            self.answer = (True, known.coupon.name, known.discount)
            return
        found = self._worth("redeem", meant, wrong)
        if found is None:
            return
        coupon, off = found
        self.purse.coupons.pop(coupon.place[1], None)
        coupon.hold, coupon.end = None, "redeemed"
        amount = sum(item["amount"] for item in order["items"])
        use = Use(coupon, off, amount)
        self.purse.orders.setdefault(order["order_id"], []).append(use)
        self.shelf.tally.update(redeemed=1, discount=use.discount, revenue=amount)
        self.say("coupon.redeemed", coupon.name, order["order_id"], amount, use.discount, sorted(off.items()))
        self.usage("redeemed", 1, use.discount, amount, order["order_id"])
        self.answer = (True, coupon.name, use.discount)

    def hold(self) -> None:
        order_id = self.body["order"]["order_id"]
        meant, wrong = self.meant()
        if not wrong and self.used(meant, order_id):
            self.refuse("hold", "already_redeemed")
            return
        found = self._worth("hold", meant, wrong)
        if found is None:
            return
        coupon, off = found
        until = self.at + self.body.get("ttl_s", HOLD_S) * 1_000
        coupon.hold = (order_id, until, sum(off.values()), self.at)
        self.purse.coupons[coupon.place[1]] = coupon
        self.shelf.tally["held"] += 1
        self.say("coupon.held", coupon.name, order_id, coupon.hold[2], until)
        self.answer = (True, coupon.name, coupon.hold[2])

    def _worth(self, asked: str, meant: Meant, wrong: str) -> tuple[Coupon, dict[str, int]] | None:
        """The coupon and what it takes off, paid for; None when it is refused or waits."""
        order_id, items = self.body["order"]["order_id"], coupon_sums.items_of(self.body["order"])
        coupon = self._mine(meant, wrong, order_id)
        if isinstance(coupon, str):
            self.purse.missed(coupon, self.at)
            self.refuse(asked, coupon)
            return None
        by = coupon.hold[3] if coupon.hold and asked == "redeem" else self.at
        wrong = self._not_now(coupon, order_id) or coupon_sums.why_not(coupon.rules, coupon.until, items, by)
        book = self.purse.orders.get(order_id, [])
        wrong = wrong or _not_beside(coupon, book)
        if wrong:
            self.refuse(asked, wrong)
            return None
        taken: dict[str, int] = {}
        for use in book:
            for product, amount in use.off.items():
                taken[product] = taken.get(product, 0) + amount
        off = coupon_sums.off(coupon.rules, items, taken)
        if not off:
            self.refuse(asked, "no_gain")
            return None
        return (coupon, off) if self._paid(asked, coupon, sum(off.values())) else None

    def _mine(self, meant: Meant, wrong: str, order_id: str) -> Coupon | str:
        """The user's coupon, taken now by a public code if need be."""
        if self.purse.guard[1] > self.at:
            self.mark("coupon_guarded")
            return "too_many_attempts"
        found = wrong or self.owned(meant, order_id)
        if found is not None:
            return found
        rules = self.shelf.rules
        if self.shelf.status == "draft":
            return "unknown_code"
        if self.shelf.status != "active":
            return "template_paused" if self.shelf.status == "paused" else "template_closed"
        if self.purse.over_limit(self.template, rules, 1, self.at):
            return "per_user_limit"
        until = ends(rules, self.at, None)
        if isinstance(until, str):
            return until
        place = (self.entry.segment, self.entry.offset * SERIALS_PER_ENTRY)
        return Coupon(place, self.entry.subject, self.template, rules, until, self.today(), True)

    def _strange(self, code: str) -> str:
        """Of a code that means nothing of the user's: while he must wait, not even that is said."""
        if self.purse.guard[1] > self.at:
            self.mark("coupon_guarded")
            return "too_many_attempts"
        self.purse.missed(code, self.at)
        return code

    def _not_now(self, coupon: Coupon, order_id: str) -> str:
        if coupon.to:
            return "being_transferred"
        if coupon.hold and coupon.hold[0] != order_id:
            return "held_by_other_order"
        return "template_paused" if self.shelf.status == "paused" and not coupon.hold else ""

    def _paid(self, asked: str, coupon: Coupon, discount: int) -> bool:
        before = coupon.hold[2] if coupon.hold else 0
        new = coupon.public and coupon.place[1] not in self.purse.coupons
        need = {"stock": int(new), "budget": max(0, discount - before)}
        room = self.shelf.room(need, self.served)
        if room == "wait":
            self.wait(need)
        elif room:
            self.refuse(asked, "sold_out" if room == "stock" else "budget_spent")
        else:
            self.shelf.move(need, self.at)
            self.shelf.move({"budget": min(0, discount - before)})
            if new:
                self.purse.days.setdefault(self.template, []).append(coupon.day)
                self.shelf.tally["issued"] += 1
        return not room

    def release(self) -> None:
        meant, wrong = self.meant()
        coupon = wrong or self.owned(meant, self.body["order_id"])
        if isinstance(coupon, str) or coupon is None:
            self.refuse("release", self._strange(coupon or "not_held"))
        elif not coupon.hold or coupon.hold[0] != self.body["order_id"]:
            self.refuse("release", "not_held")
        else:
            self.let_go(coupon, "cancelled")
            self.answer = (True, coupon.name)

    def let_go(self, coupon: Coupon, reason: str) -> None:
        assert coupon.hold is not None
        order_id, _, discount, _ = coupon.hold
        coupon.hold = None
        self.shelf.move({"budget": -discount})
        self.shelf.tally["released"] += 1
        self.say("coupon.released", coupon.name, order_id, reason)
        if coupon.public:
            self._give_back(coupon)

    def _give_back(self, coupon: Coupon) -> None:
        self.mark("public_code_returned")
        self.purse.coupons.pop(coupon.place[1], None)
        coupon.end = "returned"
        self.purse.days[coupon.template].remove(coupon.day)
        self.shelf.move({"stock": -1})
        self.shelf.tally["issued"] -= 1

    def roll_back(self) -> None:
        order_id = self.body["order_id"]
        meant, wrong = self.meant()
        use = None if wrong else self.used(meant, order_id)
        if use is None:
            self.refuse("rollback", self._strange(wrong or "not_redeemed"))
            return
        self.purse.orders[order_id].remove(use)
        coupon, days = use.coupon, self.body.get("extend_days", 0)
        self.shelf.move({"budget": -use.discount})
        self.shelf.tally.update(rolled_back=1, redeemed=0, discount=-use.discount, revenue=-use.amount)
        if days:
            coupon.until, coupon.reminded = max(coupon.until, self.at) + days * DAY_MS, False
        expired = not coupon.public and coupon.until <= self.at
        coupon.end = "expired" if expired else ""
        self.say("coupon.rolled_back", coupon.name, order_id, use.discount, coupon.until, expired)
        self.usage("rolled_back", -1, -use.discount, -use.amount, order_id)
        self.answer = (True, coupon.name, use.discount)
        if coupon.public:
            self._give_back(coupon)
        elif expired:
            self.mark("rollback_of_expired")
            self.shelf.tally["expired"] += 1
        else:
            self.purse.coupons[coupon.place[1]] = coupon

    # Handing over.

    def transfer(self) -> None:
        """The giver asks for it."""
        meant, wrong = self.meant()
        coupon = meant if isinstance(meant, Coupon) else None
        if coupon and (coupon.user, coupon.end) == (self.entry.subject, "transferred") and coupon.to == self.body["to"]:
            self.mark("handed_over_again")
            self.answer = (True, coupon.name)
            return
        why = self._kept(coupon, wrong)
        if why or coupon is None:
            self.purse.missed(why, self.at)
            self.refuse("transfer", why)
            return
        coupon.to = self.body["to"]
        first = coupon.first or user_of(self.entry)
        self.said.append(("coupon.hand", f"user:{coupon.to}", self.template, coupon.place, coupon.until, first))

    def _kept(self, coupon: Coupon | None, wrong: str) -> str:
        """Why it stays where it is."""
        if self.purse.guard[1] > self.at:
            self.mark("coupon_guarded")
            return "too_many_attempts"
        if wrong or coupon is None:
            return wrong or "not_transferable"
        if isinstance(found := self.owned(coupon, ""), str):
            return found
        if coupon.to:
            return "being_transferred"
        if not self.shelf.rules.get("transferable"):
            return "not_transferable"
        if coupon.hold:
            return "held_by_other_order"
        if coupon.until <= self.at:
            return "expired"
        return "template_paused" if self.shelf.status == "paused" else ""

    def arrive(self) -> None:
        """The receiver gets it, or not."""
        body, me, shelf = self.body, user_of(self.entry), self.shelf
        origin, mine = self.known[plain(body["code"])], body["first"] == user_of(self.entry)
        refused = ""
        if not shelf.number or (shelf.number < body["number"] and not shelf.has_heard(origin.rules)):
            refused = "not_delivered"
        elif origin.until <= self.at:
            refused = "expired"
        elif not mine and self.purse.over_limit(self.template, shelf.rules, 1, self.at):
            refused = "per_user_limit"
        else:
            self._receive(origin, "" if mine else body["first"])
            self.mark("came_home" if mine else "handed_over")
        if refused:
            self.mark("hand_over_refused")
        assert me != body["giver"], "nobody gives himself anything"
        self.said.append(("coupon.handed", f"user:{body['giver']}", self.template, body["serial"], refused))

    def _receive(self, origin: Coupon, first: str) -> None:
        place = (self.entry.segment, self.entry.offset * SERIALS_PER_ENTRY)
        coupon = Coupon(place, self.entry.subject, self.template, origin.rules, origin.until, self.today(), False)
        coupon.begins, coupon.first = origin.begins, first
        self.purse.coupons[place[1]] = coupon
        self.made.append(coupon)
        if first:
            self.purse.days.setdefault(self.template, []).append(coupon.day)
        self.say("coupon.issued", self.template, "transfer", coupon.begins, coupon.until, origin.place)

    def settle(self) -> None:
        """The giver hears of it."""
        coupon, refused = self.purse.coupons[self.body["serial"]], self.body["refused"]
        if refused:
            coupon.to, self.answer = "", (False, refused)
            self.say("coupon.refused", "transfer", refused, self.template, coupon.name, "")
            return
        del self.purse.coupons[coupon.place[1]]
        coupon.end = "transferred"
        self.shelf.tally["transferred"] += 1
        self.say("coupon.transferred", coupon.name, coupon.to)
        self.usage("transferred", 1, 0, 0, "")
        self.answer = (True, coupon.name)

    # Time.

    def pass_time(self, due: list[Coupon]) -> None:
        """See to what is due."""
        for coupon in due:
            if coupon.hold:
                if coupon.until <= self.at:
                    self.mark("expired_while_held")
                self.let_go(coupon, "expired")
            if coupon.end:
                continue
            if coupon.until <= self.at:
                del self.purse.coupons[coupon.place[1]]
                coupon.end = "expired"
                self.shelf.tally["expired"] += 1
                self.say("coupon.expired", coupon.place, coupon.until)
                self.usage("expired", 1, 0, 0, "")
            elif coupon.due() <= self.at:
                coupon.reminded = True
                if coupon.until - coupon.begins > DAY_MS:
                    self.say("coupon.expiring", coupon.place, coupon.until)


def user_of(entry: Entry) -> str:
    return entry.subject.removeprefix("user:")


def _not_beside(coupon: Coupon, book: list[Use]) -> str:
    """Why it cannot be used with the coupons of the same order."""
    if len(book) >= COUPONS_PER_ORDER_MAX:
        return "too_many_coupons"
    mine = _stacking(coupon)
    for use in book:
        other = _stacking(use.coupon)
        if mine[1] or other[1] or mine[0] == other[0]:
            return "not_combinable"
    return ""


def _stacking(coupon: Coupon) -> tuple[tuple[str, str], bool]:
    rules = coupon.rules.get("stacking", {})
    group = ("group", rules["group"]) if rules.get("group") else ("template", coupon.template)
    return group, rules.get("exclusive", False)


def ends(rules: Mapping[str, Any], at: int, expire_days: int | None) -> int | str:
    """When a coupon that is issued now ends, or why none is."""
    days, window = rules["valid"].get("days"), rules["valid"].get("ends")
    last = ms(window) if window else None
    if last is not None and at >= last:
        return "expired"
    if expire_days is not None and days is not None and expire_days > days:
        return "widens"
    given = expire_days if expire_days is not None else days
    zone = rules.get("zone", "UTC")
    end = begins(zone, day_of(zone, at) + given + 1) if given is not None else None
    if expire_days is not None and days is None and last is not None and end is not None and end > last:
        return "widens"
    return min(each for each in (end, last) if each is not None)


def occasion_of(body: Mapping[str, Any], entry: Entry, at: int) -> str:
    """What an issue is known by."""
    why = source_of(body)
    for name in ("order_id", "activity_id", "job_id"):
        if body.get(name):
            return f"{why} of {name} {body[name]}"
    if why == "new_user_register":
        return why
    return f"{why} {datetime.fromtimestamp(at / 1000, UTC).year}" if why == "birthday" else entry.root or entry.place


def source_of(body: Mapping[str, Any]) -> str:
    """Of an issue, in its sender's word."""
    return body.get("trigger_source") or body.get("source") or "manual"


def plain(code: str) -> str:
    """A code as it is compared."""
    return code.upper().replace("-", "").replace(" ", "")


REACTIONS: Mapping[str, Callable[[Fold], None]] = {
    "coupon.issue": Fold.issue,
    "coupon.listed": Fold.issue,
    "coupon.use": Fold.use,
    "coupon.hold": Fold.hold,
    "coupon.release": Fold.release,
    "coupon.roll_back": Fold.roll_back,
    "coupon.transfer": Fold.transfer,
    "coupon.hand": Fold.arrive,
    "coupon.handed": Fold.settle,
}
