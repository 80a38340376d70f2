"""Engines on torn copies of a killed one's store: each begins, and with everything sent again its books are right.

What a tear took had been acknowledged, so no engine can know of it any more; a sender who sends again everything since
the last time he was sure must end up with the right balances all the same: what survived is known and not counted
twice, what was lost is taken as new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from urllib.parse import quote

import httpx
import pytest

from tests.crash.books import Book, Books
from tests.crash.looks import number
from tests.crash.ordeal import STILL_S_MAX, Ordeal
from tests.crash.program import Program
from tests.crash.publisher import Publisher
from tests.crash.reckoning import records
from tests.crash.torn import TEARS, commit_no, copied, tear
from topology.broker_admin import BrokerAdmin
from topology.broker_node import PrivateBroker

Make = Callable[..., Ordeal]


@pytest.fixture
def elsewhere(rabbit: PrivateBroker, rabbit_admin: BrokerAdmin) -> Iterator[Callable[[], str]]:
    """Makes virtual hosts, gone after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(rabbit_admin.fresh_vhost())
        return rabbit.url(made[-1])

    yield make
    for vhost in made:
        rabbit_admin.drop_vhost(vhost)


def answers(books: Books, url: str) -> Iterator[str]:
    """What of balances and lines is not as the books say."""
    with httpx.Client(base_url=url, timeout=30.0) as http:
        for user, book in books.by_user.items():
            path = f"/v1/users/{quote(user, safe='')}/points"
            answer = http.get(path)
            if not (moves := _moves(book)):
                if answer.status_code != 404:
                    yield f"{user} was only ever refused: {answer.text}"
                continue
            if (available := answer.json().get("available")) != book.balance:
                yield f"{user} has {available}, it should be {book.balance}"
            if (lines := sum(1 for _ in records(path, http))) != moves:
                yield f"{user} has {lines} lines, it should be {moves}"


def _moves(book: Book) -> int:
    return len(book.credits) + sum(told.code is None for told in book.told)


def begins_again_on(torn: Path, trial: Ordeal, url: str) -> None:
    """An engine on that store hears everything anew, and counts what it does not know."""
    sent = len(trial.shop.sent)
    with closing(Program(torn, "--amqp", url, "--log-level", "warning", data=torn / "data")) as program:
        program.start()
        program.ready()
        with closing(Publisher(url)) as publisher:
            publisher.send(trial.shop.sent)
            publisher.settle()
        program.until(
            lambda: number(program, "bridge_acked_total") == sent, STILL_S_MAX,
            lambda: f"not all of {sent} messages are taken",
        )  # fmt: skip
        wrong: list[str] = []

        def right() -> bool:
            wrong[:] = answers(trial.shop.books, program.url)
            return not wrong

        program.until(right, STILL_S_MAX, lambda: "\n".join(wrong[:20]))
        program.stop()


def torn_and_begun_again(trial: Ordeal, kind: str, rng: Random, folder: Path, url: str) -> None:
    """Both of a dead engine's store."""
    data = copied(trial.program.data, folder / "data")
    before = commit_no(data, folder / "scratch")
    tear(data, kind, rng)
    after = commit_no(data, folder / "scratch")
    assert before - 3 <= after < before, f"{kind}: the tear took nothing"
    begins_again_on(folder, trial, url)


def test_an_engine_on_a_torn_store_counts_what_is_sent_again_once(
    ordeal: Make, elsewhere: Callable[[], str], tmp_path: Path
) -> None:
    trial = ordeal(41, 60)
    trial.under(600, [trial.program.kill], (0.3, 0.6))
    for number_, kind in enumerate(("cut", "flip")):
        torn_and_begun_again(trial, kind, Random(number_), tmp_path / kind, elsewhere())


@pytest.mark.long
@pytest.mark.parametrize("seed", range(42, 46))
def test_engines_on_many_torn_stores_count_what_is_sent_again_once(
    ordeal: Make, elsewhere: Callable[[], str], tmp_path: Path, seed: int
) -> None:
    trial, rng = ordeal(seed, 150), Random(seed)
    for life in range(3):
        trial.begin()
        trial.under(700, [trial.program.kill], (0.1, 1.5))
        for kind in TEARS:
            torn_and_begun_again(trial, kind, rng, tmp_path / f"{life}-{kind}", elsewhere())
