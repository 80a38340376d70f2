"""Carts of real shops, replayed through a whole engine: begun, filled, bought and left as a script counts them that
reads the raw file with plain dictionaries (count_carts.py, which imports nothing of Ganglion). Each `cart.abandoned` is
compared by itself: whose cart, since when to the millisecond, and what lay in it.

OTTO's sample (CC BY 4.0, otto-de/recsys-dataset) and REES46's (free to use, with credit to them) lie beside the project
(real_data.py). Their whole files are of gigabytes: the long test replays the beginnings of those to which
`GANGLION_OTTO` (train.jsonl) and `GANGLION_REES46` (2019-Oct.csv) lead, gzipped or not.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.cart_replay import replayed
from tests.journey import rows
from tests.real_data import found, given, lines

COUNT = Path(__file__).with_name("count_carts.py")
COLUMNS: Sequence[str] = ("household_id", "basket_id", "product_id", "quantity", "transaction_timestamp")
GIVEN = {"otto": ("GANGLION_OTTO", 2_000), "rees46": ("GANGLION_REES46", 50_000)}
"""Lines that are replayed: sessions, and events."""
TENTHS = 10
"""Of the households, each a replay of its own; together they would need more than a gigabyte."""


def agreed(folder: Path, kind: str, path: Path) -> dict[str, int]:
    """What both say: carts begun, pieces added, carts bought from, times that one was left, and pieces in those."""
    script = subprocess.run([sys.executable, "-I", COUNT, kind, path], check=True, stdout=subprocess.PIPE)
    counted, told = json.loads(script.stdout), replayed(folder, kind, path)
    for one, other in zip(told["left"], counted["left"], strict=False):
        assert one == other
    assert told == counted
    left = told.pop("left")
    pieces = sum(pieces for _, _, goods in left for pieces in goods.values())
    return {**told, "left": len(left), "pieces left": pieces}


def raw(path: Path, read: Iterable[Mapping[str, Any]]) -> Path:
    """A raw file of those lines of baskets."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _begun(file).writerows(read)
    return path


def _begun(file: TextIO) -> csv.DictWriter[str]:
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    return writer


@pytest.fixture(scope="module")
def tenths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Raw files of all households, by the last digit of their numbers; reading them all takes half a minute."""
    folder = tmp_path_factory.mktemp("tenths")
    paths = [folder / f"{n}.csv" for n in range(TENTHS)]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("w", encoding="utf-8", newline="")) for path in paths]
        writers = [_begun(file) for file in files]
        for row in rows("transactions"):
            writers[int(row["household_id"]) % TENTHS].writerow(row)
    return paths


def test_carts_of_20_real_sessions_are_as_counted_by_hand(tmp_path: Path) -> None:
    """One ordered what he had not put in, one left his cart eight times."""
    said = agreed(tmp_path, "otto", found("otto-sample.jsonl"))
    assert said == {"begun": 7, "added": 52, "bought": 2, "left": 21, "pieces left": 143}


def test_carts_of_a_real_shops_first_quarter_of_an_hour_are_as_counted_by_hand(tmp_path: Path) -> None:
    """Nine of its ten purchases are of goods that nobody has put into a cart there; with one of them its buyer leaves
    what he did put in.
    """
    said = agreed(tmp_path, "rees46", found("rees46-2019-10-01-first1000.csv"))
    assert said == {"begun": 3, "added": 3, "bought": 1, "left": 2, "pieces left": 2}


MADE_UP = """\
event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,1,9,furniture.kitchen.table,aqua,33.20,7,a
2019-10-01 00:00:00 UTC,cart,1,9,furniture.kitchen.table,aqua,33.20,7,a
2019-10-01 00:00:00 UTC,cart,1,9,furniture.kitchen.table,aqua,33.20,7,a
2019-10-01 00:00:00 UTC,cart,2,9,,,0.00,8,b
2019-10-01 00:30:00 UTC,cart,3,9,,,5.05,7,a
2019-10-01 00:59:59 UTC,remove_from_cart,2,9,,,0.00,8,b
2019-10-01 01:00:00 UTC,cart,4,9,,,12.00,9,c
2019-10-01 01:29:59 UTC,remove_from_cart,5,9,,,1.00,7,a
2019-10-01 02:00:00 UTC,purchase,4,9,,,12.00,9,c
2019-10-01 02:29:59 UTC,remove_from_cart,1,9,furniture.kitchen.table,aqua,33.20,7,d
2019-10-01 03:00:00 UTC,purchase,3,9,,,5.05,7,d
2019-10-01 04:00:00 UTC,cart,6,9,,,8.00,7,e
"""
"""As REES46 has it; the real sample has no removal."""


def test_what_is_removed_is_left_no_more_and_an_hour_is_an_hour(tmp_path: Path) -> None:
    """Made up, in REES46's format. User 7 is still busy with his cart when he removes what is not in it; an hour later
    to the second he has left it, and removes the tables. User 9 has left his in the second in which he buys it.
    """
    path = tmp_path / "made-up.csv"
    path.write_text(MADE_UP, encoding="utf-8")
    said = agreed(tmp_path, "rees46", path)
    assert said == {"begun": 4, "added": 6, "bought": 2, "left": 3, "pieces left": 5}


def test_carts_of_20_households_are_as_counted_by_hand(tmp_path: Path) -> None:
    """January and February. The baskets are a till's, so one in ten is left by its number, as cart_replay.py has it."""
    read = list(lines("completejourney-200-transactions.csv.gz"))
    some = sorted({row["household_id"] for row in read}, key=int)[:20]
    first = [row for row in read if row["household_id"] in some and row["transaction_timestamp"] < "2017-03"]
    said = agreed(tmp_path, "journey", raw(tmp_path / "baskets.csv", first))
    assert said == {"begun": 188, "added": 325_140, "bought": 175, "left": 13, "pieces left": 163}


@pytest.mark.long
def test_carts_of_200_households_in_a_year_are_as_counted_by_hand(tmp_path: Path) -> None:
    path = raw(tmp_path / "baskets.csv", lines("completejourney-200-transactions.csv.gz"))
    said = agreed(tmp_path, "journey", path)
    print(said)
    assert said == {"begun": 18_073, "added": 25_535_546, "bought": 16_283, "left": 1_739, "pieces left": 2_221_702}


@pytest.mark.long
@pytest.mark.parametrize("tenth", range(TENTHS))
def test_carts_of_all_households_in_a_year_are_as_counted_by_hand(
    tmp_path: Path, tenths: list[Path], tenth: int
) -> None:
    print(agreed(tmp_path, "journey", tenths[tenth]))


@pytest.mark.long
@pytest.mark.parametrize("kind", list(GIVEN))
def test_carts_of_the_whole_files_are_as_counted_by_hand(tmp_path: Path, kind: str) -> None:
    """As far as they are replayed."""
    variable, lines_max = GIVEN[kind]
    print(agreed(tmp_path, kind, given(variable, lines_max, tmp_path / kind)))
