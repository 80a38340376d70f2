"""What proves an account: its state, its timer and its records tell the same story.

Every line of the records says by how much each term of a wallet's books moved (moves.py). So each line must satisfy
the equation of books.py for itself, the lines must follow each other without a gap, and their sums must be what the
state says, term by term. A state must be one that the domain can have made, its timer set to the moment that the state
names and not later than anything that is due by itself, and what it holds for a check-out must not have been closed.

Pure: who reads the store, portion by portion while others write, is auditor.py. Lines are tallied as they are read;
where a line does not follow the one before it, the tally is in doubt and says nothing: an operator's retry may have
put a line behind where the reading already was. Then the whole chain is looked at, in one transaction with the state.

Lines of before the books (without `moves`) count as upgrade.py counts: what the last of them left was issued.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from actors.points import books, keys, moves, upkeep
from actors.points.moves import Totals
from actors.points.programme import MAIN_NAME
from actors.points.redemptions import HELD
from actors.points.state import FORMAT, MAIN, Account
from actors.points.view import account_of
from supervision.inspection import NO_SPOT, ChainedRow, Kept, Spot
from supervision.messages import TimerRow

SPOTS_NOTED_MAX = 16
"""Of a user's lines that did not follow the one before; what is wrong is found with the first."""

What = Literal[
    "line_unreadable", "line_unbalanced", "line_balance", "line_missing", "line_outside", "state_unreadable",
    "state_missing", "state_not_whole", "sums_differ", "timer_differs", "timer_late", "reservation_closed",
    "transfer_lost", "transfer_unknown", "gifts_differ",
]  # fmt: skip

