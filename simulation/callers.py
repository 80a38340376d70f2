"""The shop's programs that command over HTTP: below the server, through the production code that its routes call.

What they command is about coupons where the shop has any, else about points. A caller names what it wants done with an
Idempotency-Key and asks until it is answered: again when nothing comes, also of a process that was born since; twice at
the same moment; again although it was answered; and, by mistake, something else under a key that is used up. Two
programs give their keys the same names. What they see is all that is judged here: under one key there is one answer,
whatever happened between; it stands at a place of its own that holds what was asked; it is given for the first time
once; and it is the model's. Who waits long is told `parked` exactly while the shadow has something parked that must
come first; whoever was told so asks on, and gets the same one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Protocol

import msgspec

from gateway.commands import Call, Commands, Done, Handed, Placed, message, outcome
from gateway.problems import Problem
from simulation.askers import in_the_models_words
from simulation.checker import Checker
from simulation.coupon_shoppers import CouponShoppers
from simulation.draw import Draw
from simulation.shadow import Shadow
from simulation.shoppers import Shoppers
from simulation.violation import Violation
from supervision.store import Refused

PATHS: Mapping[str, str] = {
    "points_accrue": "accruals", "points_redeem": "redemptions", "points_reserve": "reservations",
    "points_confirm": "reservations/{reservation_id}/confirm", "points_cancel": "reservations/{reservation_id}/cancel",
    "points_reverse": "reversals", "points_gift": "gifts", "points_adjust": "adjustments",
}  # fmt: skip
"""Below a user's points: by message."""
COUPON_PATHS: Mapping[str, tuple[str, str]] = {
    "coupon_issue": ("POST", "/v1/users/{user_id}/coupons"),
    "coupon_hold": ("POST", "/v1/coupons/{code}/holds"),
    "coupon_release": ("DELETE", "/v1/coupons/{code}/holds/{order_id}"),
    "coupon_use": ("POST", "/v1/coupons/{code}/redemptions"),
    "coupon_rollback": ("POST", "/v1/coupons/{code}/redemptions/{order_id}/rollback"),
    "coupon_transfer": ("POST", "/v1/coupons/{code}/transfer"),
}
"""Method and path, by message."""
PROGRAMS = ("till", "app")
"""Each has an API key of its own."""
AGAIN_S = 0.4
KEYLESS_SHARE = 0.1
GIVES_UP_SHARE = 0.5
"""Of those whose time is up: they hang up before they ask again. The others wait on both lines."""
TWICE_SHARE = 0.3
REPEAT_SHARE = 0.4
OTHER_BODY_SHARE = 0.2
MARKS = (
    "command_replayed", "command_met_itself", "command_survived", "command_parked", "command_parked_answered",
    "key_reused",
)  # fmt: skip
CLOSED = frozenset({"not_taking", "segment_lost"})
"""Come again later."""

Seen = tuple[int, bytes]
"""Status and body."""


class Served(Protocol):
    """What callers need of their world."""

    checker: Checker
    shadow: Shadow

    def at(self, seconds: float, act: Callable[[], None]) -> None: ...
    def commands(self) -> Commands | None:
        """The running process's; None while it has none."""
        ...

    @property
    def process(self) -> int: ...


class Wanted:
    """Something that is to be done, under one key. `seen` is the first answer, None so far."""

    def __init__(self, call: Call, n: int, day: int) -> None:
        self.call, self.n, self.day = call, n, day
        self.seen: Seen | None = None
        self.known_by = 0
        self.first_answers = 0
        """Answers that were not said to be replayed."""
        self.asked_in = 0
        """The process that was asked first."""
        self.parked = False
        """Its caller was told so."""


