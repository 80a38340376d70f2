"""A world for the points domain: what the host does around a reaction, in memory and in a glance.

Messages come in through the real doors as JSON, states go through their encoding after every reaction and are checked
in full, business keys, timers, records and effects are kept as plain values, and what one user's reaction sends to
another is delivered at once. Time stands still until somebody says otherwise. Everybody is asked for an answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.commands import Answer, Command, Refusal
from actors.points import books, ledger, moves
from actors.points.actor import Active, PointsLedgerActor
from actors.points.door import POINTS_CHANGE
from actors.points.forms import FOR_OPERATORS, PUBLIC
from actors.points.moves import Totals
from actors.points.programme import Programme, from_settings
from actors.points.records import LedgerLine
from actors.points.state import MAIN, Account
from actors.points.upkeep import TIMER as TIMER_KEY
from actors.profile.door import PROFILE_UPDATE
from supervision.domain import Event, TimerDue
from supervision.entry import Entry, Origin
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record, Reply

DAY_MS = 86_400_000
START_MS = 1_758_378_600_000
"""2025-09-20T14:30:00Z, the time of the seed's example."""
TIMER = "timer.points"
FIRINGS_MAX = 1_000
SPECS = {
    spec.event_type: spec
    for spec in (POINTS_CHANGE, PROFILE_UPDATE, *(named.spec for named in (*PUBLIC, *FOR_OPERATORS)))
}


def message(user: str = "123456", change: str = "increase", points: Any = 100, **fields: Any) -> dict[str, Any]:
    """A `points_change` as a sender makes it."""
    return {"event_type": "points_change", "user_id": user, "change_type": change, "points": points} | (
        {"reason": "purchase_order"} | fields
    )


def knock(decoded: dict[str, Any]) -> Command | Refusal:
    """What the door says to a message."""
    name = decoded.get("event_type")
    spec = SPECS.get(name, POINTS_CHANGE) if isinstance(name, str) else POINTS_CHANGE
    return spec.decode(msgspec.json.encode(decoded), decoded)


class Told(msgspec.Struct, frozen=True):
    """An answer, read."""

    ok: bool
    code: str
    detail: str
    result: dict[str, Any]


