"""Counts what became of carts, from a shop's raw file and with plain dictionaries alone.

    python -I tests/data/count_carts.py otto|rees46|journey FILE

prints as JSON how many carts were begun, how many pieces were put into them, how many carts were bought from, and of
each time that one was left: whose it was, since when nobody had touched it (ms), and what lay in it. Nothing of
Ganglion is imported, and `-I` sees to it that nothing can be; what the engine makes of the same file
(tests/cart_replay.py) is compared with this.
"""

from __future__ import annotations

import csv
import json
import sys
import zlib
from collections import Counter
from datetime import datetime

IDLE_MS = 3_600_000
"""A cart that nobody touches for so long was left."""
ROOM = 100
"""Products in one cart; what finds no room is not in it."""


def count(events):
    """`events`: (ms, user, act, product, pieces), each user's in order of time."""
    counts, left, carts = Counter(begun=0, added=0, bought=0), [], {}
    for ms, user, act, product, pieces in events:
        cart = carts.setdefault(user, {"goods": {}, "since": 0, "told": False, "bought": False})
        leave(user, cart, ms, left)
        before, goods = cart["goods"], dict(cart["goods"])
        has = goods.get(product, 0)
        if act == "add" and (has or len(goods) < ROOM):
            goods[product] = has + pieces
            counts["begun"] += not before
            counts["added"] += pieces
        elif act == "buy":
            goods[product] = max(has - pieces, 0)
        elif act == "remove":
            goods[product] = 0
        elif act == "clear":
            goods = {}
        cart["goods"] = goods = {product: pieces for product, pieces in goods.items() if pieces}
        if act == "buy" and goods != before:
            counts["bought"] += not cart["bought"]
        cart["bought"] = bool(before) and (cart["bought"] or (act == "buy" and goods != before))
        cart["told"] = cart["told"] and goods == before
        if goods != before or act in ("add", "remove"):
            cart["since"] = ms
    for user, cart in carts.items():
        leave(user, cart, float("inf"), left)
    return {**counts, "left": sorted(left, key=lambda one: (one[1], one[0]))}


def leave(user, cart, now, left):
    if cart["goods"] and not cart["told"] and now - cart["since"] >= IDLE_MS:
        cart["told"] = True
        left.append((user, cart["since"], cart["goods"]))


def otto(file):
    """A session is a user; each event is one piece."""
    acts = {"carts": "add", "orders": "buy"}
    for session in map(json.loads, file):
        for event in session["events"]:
            if event["type"] in acts:
                yield event["ts"], str(session["session"]), acts[event["type"]], str(event["aid"]), 1


def rees46(file):
    """Each line is one piece, but what is removed is all that there is of it."""
    acts = {"cart": "add", "remove_from_cart": "remove", "purchase": "buy"}
    for row in csv.DictReader(file):
        if row["event_type"] in acts:
            yield at(row["event_time"][:19]), row["user_id"], acts[row["event_type"]], row["product_id"], 1


UNPAID = 10
"""One of so many baskets is never paid, by its number: the file has none that was left."""
SHOPS_MS = 20 * 60_000
"""A basket was filled so long before it was paid: the file has the till's time alone."""


def journey(file):
    """Who comes again after a basket that he left has his cart emptied first."""
    baskets, unpaid, events = {}, set(), []
    for row in csv.DictReader(file):
        key = at(row["transaction_timestamp"]), row["basket_id"], row["household_id"]
        pieces = int(row["quantity"])
        baskets.setdefault(key, []).extend([(row["product_id"], pieces)] if pieces else [])
    for (till, basket, user), goods in sorted(baskets.items()):
        events += [(till - SHOPS_MS, user, "clear", "", 0)] * (user in unpaid)
        events += [(till - SHOPS_MS, user, "add", *line) for line in goods]
        if zlib.crc32(basket.encode()) % UNPAID:
            unpaid.discard(user)
            events += [(till, user, "buy", *line) for line in goods]
        else:
            unpaid.add(user)
    return sorted(events, key=lambda event: event[0])


def at(text):
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1000


if __name__ == "__main__":
    reader = {"otto": otto, "rees46": rees46, "journey": journey}[sys.argv[1]]
    with open(sys.argv[2], encoding="utf-8", newline="") as opened:
        print(json.dumps(count(reader(opened))))