class Callers:
    """All of a world's; outlives processes."""

    def __init__(
        self, rng: Random, draw: Draw, world: Served, coupons: CouponShoppers, read: Callable[[bytes], Any]
    ) -> None:
        """`read` is an answer about coupons in the model's words."""
        self._rng, self._draw, self._world = rng, draw, world
        self._shoppers, self._coupons = Shoppers(rng, draw), coupons
        self._readers: Mapping[str, Callable[[bytes], Any]] = {"points": in_the_models_words, "coupon": read}
        self._places: dict[tuple[int, int], int] = {}
        """Where an answer says that its command stands -> whose it is."""
        self._replies: dict[int, tuple[str, bytes]] = {}
        """By what it is known by: who answered, and what."""
        self._day = 0
        self.sent = 0
        self.waiting: dict[int, Wanted] = {}
        """By what the answer is known by."""
        self.marks = dict.fromkeys(MARKS, 0)

    def plan_day(self, commands: int) -> None:
        rng, window_s = self._rng, self._draw.window_s
        for _ in range(commands):
            self.sent += 1
            wanted = Wanted(self._call(self.sent), self.sent, self._day)
            seconds = rng.uniform(0, window_s)
            for _ in range(1 + (wanted.call.key is not None and rng.random() < TWICE_SHARE)):
                self._world.at(seconds, lambda wanted=wanted: self._ask(wanted))

    def _call(self, n: int) -> Call:
        call = self._of_coupons() if self._draw.coupons else self._of_points()
        key = None if self._rng.random() < KEYLESS_SHARE else f"k{n // len(PROGRAMS)}"
        return msgspec.structs.replace(call, key=key, caller=PROGRAMS[n % len(PROGRAMS)])

    def _of_coupons(self) -> Call:
        body = self._coupons.message(self._rng.randrange(self._draw.users))
        event_type = body.pop("event_type")
        method, path = COUPON_PATHS[event_type]
        fields = {name: body.pop(name) for name in ("user_id", "code", "order_id") if "{" + name + "}" in path}
        path = path.format_map(fields)
        return Call(event_type, fields, msgspec.json.encode(body), None, "", method, path, "coupon")

    def _of_points(self) -> Call:
        body = self._shoppers.command(self._rng.randrange(self._draw.users))
        event_type, user = body.pop("event_type"), body.pop("user_id")
        fields, path = {"user_id": user}, f"/v1/users/{user}/points/{PATHS[event_type]}"
        if "{" in path:
            rid = fields["reservation_id"] = body.pop("reservation_id")
            path = path.format(reservation_id=rid)
        return Call(event_type, fields, msgspec.json.encode(body), None, "", "POST", path)

    def give_up(self) -> None:
        """The day is over: nobody asks or waits any more, since keys are forgotten some time."""
        self._day += 1
        self.waiting.clear()

    def _ask(self, wanted: Wanted) -> None:
        """For the first time, or once more on another line."""
        if self._post(wanted) and wanted.call.key is not None and wanted.seen is None:
            self.waiting[wanted.known_by] = wanted
        elif not wanted.known_by and wanted.call.key is not None and wanted.day == self._day:
            self._world.at(AGAIN_S, lambda: self._ask(wanted))

    def _again(self, wanted: Wanted, line: _Line) -> None:
        if wanted.known_by not in self.waiting:
            return
        if line.process == self._world.process and (line.parked() or self._rng.random() < GIVES_UP_SHARE):
            line.hang_up()
        if not self._post(wanted):
            self._world.at(AGAIN_S, lambda: self._again(wanted, line))

    def _post(self, wanted: Wanted) -> bool:
        """Whether it was handed in."""
        commands = self._world.commands()
        if commands is None or wanted.day != self._day:
            return False
        line = _Line(self, wanted, commands, self._world.process)
        try:
            handed = commands.hand_in(wanted.call, line.placed, line.replied)
        except Problem as problem:
            if problem.code not in CLOSED:
                raise Violation(f"replays: the command {wanted.n} is refused: {problem.code}") from problem
            return False
        line.handed, wanted.known_by = handed, handed.known_by
        wanted.asked_in = wanted.asked_in or line.process
        self._world.at(AGAIN_S, lambda: self._again(wanted, line))
        return True

    def answered(self, wanted: Wanted, placed: Placed, reply: bytes, process: int) -> None:
        """A line heard it all."""
        answer = outcome(placed, reply)
        seen = (200, msgspec.json.encode(answer)) if isinstance(answer, Done) else (answer.status, answer.document())
        first = wanted.seen is None
        self.marks["command_replayed"] += placed.repeat
        self.marks["command_survived"] += first and process != wanted.asked_in
        self.marks["command_parked_answered"] += first and wanted.parked
        self.waiting.pop(wanted.known_by, None)
        if self.is_forgotten(wanted):
            return
        wanted.first_answers += not placed.repeat
        if (not first and wanted.seen != seen) or wanted.first_answers > 1:
            raise Violation(f"replays: the command {wanted.n} was answered {wanted.seen} and then {seen}")
        wanted.seen = seen
        self._replies[wanted.known_by] = (wanted.call.domain, reply)
        self._stands(wanted, placed)
        if first and wanted.call.key is not None:
            self._goes_on(wanted)

    def told_parked(self, wanted: Wanted, handed: Handed, offset: int, problem: Problem | None) -> None:
        """Whoever waited long was told this of the command at `offset`."""
        shadow = self._world.shadow
        held = shadow.waits(handed.segment, handed.domain, handed.subject, offset)
        stands = (handed.segment, handed.domain) in shadow.domains
        if (problem is not None) != (held or stands):
            told = problem.message if problem is not None else "nothing"
            raise Violation(f"replays: the command {wanted.n} at {offset} is told {told}; held: {held}, {stands}")
        self.marks["command_parked"] += problem is not None
        wanted.parked = wanted.parked or problem is not None

    def is_forgotten(self, wanted: Wanted) -> bool:
        """Whether its key was, and has been used anew."""
        return wanted.known_by in self._world.checker.forgotten

    def _stands(self, wanted: Wanted, placed: Placed) -> None:
        """The place in the answer is its command's and nobody else's."""
        at = (placed.at.segment, placed.at.offset)
        log = self._world.checker.logs[at[0]]
        entry = log[at[1] - 1] if 0 < at[1] <= len(log) else None
        if entry is None or entry.body != message(wanted.call) or self._places.setdefault(at, wanted.n) != wanted.n:
            raise Violation(f"replays: the command {wanted.n} is said to stand at {at}, where there is {entry}")

    def _goes_on(self, wanted: Wanted) -> None:
        """Whoever was answered may ask again all the same, or take the key for something else."""
        rng = self._rng
        if rng.random() < REPEAT_SHARE:
            self._world.at(rng.uniform(0, self._draw.window_s), lambda: self._ask(wanted))
        if rng.random() < OTHER_BODY_SHARE:
            self._world.at(rng.uniform(0, self._draw.window_s / 4), lambda: self._post_other(wanted))

    def _post_other(self, wanted: Wanted) -> None:
        """Something else under a key that is used up: nothing is done, and the caller hears of it."""
        body = wanted.call.body[:-1] + (b"," if len(wanted.call.body) > 2 else b"") + b'"other":1}'
        commands = self._world.commands()
        if commands is None or wanted.day != self._day:
            return

        def placed(at: Placed | Problem) -> None:
            code = at.code if isinstance(at, Problem) else ""
            self.marks["key_reused"] += code == "idempotency_key_reused"
            if code not in CLOSED | {"idempotency_key_reused"} and not self.is_forgotten(wanted):
                raise Violation(f"replays: the key of the command {wanted.n} is taken for something else: {at}")

        try:
            commands.hand_in(msgspec.structs.replace(wanted.call, body=body), placed, lambda _: None).forget()
        except Problem as problem:
            if problem.code not in CLOSED:
                raise Violation(f"replays: the key of the command {wanted.n}: {problem.code}") from problem

    def compare(self, answers: Mapping[int, Any]) -> None:
        """With what the models say was to be answered."""
        for id, (domain, reply) in self._replies.items():
            said = self._readers[domain](reply)
            if answers.get(id) != said and id not in self._world.checker.forgotten:
                raise Violation(f"replays: a command was answered {said}, the model says {answers.get(id)}")


