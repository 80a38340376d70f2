"""The pool: what a template has to give (pieces, or money), and how much of it each segment holds. Pure arithmetic.

A limit that one place must be asked about at every issue is exact and slow; a limit that each segment keeps by itself
is fast and wrong. So the template lends: a segment holds a slice, issues from it without asking anybody, and asks for
more before it is empty. What is lent is out of the pool in the same transaction that sends it on its way, and is the
segment's in the one that takes it in, so at every moment

    total = free + sum(lent)
    lent  = on the way to the segment + its slice + what it has used + on the way back, for each segment

which no crash changes, since each term moves with the entry that moves it (PROTOCOL, transfers).

Nobody may hear "sold out" while another segment sits on what it does not need. When nothing is free and somebody is in
need, the pool calls back every slice that may not be empty, serves who waits from what comes, and only then says
`dry`, and only to those who got nothing. A dry segment refuses at once and asks no more; when anything comes back later
(the total is raised, a slice is returned), those who were told so are told otherwise.

Slices are a share of what is free, so they shrink as it runs out: at the end each grant is exactly what is needed, and
the last ten of 100,000 go out like the first.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Grant(msgspec.Struct, frozen=True):
    """To `segment`: `amount` more is yours; the answer to what it asked, if it asked. `dry`: nothing is left anywhere
    (`amount` may still be something). `scarce`: give back soon what you do not use.
    """

    segment: int
    amount: int
    dry: bool = False
    scarce: bool = False


class Recall(msgspec.Struct, frozen=True):
    """To `segment`: give back what nobody there waits for, and say so even if it is nothing."""

    segment: int


class Pool(msgspec.Struct, array_like=True):
    """`lent`: per segment, what it was given and has not given back; what it has used of that is its own affair.
    `asking`: who is in need, and of how much, in the order of asking. `called`: whose answer to a recall is awaited,
    and whether it was lent something since. `empty`: who has nothing left, as far as is known. `dry`: who was told that
    there is nothing.
    """

    total: int = 0
    free: int = 0
    lent: dict[int, int] = {}
    asking: dict[int, int] = {}
    called: dict[int, bool] = {}
    empty: list[int] = []
    dry: list[int] = []


def begin(total: int) -> Pool:
    """Of a template that has this to give."""
    return Pool(total, total)


def ask(pool: Pool, segment: int, need: int, segments: int) -> Iterator[Grant | Recall]:
    """`segment`, one of `segments`, runs out: it is short of `need` for who waits there now; 0: nobody waits yet."""
    amount = max(0, min(pool.free, max(need, pool.free // (2 * segments))))
    if amount >= need:
        yield _lend(pool, segment, amount)
        return
    pool.asking[segment] = need
    yield from _settle(pool)


def give_back(pool: Pool, segment: int, amount: int, recalled: bool) -> Iterator[Grant | Recall]:
    """A slice, or a part of one, is the pool's again; `recalled`: it answers a recall."""
    assert 0 <= amount <= pool.lent.get(segment, 0), (segment, amount, pool.lent)
    pool.lent[segment] = pool.lent.get(segment, 0) - amount
    pool.free += amount
    if recalled and not pool.called.pop(segment, True):
        _add(pool.empty, segment)
    yield from _settle(pool)


def resize(pool: Pool, total: int) -> Iterator[Grant | Recall]:
    """Another total. When more than that is lent, what is not used is called back, and nothing is lent until enough of
    it has come; what was used already stays used.
    """
    pool.free += total - pool.total
    pool.total = total
    yield from _settle(pool)


def check(pool: Pool) -> None:
    """Raise AssertionError unless everything is somewhere, once."""
    assert pool.total >= 0 and all(lent >= 0 for lent in pool.lent.values()), pool
    assert pool.total == pool.free + sum(pool.lent.values()), pool
    assert pool.called or not pool.asking, f"somebody waits for nothing: {pool}"
    assert all(need > 0 for need in pool.asking.values()), pool
    for each in (pool.empty, pool.dry):
        assert len(set(each)) == len(each), pool


def _lend(pool: Pool, segment: int, amount: int, dry: bool = False) -> Grant:
    """Whoever is told of something is not dry, and not empty."""
    pool.free -= amount
    pool.lent[segment] = pool.lent.get(segment, 0) + amount
    if amount:
        _drop(pool.empty, segment)
        if segment in pool.called:
            pool.called[segment] = True
    if dry:
        _add(pool.dry, segment)
    else:
        _drop(pool.dry, segment)
    return Grant(segment, amount, dry, scarce=pool.free <= 0 or bool(pool.dry or pool.asking))


def _settle(pool: Pool) -> Iterator[Grant | Recall]:
    """Serve who waits as far as it goes, first come first served. Who still waits then is dry only when everybody who
    may have something has been asked for it and has answered.
    """
    for segment, need in list(pool.asking.items()):
        if pool.free >= need:
            del pool.asking[segment]
            yield _lend(pool, segment, need)
    if not pool.called and (pool.asking or pool.free < 0):
        yield from _call_back(pool)
    if pool.called:
        return
    for segment, need in list(pool.asking.items()):
        del pool.asking[segment]
        yield _lend(pool, segment, max(0, min(pool.free, need)), dry=True)
    if pool.free > 0:  # there is something after all, for all who were told that there is nothing
        for segment in list(pool.dry):
            yield _lend(pool, segment, 0)


def _call_back(pool: Pool) -> Iterator[Recall]:
    for segment in sorted(pool.lent):
        if pool.lent[segment] and segment not in pool.empty and segment not in pool.asking:
            pool.called[segment] = False
            yield Recall(segment)


def _add(segments: list[int], segment: int) -> None:
    if segment not in segments:
        segments.append(segment)


def _drop(segments: list[int], segment: int) -> None:
    if segment in segments:
        segments.remove(segment)
