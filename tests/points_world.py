"""A world for the points domain: what the host does around a reaction, in memory and in a glance.

Messages come in through the real door as JSON, states go through their encoding after every reaction and are checked
in full, business keys, timers, records and effects are kept as plain values, and what one user's reaction sends to
another is delivered at once. Time stands still until somebody says otherwise.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.commands import Command, Refusal
from actors.points import ledger
from actors.points.actor import PointsLedgerActor
from actors.points.door import POINTS_CHANGE
from actors.points.ledger import Account
from actors.points.messages import CHANGE, REFERRAL, TIMER, LedgerLine, PointsChange, ReferralCredit
from actors.points.programme import Programme, from_settings
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, Origin
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record

DAY_MS = 86_400_000
START_MS = 1_758_378_600_000
"""2025-09-20T14:30:00Z, the time of the seed's example."""

FIRINGS_MAX = 1_000


def message(user: str = "123456", change: str = "increase", points: Any = 100, **fields: Any) -> dict[str, Any]:
    """A `points_change` as a sender makes it."""
    return {"event_type": "points_change", "user_id": user, "change_type": change, "points": points} | (
        {"reason": "purchase_order"} | fields
    )


def knock(decoded: dict[str, Any]) -> Command | Refusal:
    """What the door says to a message."""
    return POINTS_CHANGE.decode(msgspec.json.encode(decoded), decoded)


class PointsWorld:
    def __init__(self, programme: Programme | None = None, at: int = START_MS) -> None:
        self.actor = PointsLedgerActor(programme or from_settings())
        self.at = at
        self.offset = 0
        self.stored: dict[str, bytes] = {}
        self.keys: dict[bytes, bytes] = {}
        self.timers: dict[tuple[str, str], tuple[int, int]] = {}
        """(subject, key) -> (gen, due)."""
        self.lines: dict[str, list[LedgerLine]] = {}
        self.effects: list[tuple[str, str, Any]] = []
        """(subject, kind, body), outward ones only."""

    def account(self, user: str = "123456") -> Account:
        data = self.stored.get(f"user:{user}")
        return msgspec.msgpack.decode(data, type=Account) if data else Account()

    def balance(self, user: str = "123456") -> int:
        return ledger.available(self.account(user))

    def send(self, user: str = "123456", change: str = "increase", points: int = 100, **fields: Any) -> list[Output]:
        """Through the door and the ledger; what the reaction yielded."""
        decoded = message(user, change, points, **fields)
        raw = msgspec.json.encode(decoded)
        command = POINTS_CHANGE.decode(raw, decoded)
        assert isinstance(command, Command), command
        return self._react(CHANGE, command.subject, msgspec.json.decode(raw, type=PointsChange))

    def told(self, outputs: list[Output]) -> list[tuple[str, Any]]:
        """The outward effects among `outputs`."""
        return [(output.kind, output.body) for output in outputs if isinstance(output, Emit) and output.route]

    def advance(self, to: int) -> None:
        """Let time pass, firing each timer when it is due."""
        for _ in range(FIRINGS_MAX):
            due = [(due, subject, key) for (subject, key), (_, due) in self.timers.items() if due <= to]
            if not due:
                break
            at, subject, key = min(due)
            self.at = max(self.at, at)
            self.fire(subject, key)
        else:
            raise AssertionError("a timer is armed again and again for the same moment")
        self.at = to

    def fire(self, subject: str, key: str) -> list[Output]:
        """The timer's firing, handled now; handling ends its row unless it is armed anew."""
        gen, due = self.timers.pop((subject, key))
        return self._react(TIMER, subject, TimerDue(key, gen, due, self.at - due))

    def _react(self, kind: str, subject: str, body: Any) -> list[Output]:
        self.offset += 1
        entry = Entry(0, 1_790_000_000, self.offset, self.at, 0, kind, subject, b"{}", origin=Origin.OUTSIDE)
        event = Event(entry, body, self.at, subject)
        asked = {key: self.keys[key] for key in self.actor.keys(event) if key in self.keys}
        state = self.account(subject.removeprefix("user:"))
        outputs = list(self.actor.react(state, msgspec.structs.replace(event, claimed=asked)))
        ledger.check(state)
        self.actor.check(state)
        self.stored[subject] = msgspec.msgpack.encode(state)
        for output in outputs:
            self._keep(subject, output)
        return outputs

    def _keep(self, subject: str, output: Output) -> None:
        match output:
            case Claim(key=key, value=value):
                assert key not in self.keys, "a business key is used up once"
                self.keys[key] = value
            case Arm(key=key, due=due):
                self.timers[subject, key] = (self.offset, due)
            case Cancel(key=key):
                assert self.timers.pop((subject, key), None), f"cancelled {key}, which was not armed"
            case Record(body=LedgerLine() as line):
                self.lines.setdefault(subject, []).append(line)
            case Emit(kind=kind, body=body) if kind == REFERRAL:
                assert isinstance(body, ReferralCredit)
                self._react(REFERRAL, output.subject or subject, body)
            case Emit(kind=kind, body=body):
                self.effects.append((subject, kind, body))
            case _:
                raise AssertionError(f"unexpected output {output}")

    def check(self) -> None:
        """The books agree: each user's lines add up to the lots, and each timer is set to what comes next."""
        for subject, data in self.stored.items():
            account = msgspec.msgpack.decode(data, type=Account)
            balance = 0
            for line in self.lines.get(subject, []):
                balance += {"increase": line.points, "merge": 0}.get(line.change, -line.points)
                assert balance == line.balance >= 0, (subject, line)
            assert balance == ledger.available(account)
            expiry = self.timers.get((subject, "expiry"), (0, 0))[1]
            assert expiry == account.expiry_armed == (account.lots[0].expires if account.lots else 0)
            assert self.timers.get((subject, "reminder"), (0, 0))[1] == account.reminder_armed