class PointsWorld:
    def __init__(self, programme: Programme | None = None, at: int = START_MS) -> None:
        self.actor = PointsLedgerActor(programme or from_settings())
        self.shared = Active()
        self.at = at
        self.offset = 0
        self.stored: dict[str, bytes] = {}
        self.keys: dict[bytes, bytes] = {}
        self.timers: dict[tuple[str, str], tuple[int, int]] = {}
        """(subject, key) -> (gen, due)."""
        self.lines: dict[str, list[LedgerLine]] = {}
        self.effects: list[tuple[str, str, Any]] = []
        """(subject, kind, body), outward ones only."""
        self.answers: list[Answer] = []

    def account(self, user: str = "123456") -> Account:
        data = self.stored.get(f"user:{user}")
        return msgspec.msgpack.decode(data, type=Account) if data else Account()

    def balance(self, user: str = "123456", wallet: str = MAIN) -> int:
        return ledger.available(ledger.wallet(self.account(user), wallet))

    def send(self, user: str = "123456", change: str = "increase", points: int = 100, **fields: Any) -> list[Output]:
        """A `points_change` through the door and the ledger; what the reaction yielded."""
        return self.say(message(user, change, points, **fields))

    def ask(self, event_type: str, user: str = "123456", **fields: Any) -> Told:
        """A command through the door and the ledger; what it answered."""
        before = len(self.answers)
        self.say({"event_type": event_type, "user_id": user, **fields})
        assert len(self.answers) == before + 1, f"{event_type} got {len(self.answers) - before} answers"
        answer = self.answers[-1]
        return Told(answer.ok, answer.code, answer.detail, msgspec.json.decode(answer.result))

    def say(self, decoded: dict[str, Any]) -> list[Output]:
        """A message through its door."""
        raw = msgspec.json.encode(decoded)
        command = SPECS[decoded["event_type"]].decode(raw, decoded)
        assert isinstance(command, Command), command
        return self._react(command.kind, command.subject, raw)

    def hear(self, kind: str, subject: str, raw: bytes, at: int) -> Answer | None:
        """An entry as it stands in a log; what was answered."""
        self.at, before = at, len(self.answers)
        self._react(kind, subject, raw)
        return self.answers[-1] if len(self.answers) > before else None

    def told(self, outputs: list[Output]) -> list[tuple[str, Any]]:
        """The outward effects among `outputs`."""
        return [(output.kind, output.body) for output in outputs if isinstance(output, Emit) and output.route]

    def kinds(self, user: str = "123456") -> list[str]:
        """The kinds of all effects about a user so far."""
        return [kind for subject, kind, _ in self.effects if subject == f"user:{user}"]

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

    def fire(self, subject: str, key: str = TIMER_KEY) -> list[Output]:
        """The timer's firing, handled now; handling ends its row unless it is armed anew."""
        gen, due = self.timers.pop((subject, key))
        return self._react(TIMER, subject, msgspec.json.encode(TimerDue(key, gen, due, self.at - due)))

    def _react(self, kind: str, subject: str, raw: bytes) -> list[Output]:
        self.offset += 1
        body = msgspec.json.decode(raw, type=TimerDue if kind == TIMER else self.actor.reacts_to[kind])
        entry = Entry(
            0, 1_790_000_000, self.offset, self.at, 0, kind, subject, raw, origin=Origin.OUTSIDE, asked=kind != TIMER
        )
        event = Event(entry, body, self.at, subject, shared=self.shared)
        state = self.account(subject.removeprefix("user:"))
        wanted = [*self.actor.keys(event), *self.actor.later_keys(state, event)]
        asked = {key: self.keys[key] for key in wanted if key in self.keys}
        outputs = list(self.actor.react(state, msgspec.structs.replace(event, claimed=asked)))
        books.check(state)
        self.actor.check(state)
        self.stored[subject] = msgspec.msgpack.encode(state)
        for output in outputs:
            self._keep(subject, output)
        return outputs

    def _keep(self, subject: str, output: Output) -> None:
        match output:
            case Claim(key=key, value=value, replaces=replaces):
                assert (key in self.keys) == replaces, "a business key is used up once, and replaced when it is known"
                self.keys[key] = value
            case Arm(key=key, due=due):
                self.timers[subject, key] = (self.offset, due)
            case Cancel(key=key):
                assert self.timers.pop((subject, key), None), f"cancelled {key}, which was not armed"
            case Record(body=LedgerLine() as line):
                self.lines.setdefault(subject, []).append(line)
            case Emit(kind=kind, body=body, route=""):
                if kind not in self.actor.reacts_to:
                    return  # another domain's matter
                self._react(kind, output.subject or subject, msgspec.json.encode(body))
            case Emit(kind=kind, body=body):
                self.effects.append((subject, kind, body))
            case Reply(body=Answer() as answer):
                self.answers.append(answer)
            case _:
                raise AssertionError(f"unexpected output {output}")

    def check(self) -> None:
        """The books agree, each user's and all together."""
        self.check_books()
        self._check_gifts()

    def check_books(self) -> None:
        """Each user's lines add up to the state's, term by term, and the timer is set to what the
        state says.
        """
        for subject, data in self.stored.items():
            account = msgspec.msgpack.decode(data, type=Account)
            sums: dict[str, Totals] = {}
            for line in self.lines.get(subject, []):
                name = line.wallet or MAIN
                sums[name] = moves.added(sums.get(name, Totals()), line.moves)
                assert moves.added(Totals(), line.moves).balanced, (subject, line)
                assert line.change == "merge" or line.balance == sums[name].available, (subject, line)
            for name in {MAIN, *account.wallets, *sums}:
                assert sums.get(name, Totals()) == moves.totals(account, name), (subject, name)
            assert self.timers.get((subject, TIMER_KEY), (0, 0))[1] == account.armed

    def _check_gifts(self) -> None:
        accounts = [msgspec.msgpack.decode(data, type=Account) for data in self.stored.values()]
        sent = sum(account.main.books.sent for account in accounts)
        assert sent == sum(account.main.books.received for account in accounts), "gifts are lost"
