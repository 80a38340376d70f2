"""Golden files: bytes that a store or another program may hold, one file per format that ever was.

A file is written once, by hand, when a format is born, and never changed: whoever changes a struct in a way that
would make old bytes unreadable, or an effect differ without a new `schema_version`, meets the red test here and not
in production.

- `state.<domain>.<format>.hex`: a stored state, msgpack; `<domain>-segment` what a segment shares, `<domain>-companion`
  a part of it.
- `claim.<domain>.<format>.hex`: the value of a business key, msgpack.
- `record.<domain>.<n>.json`: a line of the records.
- `effect.<event_type>.<schema_version>.json`: an effect as it is published, envelope and all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.behaviour.actor import Visits
from actors.behaviour.behaviour import Line
from actors.behaviour.plausible import Session
from actors.behaviour.records import BehaviourLine
from actors.campaign import directory as directories
from actors.campaign.actor import CampaignActor
from actors.campaign.directory import Directory as CampaignDirectory
from actors.campaign.directory import Listed as CampaignListed
from actors.campaign.knowledge import CartKnown, Knowledge
from actors.campaign.state import DelayedCheck, Last, Member, Origin, Remembered, Run
from actors.campaign.totals import Total, Totals
from actors.cart import cart as carts
from actors.cart.cart import Cart, Taken
from actors.cart.cart import Line as CartLineKept
from actors.cart.messages import CartAbandoned, CartChanged, CartLine
from actors.cart.view import cart_of
from actors.coupon import effects as coupon_effects
from actors.coupon import keys, order_coupons, shelf
from actors.coupon import state as purses
from actors.coupon.directory import Directory, Listed
from actors.coupon.guard import Guard
from actors.coupon.imported import ImportedCode
from actors.coupon.lists import UnderWay
from actors.coupon.narrowing import Terms
from actors.coupon.order_coupons import OrderCoupons, Used
from actors.coupon.pool import Pool
from actors.coupon.reasons import Code, Reason
from actors.coupon.records import LifeLine
from actors.coupon.shelf import Need, Slice, Tally, Ticket
from actors.coupon.state import Coupon, Hold, Purse, Uses
from actors.coupon.stock import Stock
from actors.coupon_jobs.job import Job, shown
from actors.coupon_jobs.shown import JobRefused
from actors.delay.messages import DelayCancelled, DelayedDue, DelayRefused
from actors.delay.messages import Message as DelayedMessage
from actors.delay.waiting import Waiting as DelayWaiting
from actors.notification import outbox, recipient
from actors.notification.actor import NotificationActor
from actors.notification.bought import Bought
from actors.notification.consent import Consents
from actors.notification.consent import Fact as Agreed
from actors.notification.directory import Directory as MessageTemplates
from actors.notification.directory import Listed as MessageListed
from actors.notification.held import Held, Queue
from actors.notification.messages import (
    BoughtSince,
    ConsentRefused,
    MessageHeld,
    MessageLimit,
    MessageReported,
    MessageSent,
    MessageSuppressed,
    Notify,
    NotifyRefused,
    ReportRefused,
    SendNotification,
    Unless,
)
from actors.notification.reach import Reached
from actors.notification.recipient import Recipient
from actors.notification.records import MessageLine
from actors.notification.stopped import Waiting
from actors.notification.templates import Templates
from actors.points import books, order_book, view
from actors.points.actor import Active, PointsLedgerActor
from actors.points.effects import PointsEarned, PointsExpired, PointsExpiring, PointsRefused, PointsSpent
from actors.points.messages import ReferralCredit
from actors.points.order_book import Change, Earned, Item, OrderBook, Spent
from actors.points.programme import from_settings
from actors.points.records import ItemLine, LedgerLine, LotPart
from actors.points.state import (
    Account,
    Books,
    CapUse,
    Facts,
    GiftDay,
    Jump,
    Lot,
    Pending,
    Reservation,
    SignIns,
    Tier,
    WaitingRefund,
    Wallet,
)
from actors.profile.facts import Fact, Profile
from actors.profile.messages import ProfileRefused, ProfileUpdated
from actors.programmes.actor import Shelf
from actors.programmes.messages import ProgrammeChanged
from actors.registry import domains
from actors.stops.switches import Switches
from actors.watch.refusals import Refusals
from actors.webhook.messages import WebhookDelivered, WebhookFailed
from actors.windows.counters import Counter
from actors.windows.slots import Slot, Slots
from actors.windows.window_spec import Calendar, Rolling
from supervision.domain import Event, formats
from supervision.entry import Chain, Entry
from supervision.envelope import envelope
from topology.webhooks.call import Call

FOLDER = Path(__file__).parent.parent / "golden"
SUBJECT = "user:123456"
EXPIRES = 1_789_948_800_000
EXPIRES_AT = "2026-09-21T00:00:00.000Z"

TERMS = Terms(1_790_000_000_000, EXPIRES, 10_000, ("books", "electronics"), ("p1",))
CODE = "2345-6789-CDFH-JKMN-PRTV-WXY2"
TEMPLATE = '{"name":"20 off","kind":{"type":"fixed","amount":2000},"valid":{"days":30}}'
ISSUED_AT = "2025-09-20T14:30:00.000Z"
HELLO = '{"default_locale":"en","texts":{"en":{"text":"hello {{ who }}"}},"variables":["who"]}'

ASKED = SendNotification(
    "cart_remind_sms",
    "sms",
    {"lines": 2},
    Unless(BoughtSince(41, ("p1", "p2"))),
    (MessageLimit("channel:sms", Calendar("day", "user"), 3), MessageLimit("all", Rolling(86_400_000), 1)),
    3_600,
    5,
    True,
    category="carts",
    reference="run7/2",
    campaign_id="CART_ABANDON_001",
    campaign_version="afd515816e728410",
)
WHO = {
    "category": "carts",
    "reference": "run7/2",
    "campaign_id": "CART_ABANDON_001",
    "campaign_version": "afd515816e728410",
}

DIRECTORY = Directory(1, {"T1": Listed(3, "active", "DOUBLE11", "A1")}, {"DOUBLE11": "T1"}, {"A1": "T1"})
STATES: dict[str, Any] = {
    "state.webhook.1": Call(
        1, Entry(3, 1_790_000_000, 42, EXPIRES, 0, "webhook.requested", SUBJECT, b'{"endpoint":"crm"}'), EXPIRES, 2
    ),
    "state.points.2": Account(
        main=Wallet(
            [Lot(EXPIRES, 100, 1_790_000_000, 41), Lot(EXPIRES, 7, 1_790_000_000, 44, (EXPIRES, 1_790_000_000, 50))],
            [Pending(EXPIRES - 1, 0, 20, 1_790_000_000, 42, "ORDER_002")],
            0,
            5,
            Books(160, 4, 0, 10, 1, 1, 2, 3),
        ),
        armed=EXPIRES - 655_200_000,
        orders=2,
        referrals=1,
        active_at=1_758_378_600_000,
        wallets={"promo": Wallet(debt=5, books=Books(reversed=5))},
        reservations={"r1": Reservation("", EXPIRES - 2, "ORDER_001", [Lot(EXPIRES, 20, 1_790_000_000, 41)])},
        waiting=[WaitingRefund("ORDER_003", EXPIRES - 3, 1_790_000_000, 43, b"{}")],
        caps={"daily": CapUse(739_514, 100), "rolling": CapUse(1, 0, [(488_438, 100)])},
        tier=Tier("gold", 1_758_378_600_000, "silver", EXPIRES, [(739_252, 500)], EXPIRES - 4, EXPIRES - 4, "points"),
        sign_ins=SignIns(739_514, 3),
        gifts=GiftDay(739_514, 1, 3),
        jump=Jump([(2_930_631, 100)]),
        facts=Facts("Asia/Shanghai", "02-29"),
        armed_by=31_962_913,
    ),
    "state.points-segment.1": Active(1, 3, "6b86b273ff34fce1", '{"zone":"UTC"}'),
    "state.cart.2": Cart(
        2,
        3,
        [CartLineKept("p1", "red", 2, 29_900, "cups"), CartLineKept("p2", "", 1)],
        -500,
        "CNY",
        1_758_378_600_000,
        41,
        True,
        True,
        [Taken("ORDER_001", 1_758_378_500_000, "CNY", [CartLineKept("p3", "", 1, 100)])],
    ),
    "state.notification.4": Recipient(
        4,
        Bought(40, {"p3": 41}, ["ORDER_001"]),
        Consents({"sms": {"": Agreed(1_758_378_600_000, False), "invoices": Agreed(1_758_378_600_000, True)}}),
        Slots({"all": [1_758_378_600_000], "channel:sms": [1_758_378_600_000]}),
        Queue([Held(42, 5, 1_758_378_600_000, EXPIRES, msgspec.Raw(msgspec.msgpack.encode(ASKED)))]),
        "Asia/Shanghai",
        18,
        1_758_400_200_000,
        "zh-Hans",
        {"email": Reached(1_758_378_600_000, False), "sms": Reached(1_758_378_600_000, True)},
    ),
    "state.notification-segment.1": MessageTemplates(
        1,
        {
            "hello": MessageListed(2, "active", "afd515816e728410", HELLO),
            "bye": MessageListed(3, "archived", "6b86b273ff34fce1"),
        },
        Switches(3, ("all", "campaign:C1", "channel:sms")),
    ),
    "state.coupon_jobs.1": Job(
        1,
        "T1",
        "running",
        "DOUBLE11_2025",
        50,
        49,
        [(1, 48), (50, 50)],
        47,
        50,
        500,
        49_000,
        46_500,
        744,
        40_000,
        1_000,
        {"bad_user_id": 1, "sold_out": 2_000},
        ["'a\\nb'"],
        True,
        False,
        1_758_378_600_000,
        1_758_378_601_250,
        42_000,
        6_500.5,
        False,
    ),
    "state.profile.1": Profile(1, {"zone": Fact('"Asia/Shanghai"', 1_790_000_000, 41, 1_758_378_601_250)}),
    "state.behaviour.1": Visits(1, Session("sess_789", 1_758_378_555_000, 1_758_378_601_250)),
    "state.watch-segment.1": Refusals(1, 2_983_333, 501),
    "state.programmes.1": Shelf(1, 3, "6b86b273ff34fce1", '{"zone":"UTC"}'),
    "state.coupon.2": Purse(
        2,
        {
            410: Coupon(410, 0, "T1", "6b86b273ff34fce1", "birthday", TERMS, reminded=True),
            420: Coupon(
                420,
                0,
                "T1",
                "6b86b273ff34fce1",
                "code",
                TERMS,
                public=True,
                hold=Hold("ORDER_001", 1_790_000_900_000, 2_000, 1_790_000_000_000),
            ),
            430: Coupon(430, 0, "T1", "6b86b273ff34fce1", "transfer", TERMS, first="777"),
        },
        {"T1": Uses(2, 739_514, 1, 24_297, 2)},
        1_790_000_900_000,
        Guard(1_790_003_600_000, 1_790_000_005_000),
        {"T2": 1},
        {430: "888"},
    ),
    "state.coupon-segment.1": DIRECTORY,
    "state.coupon_jobs-segment.1": DIRECTORY,
    "state.coupon-companion.2": shelf.Shelf(
        2,
        3,
        "active",
        TEMPLATE,
        "6b86b273ff34fce1",
        {"6b86b273ff34fce1": TEMPLATE},
        Slice(50, 1, 2, True, False, True, 25, 1_790_000_000_000),
        Slice(100_000, mark=50_000),
        4,
        6,
        True,
        Tally(10, 4, 1, 3, 1, 2, 2, 4_000, 59_800, 1),
        {"J1/7": UnderWay(3, 1, 2, {"sold_out": 1})},
    ),
    "state.campaign.2": Member(
        2,
        1_758_378_000_000,
        Session("sess_789", 1_758_378_000_000, 1_758_378_600_000),
        2,
        {
            "C1": Run(
                "afd515816e728410",
                2,
                1,
                Origin(1_758_378_500_000, 41, {"order_value": 59_800}),
                1_758_378_600_000,
                1_758_378_900_000,
                "C1.2.1",
                Slot(1_758_378_600_000, ("campaign:C1",)),
                1,
                "C1.2.0",
            )
        },
        {"C2": Origin(1_758_378_600_000, 42)},
        {"0123456789abcdef": Counter([(1_758_378_600_000, 1)], 3, 0)},
        {"ORDER_001": Remembered(1_758_378_600_000, {"0123456789abcdef": 59_800, "": 59_800})},
        Slots({"campaign:C1": [1_758_378_600_000]}),
        Knowledge(
            "silver",
            1_000,
            {"T1": 2},
            CartKnown(59_800, 1, 2, ("p1",), ("tea",)),
            {"zone": "Asia/Shanghai"},
            {"coupon": [1_759_000_000_000]},
        ),
        {"C3": True},
        {"C4": 1_759_000_000_000},
        {"C1": Last(1_758_378_600_000, "afd515816e728410", "not_entered", "when", "when", "tier = gold", "silver")},
        {"C5.1.0": Slot(1_758_378_600_000, ("campaign:C5",))},
        1_758_378_900_000,
        {"CART_ABANDON_001": DelayedCheck(1_759_000_000_000, 1_759_000_000_000, 43, 2, '[{"type":"issue_coupon"}]', 1)},
    ),
    "state.campaign-segment.2": CampaignDirectory(
        2,
        {"C1": CampaignListed(2, "active", "afd515816e728410", {"afd515816e728410": '{"name":"C1"}'})},
        {"T1": ("vip_coupon_pack",)},
        "0011223344556677",
        {"points": 41},
        Switches(3, ("all", "campaign:C1", "channel:sms")),
    ),
    "state.notification-companion.1": Waiting(1, True),
    "state.campaign-companion.1": Totals(
        1,
        True,
        {"C1": Total(9, 12, 3, 1, 2, {"sold_out": 1}, {"finished": 5, "exit": 2}, 6, {"capped": 1}, {"bought": 2})},
    ),
    "state.delay.1": DelayWaiting(
        1,
        "pending",
        bytes(16),
        1_790_000_001_000,
        DelayedMessage(
            "m-1",
            "mail.news",
            b"\0\0\0\0",
            b"\xff\0",
            "image/png",
            "gzip",
            4,
            "c-1",
            "replies",
            1_790_000_000,
            "news",
            "shop",
        ),
    ),
    "state.coupon_codes.1": ImportedCode(1, "T1", 41, "123456", 2),
    "state.coupon_stock.1": Stock(
        1, 3, Pool(100, 40, {0: 50, 1: 10}, {1: 5}, {0: False}, [2], [3]), Pool(1_000_000, 1_000_000)
    ),
}
CLAIMS: dict[str, Any] = {
    "claim.points-order.1": OrderBook(
        1,
        [Change("increase", "purchase", 100, "14.1790000000.41", "777", 30)],
        "CNY",
        29_900,
        1_758_378_600_000,
        [Item("tea", 20_000, 2, 67, 10_000, 1, 33)],
        [Earned("", Lot(EXPIRES, 100, 1_790_000_000, 41), 33)],
        [Spent("promo", Lot(EXPIRES, 20, 1_790_000_000, 40), 5)],
        10_000,
        True,
        False,
    ),
    "claim.coupon-order.2": OrderCoupons(
        2,
        "CNY",
        [
            Used(
                Coupon(410, 0, "T1", "6b86b273ff34fce1", "birthday", TERMS, first="777"),
                2_000,
                [("p1", 1_500)],
                500,
                "template:T1",
                False,
                29_900,
            )
        ],
    ),
    "claim.coupon-serial.1": keys.Whose("123456", "T1", "redeemed", "ORDER_001"),
    "claim.coupon-spelled.1": keys.Whose("123456", "T1", "redeemed", "ORDER_001"),
    "claim.coupon-issue.1": [410, 411],
    "claim.coupon-ticket.1": Ticket(
        SUBJECT,
        "coupon.issue",
        b'{"event_type":"coupon_issue"}',
        "purchase/order/ORDER_001",
        Need(1, 0),
        Chain("orders|m-1", SUBJECT, 0, True, 1_758_378_600_000),
    ),
}
RECORDS: dict[str, Any] = {
    "record.points.2": LedgerLine(
        41, "2025-09-20T14:30:00.000Z", "increase", 100, 250, "purchase_order", "ORDER_001", "14.1790000000.41",
        (LotPart("14.1790000000.41", 100, EXPIRES),), {"issued": 100, "available": 100}, "promo", "r1",
        "6b86b273ff34fce1", (ItemLine("tea", 67, ("base",)),), "sorry", "777",
    ),
    "record.programmes.1": ProgrammeChanged(
        "ann", 3, "d4735e3a265e16ee", "6b86b273ff34fce1", 1_790_000_000_000, '{"zone":"UTC"}'
    ),
    "record.coupon.2": LifeLine(
        41, ISSUED_AT, "received", 410, "T1", "14.1790000000.41", "6b86b273ff34fce1", "transfer", "birthday/2025",
        ISSUED_AT, EXPIRES_AT, "ORDER_001", 2_000, "cancelled", 0, "777", "3.420",
    ),
    "record.notification.1": MessageLine(
        ISSUED_AT, "held", "cart_remind_sms", "sms", "14.1790000000.41", "quiet_hours", EXPIRES_AT, **WHO
    ),
    "record.notification.2": MessageLine(
        ISSUED_AT, "bounced", "", "email", "14.1790000000.41", "550 no such user", message_id="14.1790000000.40",
        reference="run7/2",
    ),
    "record.behaviour.1": BehaviourLine(
        ISSUED_AT, "product_view", "14.1790000000.41", ISSUED_AT, "sess_789", "product_detail", "PROD_001", "red",
        "electronics", 2, 29_900, 59_800, "ORDER_001", 59_800, "CNY", "alipay", 45_000, 0.8, "tea",
        (Line("PROD_001", 2, 59_800, "red", "electronics"),), ("too_long_view",),
    ),
}  # fmt: skip
EFFECTS: dict[str, Any] = {
    "points.earned": PointsEarned(100, 250, "purchase_order", "ORDER_001", EXPIRES_AT, None),
    "points.spent": PointsSpent(100, 150, "purchase_order", "ORDER_001"),
    "points.expired": PointsExpired(50, 0, "fraud", None, 80),
    "points.expiring": PointsExpiring(100, 250, "validity", None, EXPIRES_AT, "2026-09-20"),
    "points.refused": PointsRefused(
        80, 50, "purchase_order", "ORDER_001", "decrease", "insufficient_points", "30 points are missing"
    ),
    "points.referral": ReferralCredit(30, "888", None),
    "notify.sms": Notify(
        "points_earned", "zh-Hans", {"points": 100, "balance": 250, "reason": "gift"}, "您获得100积分"
    ),
    "notify.push": msgspec.structs.replace(
        Notify("hello", "en", {"who": "Ann"}, "hello Ann", title="Hello", template_version="afd515816e728410"), **WHO
    ),
    "notify.refused": NotifyRefused("points_earned", "zh-Hans", {"points": 100}, "missing_variable", "no 'nickname'"),
    "notify.requested": SendNotification("cart_remind_sms", "sms", {"lines": 2}, Unless(BoughtSince(41, ("p1", "p2")))),
    "message.sent": MessageSent("cart_remind_sms", "sms", **WHO),
    "message.held": MessageHeld("cart_remind_sms", "sms", "quiet_hours", EXPIRES_AT, **WHO),
    "message.bounced": MessageReported("email", "14.1790000000.40", "run7/2", "550 no such user"),
    "message.delivered": MessageReported("email", "14.1790000000.40"),
    "report.refused": ReportRefused(
        "sms", "delivered", "3.1790000000.40", "unknown_message", "no message of this user"
    ),
    "consent.refused": ConsentRefused("sms", "offers", "too_many_categories", "the consent to 64 is remembered"),
    "message.suppressed": MessageSuppressed("cart_remind_sms", "sms", {"lines": 2}, "bought"),
    "webhook.delivered": WebhookDelivered("crm", "msg_3_1790000000_42", 2, 204, reference="C.1.0", campaign_id="C"),
    "webhook.failed": WebhookFailed("crm", "msg_3_1790000000_42", 14, "undelivered", "status 503"),
    "cart.changed": CartChanged(3, "added", 59_300, "CNY", 2, 1_758_378_600_000, True, 3, ("p1", "p2")),
    "cart.abandoned": CartAbandoned(
        3, 59_300, "CNY", (CartLine("p1", 2, "red", 29_900), CartLine("p2", 1)), ISSUED_AT, 41, True, True
    ),
    "coupon.issued": coupon_effects.CouponIssued(
        CODE, "T1", "6b86b273ff34fce1", "new_user_register", ISSUED_AT, EXPIRES_AT, "ORDER_001", "A1", "J1"
    ),
    "coupon.refused": coupon_effects.CouponRefused(
        "redeem",
        "minimum_amount",
        "too little",
        "T1",
        CODE,
        1,
        "ORDER_001",
        "A1",
        "J1",
        (Reason(Code.MINIMUM_AMOUNT, "minimum_amount", 10_000, 9_900), Reason(Code.CATEGORY, "", ("books",), None)),
    ),
    "coupon.held": coupon_effects.CouponHeld(CODE, "T1", "ORDER_001", "CNY", 2_000, EXPIRES_AT),
    "coupon.released": coupon_effects.CouponReleased(CODE, "T1", "ORDER_001", "expired"),
    "coupon.redeemed": coupon_effects.CouponRedeemed(
        CODE, "T1", "ORDER_001", "CNY", 29_900, 2_000, (coupon_effects.ItemDiscount("p1", 2_000),)
    ),
    "coupon.rolled_back": coupon_effects.CouponRolledBack(CODE, "T1", "ORDER_001", "CNY", 2_000, EXPIRES_AT, True),
    "coupon.transferred": coupon_effects.CouponTransferred(CODE, "T1", "888"),
    "coupon.expired": coupon_effects.CouponEnded(CODE, "T1", EXPIRES_AT),
    "coupon.expiring": coupon_effects.CouponEnded(CODE, "T1", EXPIRES_AT),
    "coupon.usage": coupon_effects.CouponUsage("T1", "redeemed", 1, 2_000, 29_900, "ORDER_001"),
    "coupon.job_done": shown(
        Job(
            template="T1", status="done", total_batches=2, batches=1, came=[(1, 1)], users=3, issued=2, refused={"x": 1}
        ),
        "DOUBLE11_2025",
    ),
    "coupon.job_refused": JobRefused("DOUBLE11_2025", "unknown_template", "there is no active template T1", 1_000, 7),
    "delay.due": DelayedDue(DelayedMessage("m-1", "mail.news", b"\0\0\0\0", b"\xff\0"), 1_790_000_001_000),
    "delay.cancelled": DelayCancelled("m-1"),
    "delay.refused": DelayRefused("m-1", "already_published", "the message has gone out"),
    "profile.updated": ProfileUpdated(("zone", "shoe_size")),
    "profile.refused": ProfileRefused(("shoe_size",), "profile_full", "a profile holds 200 facts"),
}
READERS: dict[str, Any] = {
    **{name: type(value) for name, value in {**STATES, **CLAIMS, **RECORDS}.items()},
    "record.points.1": LedgerLine,
    "record.coupon.1": LifeLine,
    "claim.coupon-order.1": OrderCoupons,
    **{f"effect.{kind.replace('.', '_')}.1": type(body) for kind, body in EFFECTS.items()},
}
"""How each golden file is read today."""
UPGRADES: dict[str, Any] = {
    "state.points.1": PointsLedgerActor(from_settings()).upgrade,
    "state.notification.1": NotificationActor(Templates()).upgrade,
    "state.notification.2": NotificationActor(Templates()).upgrade,
    "state.notification.3": NotificationActor(Templates()).upgrade,
    "state.campaign-segment.1": directories.upgrade,
    "state.campaign.1": CampaignActor().upgrade,
    "state.cart.1": carts.upgrade,
    "state.coupon.1": purses.upgrade,
    "state.coupon-companion.1": shelf.upgrade,
}
"""How those are read that are written no more."""


def published(kind: str) -> bytes:
    """The effect as it goes out."""
    entry = Entry(14, 1_790_000_000, 41, 1_758_378_601_250, 0, "points.change", SUBJECT, b"{}", root="orders|m-1")
    entry = msgspec.structs.replace(entry, occurred_at=1_758_378_600_000)
    return envelope(kind, EFFECTS[kind], SUBJECT, Event(entry, None, entry.at, SUBJECT))


def golden(name: str) -> bytes:
    if (path := FOLDER / f"{name}.hex").exists():
        return bytes.fromhex(path.read_text())
    return (FOLDER / f"{name}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.*")), ids=lambda path: path.stem)
def test_every_golden_file_can_be_read_today(path: Path) -> None:
    assert path.stem in READERS or path.stem in UPGRADES, f"nobody says how to read {path.name}"
    data = golden(path.stem)
    if path.stem in UPGRADES:
        assert UPGRADES[path.stem](msgspec.msgpack.decode(data))
        return
    if path.suffix == ".hex":
        value = msgspec.msgpack.decode(data, type=READERS[path.stem])
    else:
        value = msgspec.json.decode(data, type=READERS[path.stem])
    assert isinstance(value, READERS[path.stem])


@pytest.mark.parametrize("name", [*STATES, *CLAIMS])
def test_what_is_stored_today_is_what_the_newest_golden_file_holds(name: str) -> None:
    value = {**STATES, **CLAIMS}[name]
    assert msgspec.msgpack.encode(value) == golden(name)
    assert msgspec.msgpack.decode(golden(name), type=type(value)) == value


def test_records_are_written_as_they_were_and_read_by_whoever_is_shown_them() -> None:
    assert all(msgspec.json.encode(record) == golden(name) for name, record in RECORDS.items())
    for name in ("record.points.1", "record.points.2"):
        shown = msgspec.to_builtins(view.line(golden(name)))
        public = ["offset", "at", "change", "points", "balance", "reason", "order_id", "cause"]
        assert list(shown)[: len(public)] == public


@pytest.mark.parametrize("kind", EFFECTS)
def test_an_effect_that_differs_needs_a_new_schema_version(kind: str) -> None:
    version = getattr(EFFECTS[kind], "schema_version", 1)
    assert published(kind) == golden(f"effect.{kind.replace('.', '_')}.{version}")


def test_every_state_format_of_every_domain_has_its_golden_file() -> None:
    for kept, format in formats(domains(from_settings(), 1)).items():
        name = kept.replace("/shared", "-segment").replace("/companion", "-companion")
        for number in range(1, format + 1):
            assert golden(f"state.{name}.{number}")


def test_every_effect_of_the_coupon_domain_has_its_golden_file() -> None:
    said = {type_ for type_ in vars(coupon_effects).values() if hasattr(type_, "schema_version")}
    assert said == {type(body) for body in EFFECTS.values() if type(body).__module__ == coupon_effects.__name__}


def test_the_golden_purse_and_shelf_are_sound() -> None:
    purses.check(msgspec.msgpack.decode(golden("state.coupon.2"), type=Purse))
    shelf.check(msgspec.msgpack.decode(golden("state.coupon-companion.2"), type=shelf.Shelf))


def test_what_was_written_before_coupons_were_handed_over_is_read_as_what_it_was() -> None:
    purse = UPGRADES["state.coupon.1"](msgspec.msgpack.decode(golden("state.coupon.1")))
    purses.check(purse)
    newest = msgspec.msgpack.decode(golden("state.coupon.2"), type=Purse)
    assert {**purse.coupons, 430: newest.coupons[430]} == newest.coupons and purse.leaving == {}
    assert (purse.format, purse.uses, purse.guard, purse.waiting) == (2, newest.uses, newest.guard, newest.waiting)
    here = UPGRADES["state.coupon-companion.1"](msgspec.msgpack.decode(golden("state.coupon-companion.1")))
    shelf.check(here)
    assert (here.format, here.tally.revenue, here.tally.transferred) == (2, 59_800, 0)
    assert order_coupons.decode(golden("claim.coupon-order.1")).used[0].coupon.first == ""


def test_the_golden_cart_is_sound_and_the_one_before_had_no_categories() -> None:
    newest = cart_of(golden("state.cart.2"))
    carts.check(newest)
    newest.lines[0].category = ""
    assert (
        cart_of(golden("state.cart.1"))
        == newest
        == UPGRADES["state.cart.1"](msgspec.msgpack.decode(golden("state.cart.1")))
    )


def test_the_golden_recipient_is_sound() -> None:
    recipient.check(msgspec.msgpack.decode(golden("state.notification.4"), type=Recipient))


def test_what_was_remembered_of_purchases_alone_is_read_as_that() -> None:
    was = UPGRADES["state.notification.1"](msgspec.msgpack.decode(golden("state.notification.1")))
    recipient.check(was)
    assert was == Recipient(bought=Bought(40, {"p3": 41}, ["ORDER_001"]))


def test_a_recipient_whose_language_nobody_asked_is_read_with_all_else_and_what_waits_can_be_sent() -> None:
    was = UPGRADES["state.notification.2"](msgspec.msgpack.decode(golden("state.notification.2")))
    recipient.check(was)
    assert was == msgspec.structs.replace(STATES["state.notification.4"], locale="", reach={})
    assert outbox.asked_for(was.queue.held[0]) == ASKED
    assert was == recipient.read(golden("state.notification.2"))


def test_a_recipient_of_whose_channels_nothing_was_reported_is_read_with_all_else() -> None:
    was = UPGRADES["state.notification.3"](msgspec.msgpack.decode(golden("state.notification.3")))
    recipient.check(was)
    assert was == msgspec.structs.replace(STATES["state.notification.4"], reach={})
    assert was == recipient.read(golden("state.notification.3"))


def test_what_a_segment_knew_of_campaigns_before_there_were_stops_is_read_as_nothing_being_stopped() -> None:
    was = directories.upgrade(msgspec.msgpack.decode(golden("state.campaign-segment.1")))
    assert was.campaigns.keys() == {"C1"} and was.stamp == "0011223344556677" and was.stops == Switches()


def test_the_golden_account_is_sound() -> None:
    books.check(msgspec.msgpack.decode(golden("state.points.2"), type=Account))


def test_an_account_of_the_first_format_is_read_as_what_it_is_now() -> None:
    account = PointsLedgerActor(from_settings()).upgrade(msgspec.msgpack.decode(golden("state.points.1")))
    books.check(account)
    assert [(lot.expires, lot.points) for lot in account.main.lots] == [(EXPIRES, 100)]


def test_the_golden_order_still_knows_its_resend() -> None:
    book = order_book.decode(golden("claim.points-order.1"))
    assert order_book.known(book, "increase", "purchase") is not None
    assert order_book.known(book, "decrease", "purchase") is None
