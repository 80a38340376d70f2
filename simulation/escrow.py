"""The conservation of stock and money, after every committed stage: nothing that a template lends is anywhere twice,
and nothing nowhere.

    total = free + what is lent to each segment
    lent  = on the way there + in its slice + used up + on the way back

The left sides are read from what the stock domain has stored, the slice and what was used from what the coupon domain
has stored, and what is on the way is counted from the words themselves, as they are emitted and as they are folded. No
model is asked, except for what holds have taken, which is in the purses.

Of coupons, too, each is in one purse: what was issued and not used up or over is, over all segments, what the purses
hold; who gives one away has it until its receiver has, and for that while it may be in both or counted in one.

    in purses, not leaving <= issued - redeemed + rolled back - expired <= in purses

At rest nothing is on the way and nobody waits; and when a scarce slice has been idle for long enough, no segment is
told that there is nothing while another has what it does not need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from simulation.coupon_model import CouponModel, template_at
from simulation.coupon_shelf import RESOURCES, limits
from simulation.model import Said
from simulation.violation import Violation
from supervision.entry import Entry
from supervision.messages import Emission, Stage

TEMPLATE = "template:"
Lent = tuple[str, str, int]
"""(template, resource, segment)."""


class Pool:
    """What a template has of one resource, as its domain has stored it."""

    def __init__(self, fields: list[Any]) -> None:
        self.total, self.free, lent, self.asking, self.called, _, self.dry = fields
        self.lent: dict[int, int] = lent


class Slice:
    """What a segment has and has used, as its domain has stored it."""

    def __init__(self, fields: list[Any], used: int) -> None:
        self.left, self.promised, self.queued, _, self.dry, self.scarce = fields[:6]
        self.used = used

    @property
    def spare(self) -> int:
        return self.left - self.promised - self.queued


class Escrow:
    """The checker, and for the shadow the model of the stock domain, which says nothing that anybody foretells."""

    domain = "coupon_stock"
    kinds = frozenset({"programme.changed", "coupon.ask", "coupon.give_back"})
    parks_subject = True
    timer_key = ""

    def __init__(self, coupons: CouponModel) -> None:
        self._coupons = coupons
        coupons.on_grant = self._arrived
        self._pools: dict[tuple[str, str], Pool] = {}
        self._slices: dict[Lent, Slice] = {}
        self._there: Counter[Lent] = Counter()
        self._back: Counter[Lent] = Counter()
        """On the way to the segment, and from it."""
        self._tallies: dict[tuple[str, int], list[int]] = {}
        self._purses: dict[str, tuple[Counter[str], Counter[str]]] = {}
        """User -> how many coupons of each template he has, and how many of these are leaving."""
        self._totals: dict[tuple[str, str], int] = {}
        self._lowered: set[tuple[str, str]] = set()
        """What was less some time than it had been: more may be lent than there is."""

    # As the shadow's model.

    def fold(self, entry: Entry, at: int) -> list[Said]:
        body = msgspec.json.decode(entry.body)
        template = entry.subject.removeprefix(TEMPLATE)
        if entry.kind == "coupon.give_back":
            self._back[template, body["resource"], body["segment"]] -= body["amount"]
        elif entry.kind == "programme.changed" and entry.subject.startswith(TEMPLATE):
            for name, total in limits(msgspec.json.decode(body["body"])["template"]).items():
                before = self._totals.get((template, name), 0)
                self._totals[template, name] = total
                if total < before:
                    self._lowered.add((template, name))
        return []

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """What an operator throws away of what was said to a template is carried out all the same."""
        return self.fold(entry, at)

        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def heard(self, emission: Emission) -> Said | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        """Empty when the template has as much to give as its newest version says."""
        template = subject.removeprefix(TEMPLATE)
        for name, pool in _pools(data):
            if pool.total != self._totals.get((template, name)):
                return f"{pool.total} of {name}, its version says {self._totals.get((template, name))}"
        return ""

    # As the checker.

    def _arrived(self, entry: Entry) -> None:
        """A grant is folded."""
        body = msgspec.json.decode(entry.body)
        at = (template_at(entry.subject), body["resource"], entry.segment)
        self._there[at] -= body["amount"]

    def stage(self, stage: Stage) -> None:
        """A stage of one of the two domains is durable, and the shadow has folded its entries."""
        concerned: dict[str, None] = {}
        for emission in stage.emits:
            self._sent(emission)
        for subject, data in stage.states:
            if stage.domain == self.domain:
                template = subject.removeprefix(TEMPLATE)
                self._pools |= {(template, name): pool for name, pool in _pools(data)}
            elif template := template_at(subject):
                self._put(template, stage.segment, msgspec.msgpack.decode(data))
            else:
                if subject.startswith("user:"):
                    self._purses[subject] = _held(data)
                continue
            concerned[template] = None
        for template in concerned:
            self._conserved(template)
        self._each_somewhere()

    def _each_somewhere(self) -> None:
        alive: Counter[str] = Counter()
        for (template, _), tally in self._tallies.items():
            issued, redeemed, rolled_back, expired = (tally[at] for at in (0, 3, 4, 5))
            alive[template] += issued - redeemed + rolled_back - expired
        for template, number in alive.items():
            held, leaving = (sum(purse[at][template] for purse in self._purses.values()) for at in (0, 1))
            if not held - leaving <= number <= held:
                raise Violation(f"escrow: of {template} {number} coupons live, {held} in purses, {leaving} leaving")

    def _sent(self, emission: Emission) -> None:
        draft = emission.draft
        if draft.kind == "coupon.grant":
            body = msgspec.json.decode(draft.body)
            self._there[template_at(draft.subject), body["resource"], emission.home] += body["amount"]
        elif draft.kind == "coupon.give_back":
            body = msgspec.json.decode(draft.body)
            self._back[draft.subject.removeprefix(TEMPLATE), body["resource"], body["segment"]] += body["amount"]

    def _put(self, template: str, segment: int, fields: list[Any]) -> None:
        tally = self._tallies[template, segment] = fields[11]
        for name, at in (("stock", 6), ("budget", 7)):
            if fields[at] is not None:
                used = tally[0] if name == "stock" else tally[7] + self._coupons.held(segment, template)
                self._slices[template, name, segment] = Slice(fields[at], used)

    def _conserved(self, template: str) -> None:
        for name in RESOURCES:
            pool = self._pools.get((template, name))
            if pool is None:
                continue
            if pool.total != pool.free + sum(pool.lent.values()):
                raise Violation(f"escrow: {template} has {pool.total} of {name}: {pool.free} free, {pool.lent} lent")
            if pool.free < 0 and (template, name) not in self._lowered:
                raise Violation(f"escrow: {template} has lent {-pool.free} of {name} more than it has")
            for segment, lent in pool.lent.items():
                self._somewhere((template, name, segment), lent)

    def _somewhere(self, at: Lent, lent: int) -> None:
        slice = self._slices.get(at)
        left, used = (slice.left, slice.used) if slice else (0, 0)
        terms = (self._there[at], left, used, self._back[at])
        if lent != sum(terms) or min(terms) < 0:
            raise Violation(f"escrow: {at} was lent {lent}: on the way, left, used, on the way back are {terms}")

    def at_rest(self) -> str:
        """Nothing is under way, and nobody is told that there is nothing as long as there is something."""
        if wrong := next(self._unsettled(), ""):
            raise Violation(f"escrow: {wrong}")
        return ""

    def _unsettled(self) -> Iterator[str]:
        for at, amount in (*self._there.items(), *self._back.items()):
            if amount:
                yield f"{amount} are still under way to or from {at}"
        for (template, name), pool in self._pools.items():
            yield from self._idle(template, name, pool)

    def _idle(self, template: str, name: str, pool: Pool) -> Iterator[str]:
        slices = {at[2]: slice for at, slice in self._slices.items() if at[:2] == (template, name)}
        if pool.asking or pool.called:
            yield f"{template} owes {name} to {pool.asking} and waits for {pool.called}"
        spare = {segment: max(0, slice.spare) for segment, slice in slices.items()}
        for segment, slice in slices.items():
            others = max(0, pool.free) + sum(spare.values()) - spare[segment]
            if slice.dry and others and self._coupons.shelf(segment, template).status != "closed":
                yield f"{segment} is told that there is no {name} of {template}: {pool.free} are free, {spare} spare"


def _held(data: bytes) -> tuple[Counter[str], Counter[str]]:
    """(coupons, those of them that are leaving), by template, of a purse as it is stored."""
    fields = msgspec.msgpack.decode(data, strict=False)
    coupons, leaving = fields[1], fields[6]
    return Counter(each[2] for each in coupons.values()), Counter(coupons[serial][2] for serial in leaving)


def _pools(data: bytes) -> Iterator[tuple[str, Pool]]:
    _, _, *both = msgspec.msgpack.decode(data)
    for name, fields in zip(RESOURCES, both, strict=True):
        if fields is not None:
            yield name, Pool(fields)
