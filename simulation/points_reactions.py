"""What each kind of entry asks of the reference model, as a function over a fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from simulation import points_earning, points_refunds, points_tiers
from simulation.points_book import Hold, Lot, Order
from simulation.points_calendar import DAY_MS, NEVER, day_of, ms
from simulation.points_fold import Fold, refers, said_of

WAITING_MAX = 20


def change(fold: Fold) -> None:
    """`points_change`, new under its order."""
    body, order_id = fold.body, fold.body.get("order_id")
    points, kind, reason = body["points"], body["change_type"], body["reason"]
    order = fold.order(order_id) if order_id else None
    if order is not None and (kind, reason) in order.changes:
        return fold.refuse("order_conflict", points)
    if refers(body) and fold.book.referred:
        return fold.refuse("already_referred", points)
    came = _changed(fold, kind, points, reason, order)
    if came is None:
        return None
    if kind == "increase":
        fold.here()
    undone = 0
    if order is not None:
        order.changes[kind, reason] = said_of(body)
        order.at = order.at or fold.at
        undone = _follow(fold, str(order_id))[0] if kind == "increase" else 0
    if refers(body):
        fold.book.referred = True
        _, referrer, credit = said_of(body)
        fold.said.append(("points.referral", f"user:{referrer}", credit))
    if kind == "increase":
        fold.count(came - undone)
    return None


def _changed(fold: Fold, kind: str, points: int, reason: str, order: Order | None) -> int | None:
    purse = fold.book.purse("")
    if kind == "increase":
        return fold.come(points, reason, order)
    if kind == "decrease":
        return _spend(fold, points, "", order)
    taken = min(points, purse.balance)
    if not taken:
        fold.refuse("nothing_to_expire", points)
        return None
    purse.take(taken)
    purse.terms["expired"] += taken
    fold.say("expired", taken)
    return taken


def _spend(fold: Fold, points: int, wallet: str, order: Order | None) -> int | None:
    purse = fold.book.purse(wallet)
    if purse.balance < points:
        fold.refuse("insufficient_points", points, wallet)
        return None
    parts = purse.take(points)
    purse.terms["spent"] += points
    fold.here()
    fold.say("spent", points, wallet)
    if order is not None:
        order.spent += [[wallet, part, 0] for part in parts]
    return points


def referral(fold: Fold) -> None:
    """Without limits of their own in these worlds."""
    if fold.come(fold.body["points"], "referral", ordinary=False) is not None:
        fold.book.referrals += 1
        fold.here()


def accrue(fold: Fold) -> None:
    body, order_body = fold.body, fold.body.get("order")
    reason = body.get("reason", "purchase")
    order_id = order_body["order_id"] if order_body else body.get("order_id")
    order = fold.order(order_id) if order_id else None
    if order is not None and not _new(fold, order, order_body, reason):
        return
    items = points_earning.worth(fold.book, fold.rules, order_body) if order_body else []
    points = sum(items) if order_body else body["points"]
    active = _active(fold, order, bool(order_body))
    expires = ms(body["expires_at"]) if body.get("expires_at") else 0
    came = fold.come(points, reason, order, body.get("wallet"), active, bought=bool(order_body), expires=expires)
    if came is None:
        return
    fold.here()
    undone = undone_money = 0
    if order is not None:
        order.changes["increase", reason] = (points, "", 0)
        if order_body:
            _describe(fold, order, order_body, items, came)
        order.at = order.at or fold.at
        undone, undone_money = _follow(fold, str(order_id))
    fold.count(came - undone, (order_body["amount"] if order_body else 0) - undone_money)
    fold.tell(came, fold.wallet_of(body.get("wallet"), reason) or "")


def _new(fold: Fold, order: Order, told: dict[str, Any] | None, reason: str) -> bool:
    before, asked = order.changes.get(("increase", reason)), fold.body.get("points")
    if before is None:
        if told and order.told is not None:
            fold.refuse("order_conflict", asked or 0)
            return False
        return True
    same = order.told == points_earning.told(told) if told else before[0] == asked
    if same:
        fold.decline("already_accepted", before[0])
    else:
        fold.refuse("order_conflict", asked or 0)
    return False


def _active(fold: Fold, order: Order | None, by_rules: bool) -> int | None:
    """From when on the points can be spent; None: now, 0: from the order's completion."""
    asked, rules = fold.body.get("pending"), fold.rules["pending"]
    completed = order is not None and order.completed
    if asked:
        if asked.get("on"):
            return None if completed else 0
        fold.marks["pending_named"] += "at" in asked
        return ms(asked["at"]) if asked.get("at") else fold.at + asked["days"] * DAY_MS
    if not by_rules or rules["until"] == "now":
        return None
    if rules["until"] == "days":
        return fold.at + rules["days"] * DAY_MS
    return None if completed else 0


