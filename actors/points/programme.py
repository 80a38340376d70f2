"""A programme at work: rules that were read, checked and compiled, with what is asked of them for every event.

A programme is named by what it says: its version is a hash of its normal form (normal_form.py).

Only the present rule is applied when points are earned; lots keep the expiry they were given.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import Any

import msgspec

from actors import mistakes, normal_form
from actors.calendar import Ordinals, calendar, first
from actors.commands import Refusal
from actors.points.checks import first_mistake
from actors.points.conditions import Condition, Exclusion
from actors.points.expiry import Reminders, Validity
from actors.points.rules import Expiry, Refund, Rules, WalletRules
from actors.points.state import MAIN

MAIN_NAME = "main"
"""MAIN as people write it."""
BYTES_MAX = 256 * 1024
"""Of a programme's JSON: it is an entry of every segment's log."""
MARK_DIGITS = 8

_SETS = ("tiers", "categories", "products", "weekdays", "reasons", "uses")
_REDUCED: normal_form.Reduced = {
    **dict[str, normal_form.Reduce].fromkeys(_SETS, normal_form.sorted_set),
    "rate": normal_form.rational,
    "factor": normal_form.rational,
}
_SETTINGS = {
    "expiry.n": "points_valid_days",
    "reminder_days": "points_reminder_days",
    "currency": "default_currency",
}
"""What the settings call fields of theirs."""
_rules = msgspec.json.Decoder(Rules)


class Programme:
    """Immutable but for its memos; shared by all segments and threads. Made by `parse` or `from_settings`."""

    def __init__(self, rules: Rules) -> None:
        """`rules` have passed checks.first_mistake."""
        self.canonical = normal_form.encoded(rules, _REDUCED)
        self.version = normal_form.version(self.canonical)
        self.mark = int(self.version[:MARK_DIGITS], 16) | 1
        """Short for the version, never 0: an account remembers by which programme it was settled."""
        self.rules = rules
        self.zone = rules.zone
        self.lots_max = rules.lots_max
        self.calendar = calendar(rules.zone)
        self.days = Ordinals(self.calendar)
        self.rate = Fraction(rules.earn.rate)
        self.multipliers = tuple((m.id, Fraction(m.factor), Condition(m.when)) for m in rules.earn.multipliers)
        self.bonuses = tuple((b.id, b.points, Condition(b.when)) for b in rules.earn.bonuses)
        self.exclusion = Exclusion(rules.earn.exclude)
        reminders = Reminders(rules.reminder_days, self.calendar)
        self.reminder = reminders.at
        self.expires_on = reminders.expires_on
        self._main = _Wallet(rules.wallets.get(MAIN_NAME, WalletRules()), self)
        self._wallets = {name: _Wallet(wallet, self) for name, wallet in rules.wallets.items() if name != MAIN_NAME}
        self._main_ends = self._main.validity.ends
        self._ends = {name: wallet.validity.ends for name, wallet in self._wallets.items()}
        """Bound once: this is asked for every event."""
        self._by_reason = {reason: _inside(n) for n, wallet in rules.wallets.items() for reason in wallet.reasons}

    def expiry(self, wallet: str, at: int) -> int:
        """The moment (ms since 1970 UTC) from which points of `wallet` that are active from `at` on can no longer be
        spent, NEVER or SLIDES. O(1) for moments of one day.
        """
        return self._ends.get(wallet, self._main_ends)(at)

    def slides_end(self, active_at: int, wallet: str) -> int:
        """When points end that slide with their owner's activity, whose last was at `active_at`. Where the present rule
        does not slide, those of an earlier one end as if they had become active then.
        """
        return self._wallet(wallet).sliding.ends(active_at)

    def refund(self, wallet: str) -> Refund:
        """What a refund does in `wallet`."""
        return self._wallet(wallet).refund

    def may_use(self, wallet: str, reason: str) -> bool:
        """Whether points of `wallet` may be redeemed for `reason`."""
        uses = self._wallet(wallet).uses
        return not uses or reason in uses

    def wallet_for(self, reason: str) -> str:
        """The wallet (as states write it) into which an accrual of `reason` comes that names none."""
        return self._by_reason.get(reason, MAIN)

    def has_wallet(self, wallet: str) -> bool:
        """Whether the programme knows `wallet`, as states write it. Accounts may hold others, of earlier programmes."""
        return wallet == MAIN or wallet in self._wallets

    def day(self, at: int) -> int:
        """The day of `at` in the programme's zone as `date.toordinal` counts."""
        return self.calendar.ordinal(at)

    def day_end(self, at: int, after: int) -> int:
        """The first moment after the day that is `after` days later than that of `at`."""
        return self.calendar.begins(first("day", self.calendar.day(at), after + 1))

    def users_day(self, at: int, zone: str) -> int:
        """The day of `at` in the user's zone, as `date.toordinal` counts; in the programme's when that is none."""
        try:
            return calendar(zone or self.zone).ordinal(at)
        except ValueError:
            return self.day(at)

    def _wallet(self, name: str) -> _Wallet:
        # A wallet of an earlier programme goes on by the rules of the main one.
        return self._wallets.get(name, self._main) if name else self._main


