"""One entry at the reference model: what passing time does first, the words for what is said, and what comes next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulation import points_calendar, points_earning, points_refunds, points_tiers
from simulation.points_book import Book, Lot, Order, Purse, Said
from simulation.points_calendar import DAY_MS, NEVER, SLIDES
from supervision.entry import Entry

TOLD_MAX = 20
"""More that becomes active at once is told as one."""
CAP_MARKS = {
    "order": "cap_of_order", "day": "cap_of_day", "week": "cap_long", "month": "cap_long", "year": "cap_long",
    "lifetime": "cap_long", "hours": "cap_rolling", "days": "cap_rolling",
}  # fmt: skip
EXPIRY_MARKS = {
    "days": "expired_by_days", "sliding": "expired_sliding", "months": "expired_at_period",
    "quarters": "expired_at_period", "years": "expired_at_period",
}  # fmt: skip
PAUSE_MS = 1_000
"""Who is to be reminded of what comes now is reminded so much later, and what comes meanwhile puts it off no more."""

__all__ = ["DAY_MS", "Fold", "refers", "said_of"]


class Fold:
    """Of one entry into one book. `said` are the effects, `answer` what who asked is told: (ok, code, points,
    balance).
    """

    def __init__(
        self, book: Book, entry: Entry, body: dict[str, Any], at: int, rules: dict[str, Any], marks: Counter[str]
    ) -> None:
        self.book, self.entry, self.body, self.at, self.rules, self.marks = book, entry, body, at, rules, marks
        self.subject = entry.subject
        self.said: list[Said] = []
        self.answer: tuple[Any, ...] | None = None

    # Words.

    def say(
        self, what: str, points: int, wallet: str = "", debt: int = 0, cut: Any = (), released: int = 0
    ) -> None:  # fmt: skip
        balance = self.book.purse(wallet).balance
        self.said.append((f"points.{what}", self.subject, points, balance, wallet, debt, list(cut), released))

    def tell(self, points: int, wallet: str = "") -> None:
        """It is done."""
        self.answer = (True, "", points, self.book.purse(wallet).balance)

    def decline(self, code: str, points: int, wallet: str = "") -> None:
        """Nothing is done, which only who asked hears."""
        self.answer = (False, code, points, self.book.purse(wallet).balance)
        self.marks[code] += 1

    def refuse(self, code: str, points: int, wallet: str = "") -> None:
        """Nothing is done."""
        self.refusal(code, points, wallet)
        self.decline(code, points, wallet)

    def refusal(self, code: str, points: int, wallet: str = "") -> None:
        """The effect alone."""
        self.said.append(("points.refused", self.subject, points, self.book.purse(wallet).balance, code, wallet))

    # What there is.

    @property
    def origin(self) -> tuple[int, int]:
        return self.entry.epoch, self.entry.offset

    def order(self, order_id: str) -> Order:
        return self.book.order(order_id)

    def wallet_of(self, named: str | None, reason: str) -> str | None:
        """None: there is no such wallet."""
        wallets = self.rules["wallets"]
        if named is None:
            return next((name for name, wallet in wallets.items() if reason in wallet.get("reasons", ())), "")
        return "" if named == "main" else named if named in wallets else None

    def ends(self, wallet: str, active: int) -> int:
        """When points of the wallet end that are active from then on."""
        kind, n = self._expiry(wallet)
        return points_calendar.ends(self.zone, kind, n, self.day(active))

    def slides(self, wallet: str) -> int:
        """When those end that slide, if there are any: as if they had come when their owner was last here."""
        if SLIDES not in [lot[0] for lot in self.book.purse(wallet).lots]:
            return NEVER
        kind, n = self._expiry(wallet)
        active = self.day(self.book.active_at)
        return points_calendar.ends(self.zone, "days" if kind == "sliding" else kind, n, active)

    def _expiry(self, wallet: str) -> tuple[str, int]:
        rule = self.rules["wallets"].get(wallet, {}).get("expiry") or self.rules["expiry"]
        return rule.get("kind", "days"), rule.get("n", 365)

    @property
    def zone(self) -> str:
        return self.rules["zone"]

    def day(self, at: int) -> int:
        return points_calendar.day_of(self.zone, at)

    def here(self) -> None:
        """The user did something, or was given something."""
        self.book.active_at = self.at

    def repeats(self) -> bool:
        """Whether it is a known `points_change`, which is no event at all."""
        body, order_id = self.body, self.body.get("order_id")
        if self.entry.kind != "points.change" or not order_id or order_id not in self.book.orders:
            return False
        return self.order(order_id).changes.get((body["change_type"], body["reason"])) == said_of(body)

    # Time.

    def settle(self) -> None:
        """What has become due, and refunds whose orders did not come."""
        self.marks["zone_moved"] += self.book.days_of not in ("", self.zone) and self.book.balance > 0
        self.book.days_of = self.zone
        self.pass_time()
        if not self.book.waiting:
            return
        over = [each for each in self.book.waiting if each["until"] <= self.at]
        self.book.waiting = [each for each in self.book.waiting if each["until"] > self.at]
        for _ in over:
            self.refusal("order_unknown", 0)
            self.marks["refund_given_up"] += 1

    def pass_time(self) -> None:
        book = self.book
        for name, purse in list(book.purses.items()):
            if purse.pending:
                self._activate(name)
        over = [(held.until, rid) for rid, held in book.holds.items() if held.until <= self.at]
        for _, rid in sorted(over):
            self.release(rid)
            self.marks["reservation_expired"] += 1
        for name in list(book.purses):
            self.expire(name)
        if not book.believes or book.believes <= self.at or book.armed_by != self.rules["ident"]:
            self._look()

    def _look(self) -> None:
        """There may be something to say: the time has come, or the programme is another one."""
        if tiers := self.rules["tiers"]:
            self.tier(points_tiers.settle(self.book, tiers, self.at, self.subject))
        self._remind()

    def _remind(self) -> None:
        """Of lots whose end is near, each end once."""
        for name, purse in self.book.purses.items():
            slides = self.slides(name) if purse.lots else NEVER
            for end, points in sorted(purse.ends(slides).items()):
                if purse.reminded < end < NEVER and 0 < self._reminder(end) <= self.at:
                    day = points_calendar.last_day(self.zone, end)
                    self.said.append(("points.expiring", self.subject, points, purse.balance, name, end, day))
                    purse.reminded = end
                    self.marks["reminded"] += 1

    def _reminder(self, end: int) -> int:
        """When to remind of that; 0: never."""
        days = self.rules["reminder_days"]
        return points_calendar.reminder(self.zone, days, end) if days else 0

    def _activate(self, wallet: str) -> None:
        purse = self.book.purse(wallet)
        due = sorted([waits for waits in purse.pending if 0 < waits[0] <= self.at], key=lambda waits: waits[0])
        self.activate(wallet, due, [waits[0] for waits in due])

    def activate(self, wallet: str, due: list[list[Any]], moments: list[int]) -> None:
        """These are pending no more."""
        purse = self.book.purse(wallet)
        purse.pending = [waits for waits in purse.pending if waits not in due]
        paid: list[int] = []
        for waits, moment in zip(due, moments, strict=True):
            debt = purse.debt
            purse.come([waits[1] or self.ends(wallet, moment), *waits[2:5], None], self.rules["lots_max"])
            self.merged(purse)
            paid.append(debt - purse.debt)
        self.marks["activated"] += len(due)
        if len(due) > TOLD_MAX:
            self.say("activated", sum(waits[4] for waits in due), wallet, sum(paid))
            return
        for waits, debt in zip(due, paid, strict=True):
            self.say("activated", waits[4], wallet, debt)

    def release(self, rid: str) -> None:
        held = self.book.holds.pop(rid)
        for part in sorted(held.parts, key=lambda part: part[:3]):
            self.book.purse(held.wallet).come(part, self.rules["lots_max"])
        self.merged(self.book.purse(held.wallet))
        self.say("released", sum(part[3] for part in held.parts), held.wallet)

    def expire(self, wallet: str) -> None:
        """Lots that have ended are gone."""
        purse = self.book.purse(wallet)
        if purse.lots and (gone := purse.expire(self.at, self.slides(wallet))):
            self.marks[EXPIRY_MARKS[self._expiry(wallet)[0]]] += 1
            self.say("expired", gone, wallet)

    def next_due(self) -> int:
        """When time will do something next."""
        book = self.book
        moments = [held.until for held in book.holds.values()] + [each["until"] for each in book.waiting]
        for name, purse in book.purses.items():
            moments += [waits[0] for waits in purse.pending if waits[0]]
            moments += self._ends_of(purse, self.slides(name)) if purse.lots else []
        tier = points_tiers.next_due(book, self.rules["tiers"])
        return min(moments + ([tier] if tier else []), default=0)

    def _ends_of(self, purse: Purse, slides: int) -> list[int]:
        """The end of the lots that end first, and when to remind of those that were not reminded of."""
        ends = sorted([end for end in purse.ends(slides) if end < NEVER])
        new = [self._reminder(end) for end in [end for end in ends if end > purse.reminded][:1]]
        soon = self.at + PAUSE_MS
        if self.at < self.book.believes < soon:
            soon = self.book.believes
        return ends[:1] + [moment if moment > self.at else soon for moment in new if moment]

    # What comes.

    def come(
        self, points: int, reason: str, order: Order | None = None, wallet: str | None = None,
        active: int | None = None, ordinary: bool = True, bought: bool = False, expires: int = 0,
    ) -> int | None:  # fmt: skip
        """So many points are to come; how many did, None: they were refused. `active` None: now, 0: with its order.
        `bought`: they are what an order is worth, which is taken note of even if a cap lets none of them come.
        `expires` 0: as the programme says.
        """
        name = self.wallet_of(wallet, reason)
        if name is None:
            self.refuse("unknown_wallet", points)
            return None
        may, cut, refusing = points_earning.capped(self.book, self.rules, points, reason, order, self.at, ordinary)
        self._mark_caps([*[cap for cap, _ in cut], *refusing])
        if refusing or (points and not may):
            if refusing or not bought:
                self.refuse("cap_reached", points)
                return None
            self.refusal("cap_reached", points)
            return may
        if expires and expires <= max(self.at, active or 0):
            self.refuse("in_the_past", points)
            return None
        if may:
            self._let_come(may, order, name, active, cut, expires)
        went_on, anew = points_earning.use(self.book, self.rules, may, reason, order, self.at, ordinary)
        self.marks["cap_went_on"] += went_on
        self.marks["cap_began_anew"] += anew
        return may

    def _mark_caps(self, reached: list[str]) -> None:
        """Caps that did not let all pass."""
        for cap in self.rules["caps"] if reached else ():
            if cap["id"] in reached:
                self.marks[CAP_MARKS[cap["per"]]] += 1
                self.marks["cap_cut"] += cap["over"] == "cut"

    def _let_come(
        self, points: int, order: Order | None, wallet: str, active: int | None, cut: Any, named: int
    ) -> None:  # fmt: skip
        """`named`: when they end, if somebody said."""
        purse = self.book.purse(wallet)
        purse.terms["issued"] += points
        if active is None or 0 < active <= self.at:
            expires = named or self.ends(wallet, self.at)
            self.arrive("earned", wallet, [[expires, *self.origin, points, None]], cut)
        else:
            expires = named or (self.ends(wallet, active) if active else 0)
            order_id = next((id for id, known in self.book.orders.items() if known is order), "")
            purse.pending.append([active, expires, *self.origin, points, order_id])
            self.say("pending", points, wallet, 0, cut)
            self.marks["end_named_of_pending"] += named > 0
        self.marks["end_named"] += named > 0
        if order is not None:
            order.earned.append([wallet, self.origin, points, 0, expires])

    def merged(self, purse: Purse) -> None:
        """Lots that became one are a line of the records."""
        self.book.lines += purse.merged
        self.marks["lots_merged"] += purse.merged
        purse.merged = False

    def arrive(self, what: str, wallet: str, lots: list[Lot], cut: Any = ()) -> None:
        purse = self.book.purse(wallet)
        debt = purse.debt
        for lot in lots:
            purse.come(lot, self.rules["lots_max"])
        self.merged(purse)
        if debt > purse.debt:
            self.marks["debt_paid"] += 1
        self.say(what, sum(lot[3] for lot in lots), wallet, debt - purse.debt, cut)

    # What is taken back.

    def refund(self, order: Order, what: points_refunds.Claim) -> None:
        """Carry it out and say so, by wallet."""
        before = {name: purse.debt for name, purse in self.book.purses.items()}
        moved = points_refunds.carry_out(self.book, order, what, self.rules, self.at)
        for name, each in moved.items():
            self.merged(self.book.purse(name))
            numbers = (each.pending, each.lots, each.balance, each.debt, each.written_off, each.returned)
            if each.claimed or each.returned:
                balance = self.book.purse(name).balance
                self.said.append(("points.reversed", self.subject, each.claimed, balance, *numbers, name))
            self.marks["debt"] += self.book.purse(name).debt > before.get(name, 0)
            self.marks["written_off"] += each.written_off > 0
            self.marks["spent_came_back"] += each.returned > 0

    def uncount(self, order: Order, points: int, money: int) -> None:
        """It does not count for the tier any more."""
        if tiers := self.rules["tiers"]:
            amount = money if tiers["by"] == "money" else points
            self.tier(points_tiers.uncount(self.book, tiers, amount, order.at or self.at, self.at, self.subject))

    def count(self, points: int, money: int = 0) -> None:
        """It counts for the tier."""
        if not (tiers := self.rules["tiers"]):
            return
        was_late = points_tiers.in_grace(self.book, tiers, self.at)
        said = points_tiers.count(self.book, tiers, money if tiers["by"] == "money" else points, self.at, self.subject)
        self.tier(said)
        self.marks["tier_by_money"] += tiers["by"] == "money" and any(each[0] == "tier.upgraded" for each in said)
        self.marks["tier_in_grace"] += was_late
        self.marks["tier_saved"] += was_late and not said and not points_tiers.in_grace(self.book, tiers, self.at)

    def tier(self, said: list[Said]) -> None:
        self.said += said
        for each in said:
            self.marks[each[0].replace(".", "_")] += 1
            self.marks["tier_rolled"] += each[0] == "tier.dropped" and self.rules["tiers"]["window"] == "days"


def said_of(change: dict[str, Any]) -> tuple[Any, ...]:
    """What a `points_change` says under its order and reason: (points, referrer, the referrer's points)."""
    if not refers(change):
        return (change["points"], "", 0)
    metadata: dict[str, Any] = change["metadata"]
    return (change["points"], metadata["referrer_id"], metadata.get("referrer_points") or change["points"])


def refers(change: dict[str, Any]) -> bool:
    return change["reason"] == "referral" and change["change_type"] == "increase"