class _Line:
    """One request on its way, to one process: its place and its answer come in any order, or never."""

    handed: Handed

    def __init__(self, callers: Callers, wanted: Wanted, commands: Commands, process: int) -> None:
        self._callers, self._wanted, self._commands, self.process = callers, wanted, commands, process
        self._placed: Placed | None = None
        self._reply: bytes | None = None
        self._open = True

    def placed(self, at: Placed | Problem) -> None:
        """As gateway/replies.py: who repeats looks into the store first."""
        if isinstance(at, Problem):
            if at.code not in CLOSED and not self._callers.is_forgotten(self._wanted):
                raise Violation(f"replays: the command {self._wanted.n} is refused: {at.code}")
            return
        self._placed = at
        if at.repeat and self._reply is None:
            try:
                self._reply = self._commands.stored(self.handed)
            except Refused:
                return
            self._callers.marks["command_met_itself"] += self._reply is None
        self._tell()

    def parked(self) -> bool:
        """Whether an operator must decide first; as gateway/replies.py, which looks when it has waited long."""
        if self._placed is None or not self._open:
            return False
        try:
            problem = self._commands.parked(self.handed, self._placed.at.offset)
        except Refused:
            return False
        self._callers.told_parked(self._wanted, self.handed, self._placed.at.offset, problem)
        return problem is not None

    def replied(self, reply: bytes | None) -> None:
        self._reply = self._reply or reply
        self._tell()

    def _tell(self) -> None:
        if self._open and self._placed is not None and self._reply is not None:
            self.hang_up()
            self._callers.answered(self._wanted, self._placed, self._reply, self.process)

    def hang_up(self) -> None:
        """Nobody listens any more."""
        self._open = False
        self.handed.forget()
