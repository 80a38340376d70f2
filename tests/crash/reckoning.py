"""The day of reckoning: what was heard and what the engine answers, against the books.

Each difference is one line; a test fails with the first of them, the seed and the program's last words. Everything is
compared, nothing is sampled: an error of one point in one account is what all this is for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from tests.crash.books import Book, Books, Told
from tests.crash.listener import Seen
from tests.crash.shop import segment_of

LOTS_SHOWN_MAX = 100
RECORDS_PAGE = 500


class Heard(Protocol):
    """What a listener knows."""

    @property
    def seen(self) -> Sequence[Seen]: ...
    @property
    def trouble(self) -> Sequence[str]: ...


def differences(books: Books, listener: Heard, url: str) -> list[str]:
    """What does not agree, one line each; empty when all does. `url` is the engine's, which must be at rest."""
    by_user: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in listener.seen:
        by_user[seen.source.get("user_id", "")].append(seen)
    found = [f"listener: {line}" for line in listener.trouble]
    found += [f"an effect about nobody we know: {seen}" for user in by_user.keys() - books.by_user.keys()
              for seen in by_user[user]]  # fmt: skip
    with httpx.Client(base_url=url, timeout=30.0) as http:
        for user, book in books.by_user.items():
            found += [f"{user}: {line}" for line in _of_user(user, book, by_user[user], http)]
        parked = http.get("/v1/parked").json()["data"]
    return found + [f"parked: {row}" for row in parked]


def _of_user(user: str, book: Book, effects: Sequence[Seen], http: httpx.Client) -> Iterator[str]:
    if any(seen.segment != segment_of(user) for seen in effects):
        yield f"effects from other segments than {segment_of(user)}"
    points = [seen for seen in effects if seen.source["event_type"].startswith("points_")]
    texts = [seen for seen in effects if seen.source["event_type"] == "notify_sms"]
    if len(points) + len(texts) < len(effects):
        yield f"effects of unknown types: {[s.source for s in effects if s not in points and s not in texts]}"
    yield from _history(book, points)
    yield from _once_per_order(book, points)
    yield from _texts(points, texts)
    yield from _answers(user, book, points, http)


def _history(book: Book, points: Sequence[Seen]) -> Iterator[str]:
    told = [told_by(seen.source) for seen in points]
    if (own := [t for t in told if not t.referred]) != book.told:
        yield f"effects are not what they should be: {_first_difference(book.told, own)}"
    if (credits := Counter(t for t in told if t.referred)) != Counter(book.credits):
        yield f"credits missing {Counter(book.credits) - credits}, too many {credits - Counter(book.credits)}"
    balance = 0
    for seen in points:
        balance += _moved(seen.source)
        if seen.source["balance"] != balance:
            yield f"{seen.id} says balance {seen.source['balance']}, its predecessors make it {balance}"
            return


def _once_per_order(book: Book, points: Sequence[Seen]) -> Iterator[str]:
    """Follows from `_history`; asked by itself because it is the promise everything else exists for."""
    earned = Counter((s.source["reason"], s.source["order_id"], s.source["referred_user_id"]) for s in points
                     if s.source["event_type"] == "points_earned" and s.source["order_id"])  # fmt: skip
    accepted = {(reason, order, None) for kind, reason, order in book.used if kind == "increase"}
    accepted |= {(told.reason, told.order_id, told.referred) for told in book.credits if told.order_id}
    for what in accepted | earned.keys():
        if earned[what] != (what in accepted):
            yield f"{earned[what]} points.earned for {what}, it was {'' if what in accepted else 'not '}accepted"


def _texts(points: Sequence[Seen], texts: Sequence[Seen]) -> Iterator[str]:
    """One text per effect that is no refusal, caused by it, in the same order."""
    wanted = [(s.id, s.source["event_type"], s.source["points"], s.source["source_id"]) for s in points
              if s.source["event_type"] != "points_refused"]  # fmt: skip
    got = [(s.source["cause"], s.source["template"], s.source["params"]["points"], s.source["source_id"])
           for s in texts]  # fmt: skip
    if got != wanted:
        yield f"texts are not what they should be: {_first_difference(wanted, got)}"


def _answers(user: str, book: Book, points: Sequence[Seen], http: httpx.Client) -> Iterator[str]:
    path = f"/v1/users/{quote(user, safe='')}/points"
    answer = http.get(path)
    moves = [seen for seen in points if seen.source["event_type"] != "points_refused"]
    if answer.status_code == 404 and not moves:
        return  # only ever refused: nobody the ledger knows
    if answer.status_code != 200:
        yield f"{path} answers {answer.status_code}: {answer.text}"
        return
    balance = answer.json()
    if balance["available"] != book.balance:
        yield f"the balance is {balance['available']}, it should be {book.balance}"
    if len(balance["lots"]) < LOTS_SHOWN_MAX and sum(lot["points"] for lot in balance["lots"]) != book.balance:
        yield f"the lots do not make {book.balance}: {balance['lots']}"
    lines = [(line["cause"], line["points"], line["balance"]) for line in records(path, http)]
    wanted = [(seen.source["cause"], seen.source["points"], seen.source["balance"]) for seen in moves]
    if lines[::-1] != wanted:
        yield f"records are not what was announced: {_first_difference(wanted, lines[::-1])}"


def records(path: str, http: httpx.Client) -> Iterator[dict[str, Any]]:
    """All records, newest first."""
    cursor: dict[str, str] = {}
    while True:
        page = http.get(f"{path}/records", params={"limit": RECORDS_PAGE, **cursor}).raise_for_status().json()
        yield from page["data"]
        if not page["has_more"]:
            return
        cursor = {"cursor": page["next_cursor"]}


def told_by(fields: dict[str, Any]) -> Told:
    return Told(
        fields["event_type"], fields["points"], fields["reason"], fields["order_id"], fields["source_id"],
        fields.get("code"), fields.get("referred_user_id"),
    )  # fmt: skip


def _moved(fields: dict[str, Any]) -> int:
    signs = {"points_earned": 1, "points_spent": -1, "points_expired": -1}
    return signs.get(fields["event_type"], 0) * fields["points"]


def _first_difference(wanted: Sequence[Any], got: Sequence[Any]) -> str:
    for i, (one, other) in enumerate(zip(wanted, got, strict=False)):
        if one != other:
            return f"at {i} of {len(wanted)}: {other}, not {one}"
    return f"{len(got)} instead of {len(wanted)}: {(list(got[len(wanted) :]) or list(wanted[len(got) :]))[:3]}"
