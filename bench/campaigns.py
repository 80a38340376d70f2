"""What campaigns cost: `python -m bench campaigns [--events N] [--users N] [--campaigns N] [--data DIR]`.

The real engine on its SQLite store with `synchronous=FULL`, in threads as in production, without a broker. The same
behaviours are taken in twice, first with no campaign and then with many active ones, of every kind of trigger; the time
is from the first of them to the moment at which every domain has folded the last. Conditions are compiled once and
campaigns are found by what they hear, so the second run should cost what the campaigns that hear an event cost, not
fifty times anything.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog

from actors.campaign.directory import Directory
from actors.campaign.listing import FAMILY
from actors.campaign.programme import DOMAIN, campaign_kind
from actors.commands import Refusal
from actors.programmes.messages import PUT, PutProgramme
from bench.coupons import Shop, cpu_by_part, wait
from bench.metered import meter, readings
from bench.report import Number, report
from supervision.entry import Draft, Origin, encode_draft, segment_of, segment_subject
from supervision.messages import Item
from supervision.store import Head
from supervision.store_sqlite.store import STORE_FILE
from topology.wire import MadeUp

BATCH = 500
SMS = {"type": "send_notification", "channel": "sms", "template": "cart_remind_sms"}
BOUGHT = {"type": "after_trigger", "event": "purchase_complete"}
KINDS: tuple[dict[str, Any], ...] = (
    {
        "trigger": {
            "type": "event", "event": "product_view", "where": [{"field": "view_duration", "op": ">", "value": 30}],
        },
        "when": {"type": "count", "event": "product_view", "within": {"seconds": 86_400}, "op": ">=", "value": 1_000},
    },
    {"trigger": {"type": "cart_idle", "seconds": 3_600, "min_value": 10_000}, "exit": BOUGHT},
    {"trigger": {"type": "no_action", "event": "add_to_cart", "seconds": 3_600, "idle": True}, "exit": BOUGHT},
    {
        "trigger": {"type": "change"},
        "when": {
            "type": "sum", "event": "purchase_complete", "field": "order_value", "net": True, "within": {"days": 30},
            "op": ">=", "value": 100_000_000,
        },
    },
    {
        "trigger": {"type": "event", "event": "purchase_complete"},
        "when": {"type": "event", "field": "order_value", "op": ">=", "value": 50_000},
        "limits": [{"window": {"seconds": 86_400}, "count": 1}],
    },
)  # fmt: skip
"""One of each in turn: fifty campaigns are ten of each."""


def numbered(number: int) -> dict[str, Any]:
    return {"name": f"C{number}", "steps": [SMS], **KINDS[number % len(KINDS)]}


def put(shop: Shop, campaign: Mapping[str, Any]) -> None:
    """Active from now on, under its name."""
    name = FAMILY.subject_of(campaign["name"])
    made = campaign_kind(name).parse(FAMILY.body("active", msgspec.json.encode(campaign)))
    assert not isinstance(made, Refusal), made
    body = PutProgramme(name, made.version, made.canonical.decode(), "", "bench")
    draft = Draft(PUT, name, msgspec.json.encode(body), origin=Origin.OPERATOR)
    shop.append([Item(segment_of(name, shop.segments), draft, encode_draft(draft))])


def behaviour(shop: Shop, rng: Random, n: int, users: int) -> Item:
    """Eight of ten look, one puts into the cart, and half as many buy."""
    fields: dict[str, Any] = {"event_type": "user_behavior", "user_id": f"u{rng.randrange(users)}"}
    match rng.random():
        case drawn if drawn < 0.85:
            fields |= {"behavior_type": "product_view", "product_id": "p1", "view_duration": rng.randrange(60)}
        case drawn if drawn < 0.95:
            fields |= {"behavior_type": "add_to_cart", "product_id": f"p{n % 50}", "quantity": 1, "price": 99.5}
        case _:
            fields |= {"behavior_type": "purchase_complete", "order_id": f"o-{n}", "order_value": rng.randrange(900)}
    item = shop.door.decode(msgspec.json.encode(fields), "bench", None, MadeUp(f"b-{n}"))
    assert isinstance(item, Item), item
    return item


def known(shop: Shop, campaigns: int) -> bool:
    """Every segment has heard of all campaigns."""
    for segment in range(shop.segments):
        with closing(shop.store.reader()) as reader:
            data, _ = reader.snapshot(segment, DOMAIN, segment_subject(segment))
        if campaigns and (data is None or len(msgspec.msgpack.decode(data, type=Directory).campaigns) < campaigns):
            return False
    return True


def folded(shop: Shop, heads: Mapping[int, Head]) -> bool:
    """The domain of campaigns has folded every segment up to its head."""
    engine = shop.wiring.engine
    return all(engine.folded(segment, DOMAIN) >= head.offset for segment, head in heads.items())


def run(folder: Path, events: int, users: int, campaigns: int) -> tuple[float, dict[str, float], int]:
    """-> (seconds, CPU by part in us/event, lines of why)."""
    shop, rng = Shop(folder, 16), Random(7)
    for number in range(campaigns):
        put(shop, numbered(number))
    wait(lambda: known(shop, campaigns))
    items = [behaviour(shop, rng, n, users) for n in range(events)]
    before, began = readings(), time.monotonic()
    for first in range(0, events, BATCH):
        shop.append(items[first : first + BATCH])
    journal = shop.wiring.engine.the_journal
    assert journal is not None
    heads = dict(journal.ledger.heads)
    wait(lambda: folded(shop, heads))
    seconds = time.monotonic() - began
    parts = cpu_by_part(before, readings(), events)
    shop.close()
    return seconds, parts, lines_of_why(folder)


def lines_of_why(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / STORE_FILE}?mode=ro", uri=True)) as db:
        (lines,) = db.execute("SELECT count(*) FROM records WHERE domain = ?", (DOMAIN,)).fetchone()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench campaigns", description="behaviours per second beside many campaigns")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--campaigns", type=int, default=50)
    parser.add_argument("--data", type=Path, default=None, help="where to put the stores (a temporary folder)")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    meter()
    numbers: list[Number] = []
    rates: list[float] = []
    for campaigns in (0, options.campaigns):
        with tempfile.TemporaryDirectory(dir=options.data) as name:
            seconds, parts, lines = run(Path(name) / "data", options.events, options.users, campaigns)
        rates.append(options.events / seconds)
        of = f"{campaigns} campaigns"
        numbers += [
            Number(f"{of}: behaviours", rates[-1], "/s"),
            *[Number(f"{of}: CPU, {part}", us, "us/event") for part, us in sorted(parts.items())],
            Number(f"{of}: lines of why", lines / options.events, "/event"),
        ]
    numbers.append(Number("rate with campaigns against without", rates[1] / rates[0], "times"))
    report("campaigns", numbers, {"events": options.events, "users": options.users, "campaigns": options.campaigns})


if __name__ == "__main__":
    main()