def _describe(fold: Fold, order: Order, told: dict[str, Any], items: list[int], came: int) -> None:
    fold.book.orders_earned += 1
    order.told, order.amount, order.at = points_earning.told(told), told["amount"], fold.at
    if came != sum(items):
        items = points_earning.dealt([Fraction(points * came, sum(items)) for points in items])
    for (name, _, amount, quantity), points in zip(order.told[1], items, strict=True):
        order.items[name] = (amount, quantity, points)


def _follow(fold: Fold, order_id: str) -> tuple[int, int]:
    """Refunds that waited for the order; how many points and how much money they took of what has just come."""
    book, order = fold.book, fold.order(order_id)
    waited = [each for each in book.waiting if each["order_id"] == order_id]
    book.waiting = [each for each in book.waiting if each["order_id"] != order_id]
    undone = undone_money = 0
    for each in waited:
        refund_id = each["body"].get("refund_id")
        if refund_id and ("reverse", refund_id) in order.changes:
            continue
        what = points_refunds.claim(order, each["body"])
        if isinstance(what, str):
            fold.refusal(what, 0)
            continue
        fold.marks["refund_waited"] += 1
        if refund_id:
            order.changes["reverse", refund_id] = (what[0],)
        fold.refund(order, what)
        undone, undone_money = undone + what[0], undone_money + what[1]
    if order.cancelled and not isinstance(what := points_refunds.claim(order, {}), str):
        fold.marks["accrued_after_cancel"] += 1
        fold.refund(order, what)
        undone, undone_money = undone + what[0], undone_money + what[1]
    return undone, undone_money


def redeem(fold: Fold) -> None:
    body, order_id = fold.body, fold.body.get("order_id")
    points, reason = body["points"], body["reason"]
    wallet = fold.wallet_of(body.get("wallet") or "main", "")
    if wallet is None:
        return fold.refuse("unknown_wallet", points)
    uses = fold.rules["wallets"].get(wallet, {}).get("uses")
    if uses and reason not in uses:
        return fold.refuse("wallet_use", points, wallet)
    order = fold.order(order_id) if order_id else None
    if order is not None and (before := order.changes.get(("decrease", reason))):
        if before[0] == points:
            return fold.decline("already_accepted", points)
        return fold.refuse("order_conflict", points)
    if _spend(fold, points, wallet, order) is None:
        return None
    if order is not None:
        order.changes["decrease", reason] = (points, "", 0)
    return fold.tell(points, wallet)


def reserve(fold: Fold) -> None:
    body, book = fold.body, fold.book
    points, rid = body["points"], body.get("reservation_id") or f"r-{fold.entry.place}"
    ttl_s = body.get("ttl_s") or fold.rules["ttl_s"]["ttl_s_default"]
    wallet = fold.wallet_of(body.get("wallet") or "main", "")
    if wallet is None:
        return fold.refuse("unknown_wallet", points)
    uses = fold.rules["wallets"].get(wallet, {}).get("uses")
    if uses and "reserve" not in uses:
        return fold.refuse("wallet_use", points, wallet)
    if ttl_s > fold.rules["ttl_s"]["ttl_s_max"]:
        return fold.refuse("ttl_too_long", points, wallet)
    if rid in book.ended:
        return fold.refuse("reservation_exists", points, wallet)
    purse = book.purse(wallet)
    if purse.balance < points:
        return fold.refuse("insufficient_points", points, wallet)
    book.holds[rid] = Hold(wallet, fold.at + ttl_s * 1000, body.get("order_id") or "", purse.take(points))
    book.ended[rid] = "held"
    fold.here()
    fold.say("reserved", points, wallet)
    return fold.tell(points, wallet)


