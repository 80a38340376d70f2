"""Points for what is no order: signing in, bringing a friend, an operator's word."""

from __future__ import annotations

from msgspec import UNSET

from actors.points import ledger, sign_ins, standing
from actors.points.accruals import Accrual, accrue, wallet_name
from actors.points.effects import PointsSpent
from actors.points.inputs import AdjustPoints
from actors.points.ledger import Short
from actors.points.messages import REFERRAL_REASON, ReferralCredit
from actors.points.results import Adjusted, SignedIn
from actors.points.sign_ins import Already
from actors.points.state import SignIns
from actors.points.teller import Teller

SIGN_IN_REASON = "sign_in"
ADJUSTMENT_REASON = "adjustment"


def sign_in(teller: Teller) -> None:
    """`sign_in`. The second of a day says nothing to the world: people sign in all the time."""
    account, rules = teller.account, teller.programme.rules.sign_in
    account.sign_ins = account.sign_ins or SignIns()
    signed = sign_ins.sign(account.sign_ins, rules, _day(teller))
    if isinstance(signed, Already):
        teller.decline("already_signed_in", "this day has been signed in for", 0, streak=signed.streak)
        return
    standing.here(teller)
    came = accrue(teller, Accrual(signed.points + signed.bonus, SIGN_IN_REASON))
    if came is not None:
        teller.answer(SignedIn, came.points + came.to_debt, streak=signed.streak, bonus=signed.bonus)


def referral(teller: Teller, body: ReferralCredit) -> None:
    """What the referrer gets, under the programme's rules."""
    rules, account = teller.programme.rules.referral, teller.account
    if rules.per_user_max and account.referrals >= rules.per_user_max:
        detail = f"{rules.per_user_max} referrals have earned points already"
        teller.refuse(
            "increase", "cap_reached", detail, body.points, REFERRAL_REASON, body.order_id, left=0, cap="referrals"
        )
        return
    points = min(body.points, rules.points_max)
    accrual = Accrual(points, REFERRAL_REASON, ordinary=False, referred=body.referred_user_id, elsewhere=body.order_id)
    if accrue(teller, accrual) is not None:
        account.referrals += 1
        standing.here(teller)


def adjust(teller: Teller, body: AdjustPoints) -> None:
    """`points_adjust`: an operator gives or takes, and says why."""
    name = wallet_name(teller, body.wallet, "") if body.wallet else ""
    if name is None:
        teller.refuse("adjust", "unknown_wallet", f"the programme has no wallet {body.wallet!a}", abs(body.points))
    elif body.points > 0:
        accrual = Accrual(body.points, ADJUSTMENT_REASON, wallet=body.wallet, ordinary=False, note=body.note)
        if (came := accrue(teller, accrual)) is not None:
            standing.here(teller)
            teller.answer(Adjusted, came.points + came.to_debt, name)
    else:
        _take(teller, body, name)


def _take(teller: Teller, body: AdjustPoints, name: str) -> None:
    points = -body.points
    parts = ledger.withdraw(teller.wallet(name), points)
    if isinstance(parts, Short):
        detail = f"{parts.missing} points are missing"
        teller.refuse(
            "adjust", "insufficient_points", detail, points, ADJUSTMENT_REASON, None, name, missing=parts.missing
        )
        return
    balance = teller.line("withdraw", points, ADJUSTMENT_REASON, None, parts, name, note=body.note)
    effect = PointsSpent(points, balance, ADJUSTMENT_REASON, None, name or UNSET, body.note)
    teller.say("points.spent", effect, ADJUSTMENT_REASON)
    teller.answer(Adjusted, body.points, name)


def _day(teller: Teller) -> int:
    """The calendar day (ordinal) of the log's time in the user's zone."""
    facts = teller.account.facts
    return teller.programme.users_day(teller.at, facts.zone if facts else "")