class _Wallet:
    def __init__(self, wallet: WalletRules, programme: Programme) -> None:
        rules = programme.rules
        expiry = wallet.expiry or rules.expiry
        active = Expiry("days", expiry.n) if expiry.kind == "sliding" else expiry
        self.validity = Validity(expiry, programme.calendar)
        self.sliding = Validity(active, programme.calendar)
        self.refund = wallet.refund or rules.refund
        self.uses = frozenset(wallet.uses)


def parse(data: bytes) -> Programme | Refusal:
    """The programme that the JSON `data` is, or what is wrong with it and where."""
    if len(data) > BYTES_MAX:
        return Refusal("too_long", "", f"a programme must be at most {BYTES_MAX} bytes")
    try:
        rules = _rules.decode(data)
    except msgspec.ValidationError as error:
        refusal = mistakes.refusal(error, Rules)
        return _under_its_key(refusal, data) if mistakes.SOME_KEY in refusal.field else refusal
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refusal("not_json", "", "a programme must be JSON in UTF-8, of whole characters")
    return first_mistake(rules) or Programme(rules)


def from_settings(
    valid_days: int = 365,
    reminder_days: int = 7,
    lots_max: int = 2_000,
    zone: str = "UTC",
    currency: str = "CNY",
) -> Programme:
    """What the settings mean where no programme was put. Raises ValueError, naming the setting and its limits.

    `reminder_days` 0 = no reminder.
    """
    rules = Rules(zone, currency, expiry=Expiry("days", valid_days), reminder_days=reminder_days, lots_max=lots_max)
    programme = parse(msgspec.json.encode(rules))
    if isinstance(programme, Programme):
        return programme
    setting = _SETTINGS.get(programme.field, programme.field)
    raise ValueError(setting + programme.message.removeprefix(programme.field))


def _inside(name: str) -> str:
    """The wallet called `name` as states write it."""
    return MAIN if name == MAIN_NAME else name


def _under_its_key(refusal: Refusal, data: bytes) -> Refusal:
    """`refusal` with the key that msgspec leaves out: the first one whose value is wrong when it stands alone."""
    head, _, _ = refusal.field.partition(mistakes.SOME_KEY)
    names = head.split(".")
    table: dict[str, Any] = reduce(lambda inner, name: inner[name], names, msgspec.json.decode(data))
    for key, value in table.items():
        alone: Any = {key: value}
        for name in reversed(names):
            alone = {name: alone}
        try:
            msgspec.convert(alone, Rules)
        except msgspec.ValidationError as error:
            named, some, place = mistakes.refusal(error, Rules), head + mistakes.SOME_KEY, mistakes.join(head, key)
            return Refusal(named.code, named.field.replace(some, place), named.message.replace(some, place))
    return refusal
