"""Conditions at work: compiled once, judged for every event, and always with what each leaf saw.

"Why did she not get it?" is asked of every campaign, and the answer must not be worked out a second time by other code,
at another time, from other facts. So every leaf is looked at even where the rest is decided, and what it saw is kept;
only when somebody asks is it put into words. A leaf costs one call and one comparison.

`met` of a leaf is whether that leaf held, also below a `not`. The leaf to blame for the whole (`cause`) is the first
one without which the answer would be open: of an `all` that failed the first that failed, of an `any` that held the
first that held.

Ties of events within one millisecond are decided so that nobody is bothered without need: a purchase at the same moment
as the event that triggered the campaign came after it, and so it did after an event that it is to be absent since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from actors.calendar import Calendar
from actors.campaign import conditions
from actors.campaign.conditions import (
    AfterTrigger,
    All,
    Cart,
    CartHas,
    Clock,
    Condition,
    Count,
    Coupons,
    Did,
    DistinctDays,
    EventField,
    EventMatch,
    Leaf,
    Not,
    Points,
    Profile,
    Since,
    Sum,
    Tier,
    Window,
)
from actors.campaign.facts import CartSeen, Facts
from actors.campaign.wording import words
from actors.comparison import holds
from actors.rule_words import hours_of
from actors.windows import window_spec
from actors.windows.window_spec import CounterSpec, LastTime, counter, key
from supervision.envelope import rfc3339

Look = Callable[[Facts], tuple[Any, bool]]
"""(what the leaf saw, whether it held)"""


class Seen(msgspec.Struct, frozen=True):
    """One leaf: where it stands in the campaign, what it wants, what it saw, and whether it held."""

    path: str
    want: str
    saw: Any
    met: bool


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """Whether a condition held, and what its leaves saw and whether they held, in their order."""

    met: bool
    saw: tuple[Any, ...]
    held: tuple[bool, ...]


class Judge:
    """A compiled condition. Immutable; shared by all segments and threads."""

    def __init__(self, condition: Condition, place: str, trigger: str, calendar: Calendar) -> None:
        """`place`: where it stands in its campaign. `trigger`: the event that starts the campaign, "" if none does."""
        self.counters: dict[str, CounterSpec] = {}
        """That it asks for, by key."""
        self.asks: set[str] = set()
        """What else it asks for: "cart", "tier", "points", "coupons", "profile"."""
        self.fields: set[str] = set()
        """Of the event that triggered the campaign."""
        self._trigger, self._calendar = trigger, calendar
        self._leaves: list[tuple[str, str]] = []
        self._looks: list[Look] = []
        self._root = self._node(condition, place)

    def judge(self, facts: Facts) -> Judgement:
        """O(leaves)."""
        looked = [look(facts) for look in self._looks]
        held = tuple([met for _, met in looked])
        return Judgement(_holds(self._root, held), tuple([saw for saw, _ in looked]), held)

    def trace(self, judgement: Judgement) -> tuple[Seen, ...]:
        """What each leaf of a judgement of this judge wanted and saw."""
        told = zip(self._leaves, judgement.saw, judgement.held, strict=True)
        return tuple(Seen(path, want, saw, met) for (path, want), saw, met in told)

    def cause(self, judgement: Judgement) -> Seen:
        """The leaf because of which it held or did not."""
        index = _cause(self._root, judgement.held)
        path, want = self._leaves[index]
        return Seen(path, want, judgement.saw[index], judgement.held[index])

    def _node(self, condition: Condition, place: str) -> _Node:
        match condition:
            case All(of=of):
                return _Node("all", tuple(self._node(one, f"{place}.of[{n}]") for n, one in enumerate(of)))
            case conditions.Any(of=of):
                return _Node("any", tuple(self._node(one, f"{place}.of[{n}]") for n, one in enumerate(of)))
            case Not(of=of):
                return _Node("not", (self._node(of, f"{place}.of"),))
            case _:
                self._leaves.append((place, words(condition)))
                self._looks.append(self._look(condition))
                return _Node("leaf", leaf=len(self._leaves) - 1)

    def _look(self, leaf: Leaf) -> Look:
        match leaf:
            case Count() | Sum() | DistinctDays():
                return _compared(_counter_reader(self._keep(counter_of(leaf, self._calendar.zone))), leaf)
            case Since():
                return _since(leaf, self._last(EventMatch(leaf.event, leaf.where)))
            case Did():
                last = self._last(EventMatch(leaf.event, leaf.where), leaf.within)
                return _did(last, [(one.event, self._last(one, leaf.within)) for one in leaf.but_not])
            case AfterTrigger(event=event):
                return _after_trigger(self._last(EventMatch(event, leaf.where)), 1 if event == self._trigger else 0)
            case Clock():
                return _clock(leaf, self._calendar)
            case EventField(field=field):
                self.fields.add(field)
                return _compared(lambda facts: facts.field(field), leaf)
            case _:
                self.asks.add(_domain(leaf))
                return _of_a_domain(leaf)

    def _keep(self, spec: CounterSpec) -> str:
        name = key(spec)
        self.counters[name] = spec
        return name

    def _last(self, match: EventMatch, within: Window | None = None) -> str:
        window = (within or Window()).spec(self._calendar.zone)
        return self._keep(counter(match.event, LastTime(), window, match.where))


def counter_of(leaf: Count | Sum | DistinctDays, zone: str) -> CounterSpec:
    """What must be counted for `leaf`."""
    window = leaf.within.spec(zone)
    match leaf:
        case Count():
            return counter(leaf.event, window_spec.Count(), window, leaf.where, leaf.net)
        case Sum():
            return counter(leaf.event, window_spec.Sum(leaf.field), window, leaf.where, leaf.net)
        case DistinctDays():
            return counter(leaf.event, window_spec.DistinctDays(zone), window, leaf.where)


class _Node(msgspec.Struct, frozen=True):
    kind: str
    nodes: tuple[_Node, ...] = ()
    leaf: int = 0


def _holds(node: _Node, held: Sequence[bool]) -> bool:
    match node.kind:
        case "leaf":
            return held[node.leaf]
        case "all":
            return all(_holds(one, held) for one in node.nodes)
        case "any":
            return any(_holds(one, held) for one in node.nodes)
        case _:
            return not _holds(node.nodes[0], held)


def _cause(node: _Node, held: Sequence[bool]) -> int:
    if node.kind == "leaf":
        return node.leaf
    wanted = node.kind == "any"
    decisive = (one for one in node.nodes if _holds(one, held) == wanted)
    return _cause(next(decisive, node.nodes[0]), held)


Compared = EventField | Count | Sum | DistinctDays | Cart | Tier | Points | Coupons | Profile
Read = Callable[[Facts], Any]


def _compared(read: Read, leaf: Compared) -> Look:
    op, want = leaf.op, leaf.value

    def look(facts: Facts) -> tuple[Any, bool]:
        saw = read(facts)
        return saw, holds(saw, op, want)

    return look


def _counter_reader(name: str) -> Read:
    return lambda facts: facts.counter(name)


def _since(leaf: Since, name: str) -> Look:
    op, want = leaf.op, leaf.seconds * 1_000

    def look(facts: Facts) -> tuple[Any, bool]:
        last = facts.counter(name)
        if last is None:
            return None, False
        ago = facts.at - last
        return ago // 1_000 if ago % 1_000 == 0 else ago / 1_000, holds(ago, op, want)

    return look


def _did(name: str, but_not: Sequence[tuple[str, str]]) -> Look:
    def look(facts: Facts) -> tuple[Any, bool]:
        last = facts.counter(name)
        if last is None:
            return None, False
        for event, other in but_not:
            came = facts.counter(other)
            if came is not None and came >= last:
                return event, False
        return rfc3339(last), True

    return look


def _after_trigger(name: str, later_ms: int) -> Look:
    def look(facts: Facts) -> tuple[Any, bool]:
        last = facts.counter(name)
        return (None, False) if last is None else (rfc3339(last), last >= facts.since + later_ms)

    return look


def _clock(leaf: Clock, calendar: Calendar) -> Look:
    weekdays, hours = frozenset(leaf.weekdays), hours_of(leaf.hours)

    def look(facts: Facts) -> tuple[Any, bool]:
        wall = calendar.local(facts.at)
        met = (not weekdays or wall.isoweekday() in weekdays) and (not hours or wall.hour in hours)
        return wall.strftime("%a %H:%M"), met

    return look


def _domain(leaf: Cart | CartHas | Tier | Points | Coupons | Profile) -> str:
    match leaf:
        case Cart() | CartHas():
            return "cart"
        case Tier():
            return "tier"
        case Points():
            return "points"
        case Coupons():
            return "coupons"
        case Profile():
            return "profile"


def _of_a_domain(leaf: Cart | CartHas | Tier | Points | Coupons | Profile) -> Look:
    match leaf:
        case CartHas():
            return _cart_has(leaf)
        case Cart(of="value"):
            return _compared(lambda facts: facts.cart().value, leaf)
        case Cart(of="lines"):
            return _compared(lambda facts: facts.cart().lines, leaf)
        case Cart():
            return _compared(lambda facts: facts.cart().pieces, leaf)
        case Tier():
            return _compared(lambda facts: facts.tier(), leaf)
        case Points():
            return _compared(lambda facts: facts.points(), leaf)
        case Coupons(template=template):
            return _compared(lambda facts: facts.coupons(template), leaf)
        case Profile(fact=fact):
            return _compared(lambda facts: facts.profile(fact), leaf)


def _cart_has(leaf: CartHas) -> Look:
    def look(facts: Facts) -> tuple[Any, bool]:
        found = _first_in(facts.cart(), leaf)
        return found, found is not None

    return look


def _first_in(cart: CartSeen, leaf: CartHas) -> str | None:
    products = (one for one in leaf.products if one in cart.products)
    return next(products, None) or next((one for one in leaf.categories if one in cart.categories), None)
