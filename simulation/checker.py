"""The checkers: the invariants of the protocol, against what became durable and what left the engine.

They see commits, acks, answers and publications, never the journal's or the cells' own variables, and keep their own
books of each. A violation raises at the step that made it, so the trace ends where the bug is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from simulation.violation import Violation, broken, require
from supervision.domain import TimerDue
from supervision.engine_events import DECISIONS
from supervision.entry import Entry, Origin
from supervision.messages import Stage, TimerRow
from supervision.store import Batch, StageRejected
from supervision.store_simulated import KEEP_MS, Image
from supervision.tail import Tail
from topology.outflow import SKIPPED
from topology.ports import Outgoing
from topology.wire import id_hash

TimerKey = tuple[int, str, str, str]
LATE_MS = 1_000
CARRIED = {"programme.activated": "rules_activated", "programme.spread": "rules_spread_on"}
"""What an entry of the kind marks."""
EMITTED = CARRIED | {"probe.census": "census_pages"} | dict.fromkeys(DECISIONS, "continuations")
"""The same where an actor has emitted it, to go on with."""

__all__ = ["Checker", "Violation", "require"]


class Checker:
    """Independent books; see the module's essay. Outlives the processes of a world."""

    def __init__(self, image: Image, marks: Counter[str] | None = None) -> None:
        self._image = image
        self._marks: Counter[str] = Counter() if marks is None else marks
        self.on_stage: Callable[[Stage], None] = lambda _: None
        """Told of each committed stage, once its timers and checkpoint are in these books."""
        self.logs: dict[int, list[Entry]] = {segment: [] for segment in range(image.segments)}
        self.checkpoints: dict[tuple[int, str], int] = {}
        self._incarnations: dict[tuple[int, str], int] = {}
        self._ended: dict[tuple[int, str], int] = {}
        """The last incarnation one of whose stages was rejected."""
        self._moves: dict[tuple[int, str], Stage] = {}
        """The last stage that moved its checkpoint."""
        self._inputs: dict[tuple[str, str], Entry] = {}
        self._replaced: dict[tuple[str, str], list[Entry]] = {}
        """Inputs whose id was forgotten and came again: their acks may come late."""
        self._fired: dict[TimerKey, int] = {}
        self.armed: dict[TimerKey, TimerRow] = {}
        """Every timer's row as the committed stages left it."""
        self.replies: dict[int, bytes] = {}
        """By the id hash of the input that asked."""
        self.forgotten: set[int] = set()
        """Id hashes of inputs that came again when their id was forgotten, and so were new."""
        self._published: dict[str, tuple[Any, ...]] = {}
        self._transfers: dict[tuple[int, int], list[bytes]] = {}
        self._carried: dict[tuple[int, int], int] = {}

    def process_started(self) -> None:
        """Incarnations count anew."""
        self._incarnations.clear()
        self._ended.clear()

    def offered(self, batch: Batch) -> None:
        """The journal asks for this to be made durable. The store compares once more; that must never be needed."""
        moved: dict[tuple[int, str], int] = {}
        for stage in batch.stages:
            key = (stage.segment, stage.domain)
            stands = moved.get(key, self.checkpoints.get(key, 0))
            if stage.prev != stands:
                raise broken(4, f"{key}: a stage from {stage.prev} was offered at checkpoint {stands}")
            ended = self._ended.get(key, 0)
            if stage.incarnation <= ended:
                raise broken(4, f"{key}: incarnation {stage.incarnation} ended and offers a stage")
            moved[key] = stage.upto

    def rejected(self, stage: Stage) -> None:
        """The store has turned this one down: its incarnation is over."""
        self._ended[stage.segment, stage.domain] = stage.incarnation

    def committed(self, batch: Batch) -> None:
        """A batch is durable."""
        for page in batch.pages:
            self._append(page.segment, page.entries)
        for row in batch.fired:
            self._fire(row)
        for stage in batch.stages:
            self._stage(stage)
            self.on_stage(stage)
        self._count_transfers(batch)

    def _append(self, segment: int, entries: Sequence[Entry]) -> None:
        log = self.logs[segment]
        for entry in entries:
            if entry.offset != len(log) + 1:
                raise broken(1, f"segment {segment}: offset {entry.offset} after {len(log)}")
            if log and log[-1].at > entry.at:
                raise broken(1, f"segment {segment}: time goes back at {entry.offset}")
            log.append(entry)
            if entry.origin is Origin.OUTSIDE and entry.id:
                self._know(entry)
            elif entry.origin is Origin.TIMER:
                self._mark_firing(entry)
            elif mark := (EMITTED if entry.origin is Origin.DOMAIN else CARRIED).get(entry.kind):
                self._marks[mark] += 1

    def _know(self, entry: Entry) -> None:
        """An input: none is appended again before its id may be forgotten."""
        key = (entry.id, entry.subject)
        before = self._inputs.get(key)
        if before is not None:
            keep = KEEP_MS[_is_long(before)]
            require(entry.at - before.at >= keep, 5, f"input {entry.id} was appended twice")
            self._marks["ids_forgotten"] += 1
            self.forgotten.add(id_hash(entry.id, entry.subject))
            self._replaced.setdefault(key, []).append(before)
        self._inputs[key] = entry

    def knows(self, id: str, subject: str) -> bool:
        """Whether an input of this name is in the log."""
        return (id, subject) in self._inputs

    def _mark_firing(self, entry: Entry) -> None:
        due = msgspec.json.decode(entry.body, type=TimerDue)
        self._marks["timers_late"] += due.late_by_ms > LATE_MS
        self._marks["absences_held"] += due.held
        self._marks["timers_expired"] += due.expired

    def _fire(self, row: TimerRow) -> None:
        key = (row.segment, row.domain, row.subject, row.key)
        armed = self.armed.get(key)
        if armed is not None and armed.gen == row.gen:
            require(self._fired.get(key) != row.gen, 6, f"timer {key} of gen {row.gen} fired twice")
            self._fired[key] = row.gen

    def _stage(self, stage: Stage) -> None:
        key = (stage.segment, stage.domain)
        stored = self.checkpoints.get(key, 0)
        if stage.prev != stored:
            raise broken(3, f"{key}: a stage from {stage.prev} committed at checkpoint {stored}")
        if stage.upto > len(self.logs[stage.segment]):
            raise broken(2, f"{key}: folded {stage.upto} before it was durable")
        newest = self._incarnations.get(key, 0)
        if stage.incarnation < newest:
            raise broken(4, f"{key}: incarnation {stage.incarnation} committed after {newest}")
        self._incarnations[key] = stage.incarnation
        self.checkpoints[key] = stage.upto
        if stage.upto > stage.prev:
            self._moves[key] = stage
        for id, body in stage.replies:
            same = self.replies.setdefault(id, body) == body or id in self.forgotten
            require(same, 10, f"{key} gives input {id} a second answer")
        for op in stage.timer_ops:
            at = (*key, op.subject, op.key)
            if op.row is None:
                self.armed.pop(at, None)
                self._fired.pop(at, None)
            else:
                self.armed[at] = op.row
                self._fired.pop(at, None)

    def _count_transfers(self, batch: Batch) -> None:
        for stage in batch.stages:
            for emission in stage.emits:
                if emission.home != stage.segment:
                    self._transfers.setdefault((stage.segment, emission.home), []).append(emission.encoded)
        for (src, dst), n in batch.inbound.items():
            before = self._carried.get((src, dst), 0)
            sent = self._transfers.get((src, dst), [])
            require(before < n <= len(sent), 7, f"transfer {n} of {src}->{dst} came in, {len(sent)} went out")
            arrived = [e for p in batch.pages if p.segment == dst for e in p.encoded]
            require(all(e in arrived for e in sent[before:n]), 7, f"transfer {n} of {src}->{dst} is another")
            self._carried[(src, dst)] = n

    def watch(self, tails: Iterable[Tail]) -> None:
        """Look at each moment at which entries become visible: nobody can see what is not durable."""
        for tail in tails:
            self._watch(tail)

    def _watch(self, tail: Tail) -> None:
        publish = tail.publish
        log = self.logs[tail.segment]

        def publishing(new: Sequence[Entry]) -> None:
            if new[-1].offset > len(log):
                raise broken(2, f"segment {tail.segment}: the tail is ahead of the store")
            if log[new[0].offset - 1] != new[0]:
                raise broken(2, f"segment {tail.segment}: what is visible is not the store's")
            publish(new)

        tail.publish = publishing

    def acked(self, id: str, subject: str, body: bytes) -> bool:
        """The broker may forget this input; False when its id is another message's, which must be among the dead."""
        known = self._inputs.get((id, subject))
        if known is None:
            raise broken(5, f"input {id} was acked and is not durable")
        return any(_same(each.body, body) for each in (known, *self._replaced.get((id, subject), ())))

    def answered(self, segment: int, offset: int, id: str, body: bytes) -> None:
        log = self.logs[segment]
        require(0 < offset <= len(log), 5, f"input {id} was answered with a place that is not durable")
        entry = log[offset - 1]
        require(entry.id.endswith(f"|{id}"), 5, f"input {id} was answered with another's place")
        require(_same(entry.body, body), 5, f"input {id} was answered, but another body is durable under it")

    def published(self, outgoing: Outgoing) -> None:
        """An effect reached the broker, confirmed or not."""
        if outgoing.exchange != "marketing.effects":
            return
        props = outgoing.props
        name = props.message_id or ""
        segment, epoch, offset = map(int, name.split("."))
        log = self.logs[segment]
        if offset > len(log):
            raise broken(5, f"effect {name} was published before it was durable")
        entry = log[offset - 1]
        if entry.epoch != epoch or entry.body != outgoing.body:
            raise broken(10, f"effect {name} is not what the log says")
        headers = dict(props.headers or {})
        if headers.get("seq") != entry.seq:
            raise broken(10, f"effect {name} has another seq")
        said = (outgoing.key, outgoing.body, props.type, headers)
        if self._published.setdefault(name, said) != said:
            raise broken(10, f"effect {name} changed between publications")

    def at_rest(self, domains: Sequence[str]) -> None:
        """Nothing is under way: what must be equal then."""
        require(self.armed.keys() == self._image.timers.keys(), 6, "timers were lost or left over")
        for segment, log in self.logs.items():
            for domain in domains:
                upto = self.checkpoints.get((segment, domain), 0)
                require(upto == len(log), 9, f"{domain}/{segment} stands at {upto} of {len(log)}")
            outward = [entry for entry in log if entry.seq]
            require(
                [e.seq for e in outward] == list(range(1, len(outward) + 1)), 10, f"segment {segment}: a hole in seq"
            )
            given_up = self._given_up(segment)
            missing = [e.place for e in outward if e.place not in self._published and e.offset not in given_up]
            require(not missing, 10, f"never published: {missing[:3]}")
        for pair, sent in self._transfers.items():
            require(
                self._carried.get(pair, 0) == len(sent),
                7,
                f"{pair}: {self._carried.get(pair, 0)} of {len(sent)} transfers",
            )
        for key, row in self._image.timers.items():
            mine = self.armed.get(key)
            require(mine is not None and mine.gen == row.gen, 6, f"timer {key} of gen {row.gen} is not what was armed")
            require(not row.fired, 6, f"timer {row.key} of {row.subject} fired and was never handled")

    def _given_up(self, segment: int) -> set[int]:
        """Offsets of effects that an `engine.outward_skipped` names."""
        found: set[int] = set()
        for entry in self.logs[segment]:
            if entry.kind == SKIPPED:
                body = msgspec.json.decode(entry.body)
                first, last = (int(body[end].split(".")[2]) for end in ("from", "to"))
                stretch = {e.offset for e in self.logs[segment][first - 1 : last] if e.seq}
                require(body["count"] == len(stretch), 10, f"{entry.place} counts {body['count']} of {len(stretch)}")
                found |= stretch
        return found

    def gives_up(self, segment: int, after: int, before: int) -> bool:
        """Whether all effects between these two `seq` were given up; asked when the relay leaves some out."""
        given_up = self._given_up(segment)
        return all(e.offset in given_up for e in self.logs[segment] if after < e.seq < before)

    def store_compares(self) -> None:
        """Were a stage offered once more, the store would reject it: the journal is not the only guard."""
        for (segment, domain), stage in self._moves.items():
            again = Stage(segment, domain, stage.incarnation, stage.prev, stage.upto)
            try:
                self._image.refuse(Batch(self._image.commit_no + 1, self._image.epoch, stages=[again]))
            except StageRejected:
                continue
            require(False, 3, f"{domain}/{segment}: the store would commit {stage.prev}..{stage.upto} again")

    def memory_is_the_store(self, states: Iterable[tuple[int, str, str, Any]]) -> None:
        """At rest, a state in memory is the state in the store."""
        for segment, domain, subject, state in states:
            rows = self._image.states.get((segment, domain))
            stored: Any = rows.get(subject.encode()) if rows is not None else None  # pyright: ignore[reportUnknownMemberType]
            require(
                stored == msgspec.msgpack.encode(state),
                8,
                f"{domain}/{segment}: the memory of {subject} is not the store's",
            )

    @property
    def inputs(self) -> int:
        return len(self._inputs)


def _is_long(entry: Entry) -> bool:
    """Whether its id is known for 7 days: all that moves points and has no business key of its own."""
    if entry.kind == "points.change":
        return b'"order_id"' not in entry.body
    return entry.kind.startswith(("points.", "order.", "user.sign_in", "tier.grant", "delay."))


def _same(one: bytes, other: bytes) -> bool:
    """The same JSON, as a sender means it."""
    return one == other or msgspec.json.decode(one) == msgspec.json.decode(other)
