"""The outcome of one batch of reactions, growing into a stage.

Everything is encoded here, in the cell's thread, so that the journal only copies bytes. Limits on depth and number of
outputs are kept here, because a loop of rules is cut where it would become durable.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from supervision.domain import Event
from supervision.engine_events import DepthExceeded
from supervision.entry import Draft, Origin, encode_draft, segment_of, segment_subject
from supervision.envelope import announcement, envelope
from supervision.messages import Committed, Emission, ParkedRow, RecordRow, Rejected, Stage, TimerOp, TimerRow
from supervision.outputs import Arm, Cancel, Claim, Emit, Output, Record, Reply
from supervision.states import States

OUTPUTS_MAX = 256
"""Per reaction; larger fan-outs go by continuation entries."""
DEPTH_MAX = 16
NEAR_MS = 1_000
"""A timer armed for sooner than this carries its cause's depth on."""

_json = msgspec.json.Encoder()


class TooManyOutputs(Exception):
    """A reaction yielded more than OUTPUTS_MAX outputs."""


class WrongClaim(Exception):
    """A reaction claimed a business key that has another value, or replaced one whose value it was not told."""


class SetAside(msgspec.Struct, frozen=True):
    """What is to be said of a parked entry once it is. `error` is a class's name: the text may hold somebody's data."""

    place: str
    at: int
    error: str
    attempts: int