def confirm(fold: Fold) -> None:
    book, rid, asked = fold.book, fold.body["reservation_id"], fold.body.get("points")
    held = book.holds.get(rid)
    if held is None:
        return _gone(fold, rid, asked or 0)
    together = sum(part[3] for part in held.parts)
    points = together if asked is None else asked
    if points > together:
        return fold.refuse("more_than_held", points, held.wallet)
    del book.holds[rid]
    book.ended[rid] = "confirmed"
    fold.here()
    spent = _split(held, points, fold)
    fold.book.purse(held.wallet).terms["spent"] += points
    fold.say("confirmed", points, held.wallet, released=together - points)
    if held.order_id:
        fold.order(held.order_id).spent += [[held.wallet, part, 0] for part in spent]
    fold.expire(held.wallet)
    return fold.tell(points, held.wallet)


def _split(held: Hold, points: int, fold: Fold) -> list[Lot]:
    """The parts that are spent; the others are free again."""
    spent: list[Lot] = []
    purse = fold.book.purse(held.wallet)
    for part in sorted(held.parts, key=lambda part: part[:3]):
        taken = min(part[3], points)
        points -= taken
        if taken:
            spent.append([*part[:3], taken, part[4]])
        if part[3] > taken:
            purse.come([*part[:3], part[3] - taken, part[4]], fold.rules["lots_max"])
    fold.merged(purse)
    return spent


def cancel(fold: Fold) -> None:
    rid = fold.body["reservation_id"]
    held = fold.book.holds.get(rid)
    if held is None:
        return _gone(fold, rid, 0)
    fold.book.ended[rid] = "cancelled"
    fold.release(rid)
    fold.expire(held.wallet)
    return fold.tell(sum(part[3] for part in held.parts), held.wallet)


def _gone(fold: Fold, rid: str, points: int) -> None:
    ended = fold.book.ended.get(rid)
    code = {None: "unknown_reservation", "held": "reservation_expired"}.get(ended, "reservation_closed")
    fold.marks["confirm_too_late"] += code == "reservation_expired"
    fold.refuse(code, points)


def reverse(fold: Fold) -> None:
    body, order = fold.body, fold.order(fold.body["order_id"])
    refund_id = body.get("refund_id")
    if not order.known:
        return _wait(fold)
    if refund_id and ("reverse", refund_id) in order.changes:
        return fold.decline("already_accepted", 0)
    what = points_refunds.claim(order, body)
    if isinstance(what, str):
        return fold.refuse(what, 0)
    if refund_id:
        order.changes["reverse", refund_id] = (what[0],)
    fold.refund(order, what)
    fold.uncount(order, what[0], what[1])
    fold.marks["refund_in_pieces"] += len(order.claims) > 1
    return fold.tell(what[0])


def _wait(fold: Fold) -> None:
    if len(fold.book.waiting) >= WAITING_MAX:
        return fold.refuse("too_many_waiting", 0)
    until = fold.at + fold.rules["refund"]["wait_days"] * DAY_MS
    waits = {"order_id": fold.body["order_id"], "until": until, "origin": fold.origin, "body": fold.body}
    fold.book.waiting.append(waits)
    return fold.tell(0)


def completed(fold: Fold) -> None:
    order_id = fold.body["order_id"]
    order = fold.order(order_id)
    if order.cancelled or order.completed:
        return
    order.completed = True
    for wallet, purse in list(fold.book.purses.items()):
        due = [waits for waits in purse.pending if not waits[0] and waits[5] == order_id]
        fold.activate(wallet, due, [fold.at] * len(due))


