"""Every order in which a shopper, a timer, three cells and their crashes can come, up to six events: nobody who has
bought is reminded, nobody is reminded twice, and who abandons his cart is.

Between any two steps of the cells there may be a purchase, so there is no hop from the timer to the message that a late
one does not meet. Worlds that go on alike (`cart_stages.known_as`) are gone on with once, which is why the billions of
orders are some ten thousand worlds. A stage is tried twice: as one step, with all six events, and as a fold in memory
and a commit, with crashes between, with four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.cart import cart
from actors.cart.actor import CartWatcherActor
from actors.notification import bought, outbox
from tests.cart_stages import (
    DOMAINS,
    World,
    at_rest,
    can_commit,
    can_fold,
    commit,
    crash,
    fire,
    fold,
    known_as,
    left_alone,
    shop,
)

Path = tuple[str, ...]
ONE = ("add a", "remove a", "buy", "resend")
"""Adding twice is the duplicate that no id gives away."""
MEETINGS_MAX = 500
"""Worlds of one length whose ways are compared."""
TWO = ("add a", "add b", "remove b", "buy a", "buy", "resend")


def hops(world: World, whole: bool) -> Iterator[tuple[str, World]]:
    """What cells can do next, and what can become of them. `whole`: each stage is one step."""
    for n, domain in enumerate(DOMAINS):
        if whole and can_fold(world, n):
            yield f"{domain.name} folds and commits", commit(fold(world, n), n)
        elif can_fold(world, n):
            yield f"{domain.name} folds", fold(world, n)
        if can_commit(world, n):
            yield f"{domain.name} commits", commit(world, n)
    if any(can_commit(world, n) for n in range(len(DOMAINS))):
        yield "a crash", crash(world)


def events(world: World, acts: Path) -> Iterator[tuple[str, World]]:
    if world.timer and not world.fired:
        yield "the timer fires", fire(world)
    for act in acts:
        if act != "resend" or world.books.purchases:
            yield act, shop(world, act)


def explore(events_max: int, acts: Path, whole: bool) -> int:
    """How many different worlds there are, each of which does what it should. Raises AssertionError with the path."""
    seen: set[Any] = set()
    layer: list[tuple[World, Path]] = [(World(), ())]
    for n in range(events_max + 1):
        following: list[tuple[World, Path]] = []
        unseen: list[tuple[World, Path]] = []
        for world, path in layer:
            _take(world, path, seen, unseen)
        for world, path in unseen:  # which grows meanwhile
            try:
                if at_rest(world):
                    left_alone(world)
                for what, after in hops(world, whole):
                    _take(after, (*path, what), seen, unseen)
                if n < events_max:
                    following += [(after, (*path, what)) for what, after in events(world, acts)]
            except AssertionError as error:
                raise AssertionError(f"{error}, after {', '.join(path)}") from error
        layer = following
    return len(seen)


def _take(world: World, path: Path, seen: set[Any], unseen: list[tuple[World, Path]]) -> None:
    if (key := known_as(world)) not in seen:
        seen.add(key)
        unseen.append((world, path))


@pytest.mark.parametrize(
    ("events_max", "acts", "whole", "worlds"),
    [(6, ONE, True, 40_000), (4, ONE, False, 10_000), (4, TWO, True, 5_000), (3, TWO, False, 3_000)],
    ids=["six events", "crashes", "two products", "two products and crashes"],
)
def test_no_buyer_is_reminded_nobody_twice_and_who_abandons_is(
    events_max: int, acts: Path, whole: bool, worlds: int
) -> None:
    assert explore(events_max, acts, whole) > worlds


@pytest.mark.parametrize(("acts", "whole"), [(ONE, False), (TWO, True)])
def test_worlds_that_are_known_as_one_go_on_alike(acts: Path, whole: bool) -> None:
    """Else the search would leave out what it has not seen."""
    first: dict[Any, set[Any]] = {}
    layer = [World()]
    for _ in range(8):
        following: list[World] = []
        for world in layer:
            steps = [after for _, after in (*hops(world, whole), *events(world, acts))]
            going_on = {known_as(after) for after in steps}
            if (known := first.get(known_as(world))) is None:
                first[known_as(world)] = going_on
                following += steps
            assert known is None or known == going_on
        layer = following[:MEETINGS_MAX]
    assert len(first) > 1_000


def _never_pointless(*_: Any) -> None:
    return None


def _any_time(state: cart.Cart) -> bool:
    return bool(state.lines)


def _order_by_message(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(state: Any, *rest: Any) -> Any:
        state.orders.clear()
        return right(state, *rest)

    return wrong


def _timer_stays(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(self: Any, state: cart.Cart, *rest: Any) -> Iterator[Any]:
        return (output for output in right(self, state, *rest) if state.lines)

    return wrong


def _as_it_was_told(right: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(state: cart.Cart, *rest: Any) -> Any:
        told = state.told
        applied = right(state, *rest)
        state.told = told and bool(state.lines)
        return applied

    return wrong


MISTAKES: dict[str, tuple[Any, str, Callable[..., Any], str]] = {
    "the reminder was asked for, so it is wanted": (outbox, "pointless", _never_pointless, "a buyer is"),
    "a timer fires once, so it is said once": (cart, "abandon", _any_time, "twice"),
    "a purchase is a purchase": (bought, "buy", _order_by_message(bought.buy), "has not bought"),
    "an order empties the cart": (cart, "_buy", _order_by_message(getattr(cart, "_buy")), "{'a': 1}"),  # noqa: B009
    "an empty cart will not fire": (
        CartWatcherActor, "_wait", _timer_stays(getattr(CartWatcherActor, "_wait")), "a timer of an empty cart",  # noqa: B009
    ),
    "who was reminded was reminded": (cart, "apply", _as_it_was_told(cart.apply), "not reminded"),
}  # fmt: skip


@pytest.mark.parametrize("thought", MISTAKES)
def test_a_mistake_is_seen(thought: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, says = MISTAKES[thought]
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError, match=says):
        explore(4, TWO, True)