class Outcome:
    """Collects for (segment, domain). `upto` of the stage must be known from the start: overlays are kept by it."""

    def __init__(self, segment: int, segments: int, domain: str, upto: int, states: States) -> None:
        self.segment = segment
        self.upto = upto
        self._segments = segments
        self._domain = domain
        self._states = states
        self.emits: list[Emission] = []
        self.records: list[RecordRow] = []
        self.timer_ops: dict[tuple[str, str], TimerOp] = {}
        self.keys: dict[bytes, bytes] = {}
        """Used up here, with the first value."""
        self.rewritten: dict[bytes, bytes] = {}
        """Business keys with a new value, the last one."""
        self.parked: list[ParkedRow] = []
        self.set_aside: list[SetAside] = []
        """Of the parked ones those that raised, not those that wait behind them."""
        self.unparked: list[tuple[str, int]] = []
        self.replies: list[tuple[int, bytes]] = []
        self.touched: dict[str, int] = {}
        """Subject -> offset of the last entry that touched its state."""
        self.nbytes = 0

    @classmethod
    def like(cls, other: Outcome) -> Outcome:
        """An empty one for the same stage: a trial that is absorbed or thrown away."""
        return cls(other.segment, other._segments, other._domain, other.upto, other._states)

    def absorb(self, trial: Outcome) -> None:
        self.emits += trial.emits
        self.records += trial.records
        self.timer_ops.update(trial.timer_ops)
        self.keys.update(trial.keys)
        self.rewritten.update(trial.rewritten)
        self.replies += trial.replies
        self.touched.update(trial.touched)
        self.nbytes += trial.nbytes

    def announce(self, kind: str, body: msgspec.Struct, at: int) -> None:
        """An outward entry about this segment that no entry caused."""
        subject = segment_subject(self.segment)
        draft = Draft(kind, subject, announcement(kind, body, at), origin=Origin.DOMAIN, route=kind)
        self.emits.append(Emission(draft, self._sized(encode_draft(draft)), self.segment))

    def react(self, event: Event, outputs: list[Output], reply_to: Callable[[Event], int]) -> None:
        """Take in what one reaction yielded. Raises before anything is taken in that could not be encoded."""
        if len(outputs) > OUTPUTS_MAX:
            raise TooManyOutputs(f"{len(outputs)} outputs, limit {OUTPUTS_MAX}")
        lines = 0
        for output in outputs:
            match output:
                case Emit():
                    self.emit(event, output)
                case Record():
                    self.records.append(
                        RecordRow(event.subject, event.entry.offset, lines, self._sized(_json.encode(output.body)))
                    )
                    lines += 1
                case Arm():
                    self._arm(event, output)
                case Cancel():
                    self.timer(TimerOp(event.subject, output.key, None))
                case Claim():
                    self._claim(event, output)
                case Reply():
                    if event.entry.asked:
                        self.replies.append((reply_to(event), self._sized(_json.encode(output.body))))

    def _claim(self, event: Event, claim: Claim) -> None:
        """Later events of the batch see the newest value; the first one is kept, to be compared when it commits."""
        key, value = claim.key, self._sized(claim.value)
        stands = self._states.claimed(key)
        if stands is None:
            stands = event.claimed.get(key)
        if claim.replaces:
            if stands is None:
                raise WrongClaim(f"business key {key.hex()} is replaced by a reaction that was not told its value")
            self.rewritten[key] = value
        elif stands is None:
            self.keys[key] = value
        elif stands != value:
            raise WrongClaim(f"business key {key.hex()} is used up by another value")
        self._states.claim(key, value, self.upto)

    def _sized(self, data: bytes) -> bytes:
        self.nbytes += len(data)
        return data

    def emit(self, event: Event, emit: Emit) -> None:
        """Append the draft of an emitted entry, or of the `engine.depth_exceeded` that takes its place."""
        entry = event.entry
        chain = emit.chain or entry  # what both name alike; most go on with the entry's, of which no copy is made
        if emit.chain is None:
            asked_about, said_at = entry.asked_of or entry.subject, entry.occurred_at or entry.at
        else:
            asked_about, said_at = emit.chain.subject, emit.chain.occurred_at
        depth = chain.depth if emit.same_depth else chain.depth + 1
        subject = emit.subject or event.subject
        kind, body, route = emit.kind, emit.body, emit.route
        if depth > DEPTH_MAX:
            kind = route = "engine.depth_exceeded"
            body, subject, depth = DepthExceeded(self._domain, emit.kind, depth, DEPTH_MAX), event.subject, DEPTH_MAX
        asked_of = asked_about if chain.asked and asked_about != subject else ""
        home = self.segment if subject == event.subject else segment_of(subject, self._segments)
        draft = Draft(
            kind, subject, envelope(kind, body, subject, event), root=chain.root, cause=entry.place, depth=depth,
            origin=Origin.DOMAIN if home == self.segment else Origin.COURIER, route=route,
            occurred_at=said_at, asked=chain.asked, asked_of=asked_of,
        )  # fmt: skip
        self.emits.append(Emission(draft, self._sized(encode_draft(draft)), home))

    def _arm(self, event: Event, arm: Arm) -> None:
        bulk = arm.lane == "bulk"
        depth = event.entry.depth + (not bulk) if arm.due - event.at < NEAR_MS else 0
        row = TimerRow(
            self.segment, self._domain, event.subject, arm.key, event.entry.offset, arm.due, self._sized(arm.body),
            arm.absence, arm.valid_for_ms, False, depth, bulk,
        )  # fmt: skip
        self.timer(TimerOp(event.subject, arm.key, row))

    def timer(self, op: TimerOp) -> None:
        """At most one op per subject and key: the last."""
        self.timer_ops[(op.subject, op.key)] = op
        self._states.time(op, self.upto)

    def empty(self) -> bool:
        return not (
            self.emits
            or self.records
            or self.timer_ops
            or self.keys
            or self.rewritten
            or self.parked
            or self.unparked
            or self.replies
            or self.touched
        )

    def stage(
        self, incarnation: int, prev: int, states: list[tuple[str, bytes]], done: Callable[[Committed | Rejected], None]
    ) -> Stage:
        nbytes = self.nbytes + sum(len(data) for _, data in states) + 64
        return Stage(
            self.segment, self._domain, incarnation, prev, self.upto, self.emits, states, list(self.timer_ops.values()),
            self.records, list(self.keys.items()), list(self.rewritten.items()), self.parked, self.unparked,
            self.replies, nbytes, done,
        )  # fmt: skip
