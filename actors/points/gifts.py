"""Points from one user to another. The giver's are gone in the same transaction that sends them on their way, and they
come exactly once, by transfer when the receiver lives in another segment; until then they are in transit, and no crash
makes them fewer or more. Each keeps the expiry it had. The receiver cannot refuse.
"""

from __future__ import annotations

from msgspec import UNSET

from actors.points import giving, ledger, lots, redemptions, standing, upkeep
from actors.points.effects import PointsEarned, PointsGifted, RefusalCode
from actors.points.inputs import GIFT_ARRIVES, GiftArrives, GiftPart, GivePoints
from actors.points.ledger import Short
from actors.points.results import Gifted
from actors.points.state import GiftDay, Lot
from actors.points.teller import Teller
from actors.points.times import shown

REASON = "gift"
PARTS_MAX = 200
"""Of one gift; more lots than that go as fewer, the later expiry counting."""
_CODES: dict[str, RefusalCode] = {
    "gifts_off": "gift_limit", "gift_limit": "gift_limit", "gift_points_limit": "gift_limit",
}  # fmt: skip


def give(teller: Teller, body: GivePoints) -> None:
    """`points_gift`."""
    day = teller.programme.days.day(teller.at)
    given = teller.account.gifts or GiftDay()
    if refused := giving.allow(given, teller.programme.rules.gifts, body.points, day):
        detail = f"today {refused.gifts_left} more gifts of {refused.points_left} points in all are allowed"
        teller.refuse(
            "gift", _CODES[refused.code], detail, body.points, REASON,
            gifts_left=refused.gifts_left, points_left=refused.points_left,
        )  # fmt: skip
        return
    if not redemptions.usable(teller, REASON, "gift", body.points):
        return
    parts = ledger.send(teller.wallet(), body.points)
    if isinstance(parts, Short):
        detail = f"{parts.missing} points are missing"
        teller.refuse("gift", "insufficient_points", detail, body.points, REASON, missing=parts.missing)
        return
    giving.give(given, body.points, day)
    teller.account.gifts = given
    standing.here(teller)
    balance = teller.line("gift_sent", body.points, REASON, None, parts, other_user_id=body.to)
    teller.say("points.gifted", PointsGifted(body.points, balance, body.to))
    teller.send(GIFT_ARRIVES, GiftArrives(teller.user_id, body.points, _packed(parts)), body.to)
    teller.answer(Gifted, body.points, to=body.to)


def arrives(teller: Teller, body: GiftArrives) -> None:
    """What somebody gave is here."""
    entry = teller.event.entry
    parts = [Lot(part.expires, part.points, entry.epoch, entry.offset) for part in body.parts]
    wallet = teller.wallet()
    standing.here(teller)
    came = ledger.receive(wallet, parts, entry.epoch, entry.offset, teller.programme.rules.lots_max)
    upkeep.merged(teller, came, "")
    balance = teller.line("gift_received", body.points, REASON, None, parts, other_user_id=body.from_user_id)
    ends = shown(parts[0].expires) if len(parts) == 1 else None
    effect = PointsEarned(
        body.points, balance, REASON, None, ends, debt_paid=came.to_debt or UNSET, from_user_id=body.from_user_id
    )
    teller.say("points.earned", effect, REASON)
    upkeep.expire(teller, "", wallet)


def _packed(parts: list[Lot]) -> tuple[GiftPart, ...]:
    """The parts as they travel: those that end together are one, and the last ones too when there are very many."""
    together: dict[int, int] = {}
    for part in parts:
        together[part.expires] = together.get(part.expires, 0) + part.points
    packed = [GiftPart(expires, points) for expires, points in together.items()]
    head, tail = packed[: PARTS_MAX - 1], packed[PARTS_MAX - 1 :]
    last = [GiftPart(tail[-1].expires, sum(part.points for part in tail))] if tail else []
    assert sum(part.points for part in (*head, *last)) == lots.total(parts)
    return (*head, *last)