def cancelled(fold: Fold) -> None:
    order = fold.order(fold.body["order_id"])
    if order.cancelled:
        return
    order.cancelled = True
    if order.known and not isinstance(what := points_refunds.claim(order, {}), str):
        fold.refund(order, what)
        fold.uncount(order, what[0], what[1])
        fold.marks["cancelled_with_points"] += what[0] > 0


def gift(fold: Fold) -> None:
    points, rules = fold.body["points"], fold.rules["gifts"]
    day = max([fold.day(fold.at), *(on for on, _ in fold.book.given)])  # no day comes twice, in whatever zone
    today = [given for on, given in fold.book.given if on == day]
    if len(today) >= rules["per_day"] or sum(today) + points > rules["points_per_day"]:
        return fold.refuse("gift_limit", points)
    purse = fold.book.purse("")
    if purse.balance < points:
        return fold.refuse("insufficient_points", points)
    together: dict[int, int] = {}
    for part in purse.take(points):
        together[part[0]] = together.get(part[0], 0) + part[3]
    purse.terms["sent"] += points
    fold.book.given.append((day, points))
    fold.here()
    fold.say("gifted", points)
    fold.said.append(("points.gift_arrives", f"user:{fold.body['to']}", points, list(together.items())))
    return fold.tell(points)


def gift_arrives(fold: Fold) -> None:
    fold.book.purse("").terms["received"] += fold.body["points"]
    fold.here()
    fold.arrive("earned", "", [[expires, *fold.origin, points, None] for expires, points in fold.body["parts"]])
    fold.marks["gift_crossed"] += fold.entry.cause.partition(".")[0] != str(fold.entry.segment)
    fold.expire("")


def adjust(fold: Fold) -> None:
    points, wallet = fold.body["points"], fold.wallet_of(fold.body.get("wallet") or "main", "")
    if wallet is None:
        return fold.refuse("unknown_wallet", abs(points))
    if points > 0:
        came = fold.come(points, "adjustment", wallet=wallet or "main", ordinary=False)
        if came is not None:
            fold.here()
            fold.tell(came, wallet)
        return None
    purse = fold.book.purse(wallet)
    if purse.balance < -points:
        return fold.refuse("insufficient_points", -points, wallet)
    purse.take(-points)
    purse.terms["withdrawn"] -= points
    fold.say("spent", -points, wallet)
    return fold.tell(points, wallet)


def sign_in(fold: Fold) -> None:
    day = day_of(fold.book.zone or fold.zone, fold.at)
    last, row = fold.book.signed
    if day <= last:
        return fold.decline("already_signed_in", 0)
    rules = fold.rules["sign_in"]
    longest = max([int(days) for days in rules["streak"]], default=0)
    row = row + 1 if day == last + 1 and not 0 < longest <= row else 1
    fold.book.signed = (day, row)
    fold.here()
    came = fold.come(rules["points"] + rules["streak"].get(str(row), 0), "sign_in")
    return None if came is None else fold.tell(came)


def grant(fold: Fold) -> None:
    """A floor under the tier."""
    until = ms(fold.body["until"]) if fold.body.get("until") else NEVER
    said = points_tiers.grant(fold.book, fold.rules["tiers"], fold.body["level"], until, fold.at, fold.subject)
    if said is None:
        return fold.refuse("unknown_level", 0)
    fold.tier(said)
    fold.marks["tier_granted"] += any(each[0] == "tier.upgraded" for each in said)
    return fold.tell(0)


def learn(fold: Fold) -> None:
    """Of a profile only the zone matters here."""
    changes = fold.body["profile_changes"]
    if "zone" in changes:
        fold.book.zone = changes["zone"] or ""


REACTIONS: Mapping[str, Callable[[Fold], None]] = {
    "points.change": change,
    "points.referral": referral,
    "points.accrue": accrue,
    "points.redeem": redeem,
    "points.reserve": reserve,
    "points.confirm": confirm,
    "points.cancel": cancel,
    "points.reverse": reverse,
    "order.completed": completed,
    "order.cancelled": cancelled,
    "points.gift": gift,
    "points.gift_arrives": gift_arrives,
    "points.adjust": adjust,
    "user.sign_in": sign_in,
    "user.profile": learn,
    "tier.grant": grant,
}