_INDEX = {name: i for i, name in enumerate(Totals._fields)}
_AVAILABLE = _INDEX["available"]
_LEFT = 4
"""So many terms stand on the left side of the equation."""
_NOTHING = bytes(8 * len(Totals._fields))


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it must be. `subject` is whose; of transfers the pair of segments. Moments in ms since
    1970 UTC.
    """

    what: What
    subject: str
    wallet: str = MAIN
    term: str = ""
    expected: int = 0
    found: int = 0
    detail: str = ""

    def told(self) -> str:
        """One line for people."""
        where = f", wallet {self.wallet or MAIN_NAME}, {self.term}" if self.term in _INDEX else ""
        numbers = f": {self.expected} expected, {self.found} found" if self.term else ""
        return f"{self.what}: {self.subject}{where}{numbers}" + (f" ({self.detail})" if self.detail else "")


class Line(msgspec.Struct, gc=False):
    """What of a LedgerLine the sums are made of."""

    change: str
    balance: int
    moves: dict[str, int] | UnsetType = UNSET
    wallet: str | UnsetType = UNSET


_line = msgspec.json.Decoder(Line).decode
_fields = msgspec.msgpack.Decoder(list[object]).decode


class Tally:
    """What the lines of one user add up to, oldest first. `doubted`: lines that did not follow the one before."""

    __slots__ = ("doubted", "last", "lines", "main", "others")

    def __init__(self) -> None:
        self.last: Spot = NO_SPOT
        self.lines = 0
        self.main = array("q", _NOTHING)
        self.others: dict[str, array[int]] | None = None
        self.doubted: list[Spot] | None = None

    def take(self, row: ChainedRow, findings: list[Finding]) -> None:
        """The next line. What is wrong with the line itself goes to `findings`. O(moves)."""
        self.lines += 1
        last, self.last = self.last, row[:2]
        if last != row[3:5]:
            self._doubt(last, row[:2])
        if self.doubted is None:
            self._add(row, findings)

    def _doubt(self, *spots: Spot) -> None:
        noted = self.doubted = self.doubted or []
        if len(noted) < SPOTS_NOTED_MAX:
            noted += [spot for spot in spots if spot != NO_SPOT]

    def _add(self, row: ChainedRow, findings: list[Finding]) -> None:
        left = right = 0
        try:
            line = _line(row[5] or b"")
            moved, name = line.moves, line.wallet or MAIN
            if moved is UNSET:
                self._open(line.balance)
                return
            sums = self._other(name) if name else self.main
            for term, by in moved.items():
                i = _INDEX[term]
                sums[i] += by
                if i < _LEFT:
                    left += by
                else:
                    right += by
        except (msgspec.MsgspecError, KeyError, OverflowError) as error:
            text = "its bytes are not those that were written" if row[5] is None else f"{type(error).__name__}: {error}"
            findings.append(Finding("line_unreadable", row[2], detail=f"line {_shown(row)}: {text}"))
            return
        if left != right:
            findings.append(Finding("line_unbalanced", row[2], name, "", left, right, f"line {_shown(row)}"))
        if sums[_AVAILABLE] != line.balance and line.change != "merge":
            detail = f"balance of line {_shown(row)}"
            findings.append(Finding("line_balance", row[2], name, "available", sums[_AVAILABLE], line.balance, detail))

    def _open(self, balance: int) -> None:
        self.main = array("q", _NOTHING)
        self.main[_INDEX["issued"]] = self.main[_AVAILABLE] = balance

    def _other(self, name: str) -> array[int]:
        self.others = self.others or {}
        return self.others.setdefault(name, array("q", _NOTHING))

    def sums(self) -> dict[str, Totals]:
        """By wallet."""
        return {name: Totals(*sums) for name, sums in ((MAIN, self.main), *(self.others or {}).items())}


def tally_of(rows: Sequence[ChainedRow], findings: list[Finding]) -> Tally:
    """Of a whole chain, newest first as it is read."""
    tally = Tally()
    for row in reversed(rows):
        tally.take(row, findings)
    return tally


def follow(kept: Kept, tally: Tally | None, findings: list[Finding]) -> Tally | None:
    """The tally of all lines of a user as they were when `kept` was read, which asked for those since `since(tally)`;
    None when they cannot be told, since a line is missing. May change `tally`.
    """
    if (joins := kept.joins()) == since(tally):
        whole = tally if tally and tally.doubted is None else Tally()
        for row in reversed(kept.later):
            whole.take(row, findings)
    elif joins == NO_SPOT:
        whole = tally_of(kept.later, findings)
    else:
        findings.append(Finding("line_missing", kept.subject, detail=f"line {joins[0]}.{joins[1]}"))
        return None
    known = {row[:2] for row in kept.later}
    for spot in _noted(tally, joins):
        if spot not in known:
            detail = f"line {spot[0]}.{spot[1]} is not in the chain of its user's lines"
            findings.append(Finding("line_outside", kept.subject, detail=detail))
    return whole


def since(tally: Tally | None) -> Spot:
    """From where on the lines of a user must be asked for."""
    return NO_SPOT if tally is None or tally.doubted is not None else tally.last


def _noted(tally: Tally | None, joins: Spot) -> Sequence[Spot]:
    """The lines that were read and must be found in the chain."""
    if tally is None:
        return ()
    if tally.doubted is not None:
        return tally.doubted
    return () if joins == tally.last else [tally.last]


def prove(kept: Kept, tally: Tally | None, findings: list[Finding]) -> Account | None:
    """Hold the state and the timers of a user against the tally of all lines (None: they are not known); -> the state.
    O(lots).
    """
    account = _account(kept, findings)
    if account is None:
        return None
    try:
        books.check(account)
    except AssertionError as error:
        findings.append(Finding("state_not_whole", kept.subject, detail=str(error)))
    if tally is not None:
        findings += _differing(kept.subject, tally, account)
    findings += _timers(kept, account)
    return account


def _account(kept: Kept, findings: list[Finding]) -> Account | None:
    """The state; an empty one where there is none."""
    try:
        if not kept.damaged:
            return account_of(kept.state) if kept.state else Account()
        detail = "its bytes are not those that were written"
    except (ValueError, IndexError) as error:
        detail = f"{type(error).__name__}: {error}"
    findings.append(Finding("state_unreadable", kept.subject, detail=detail))
    return None


def _differing(subject: str, tally: Tally, account: Account) -> Iterator[Finding]:
    """What the lines say of each wallet and what the state says."""
    sums = tally.sums()
    for name in dict.fromkeys((MAIN, *account.wallets, *sums)):
        expected, found = sums.get(name, Totals()), moves.totals(account, name)
        if expected != found:
            for term, told, is_ in zip(Totals._fields, expected, found, strict=True):
                if told != is_:
                    yield Finding("sums_differ", subject, name, term, told, is_)


def _timers(kept: Kept, account: Account) -> Iterator[Finding]:
    """The row against what the state believes, and that against what comes by itself."""
    due = _due(kept.timers)
    if due != account.armed:
        yield Finding("timer_differs", kept.subject, term="due", expected=account.armed, found=due)
    comes = upkeep.comes_by_itself(account)
    if comes and not 0 < account.armed <= comes and _is_current(kept.state):
        yield Finding("timer_late", kept.subject, term="armed", expected=comes, found=account.armed)


def _is_current(state: bytes | None) -> bool:
    """An account of before the books keeps its old timers until it is touched."""
    return state is not None and _fields(state)[0] == FORMAT


def _due(timers: Sequence[TimerRow]) -> int:
    """0: there is none. Those of other keys are of before the books; they fire and mean nothing."""
    return next((row.due for row in timers if row.key == upkeep.TIMER), 0)


def reservation_keys(subject: str, account: Account) -> list[bytes]:
    """The business keys that say what has become of what the account holds."""
    return [keys.reservation(subject[5:], rid) for rid in account.reservations]


def prove_reservations(
    subject: str, state: bytes, asked: Sequence[bytes], known: Mapping[bytes, bytes], findings: list[Finding]
) -> None:  # fmt: skip
    """What is held was not closed. `known`: what is stored under the keys `asked`, from one look with `state`; what
    the state holds under others is newer than the question.
    """
    for rid, held in account_of(state).reservations.items() if state else ():
        key = keys.reservation(subject[5:], rid)
        if key in asked and (value := known.get(key, b"nothing")) != HELD:
            detail = f"{rid!a} is held, and known as {value.decode(errors='replace')}"
            findings.append(Finding("reservation_closed", subject, held.wallet, detail=detail))


def _shown(row: ChainedRow) -> str:
    return f"{row[0]}.{row[1]}"
