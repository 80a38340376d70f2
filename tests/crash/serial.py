"""The one serial history behind everything that was answered and told, found by folding the log with a second book.

The store of an engine at rest says in which order it took what came in by both doors. The simulator's reference model,
which shares no code with the ledger, folds that; then what it answers, says and holds must be what clients were
answered, receivers heard and the store has. Every word is compared, none is sampled.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from simulation.model import Said
from simulation.points_model import PointsModel, plain_rules
from supervision.clock import SystemClock
from supervision.courier import DOMAIN as COURIER
from supervision.entry import Draft, Entry, segment_of
from supervision.messages import Emission
from supervision.store_sqlite.beside import reading
from tests.answers import as_told
from tests.crash.clerks import Given
from tests.crash.listener import Seen
from topology.wire import id_hash

ENTRIES_MAX = 10_000_000
UNSAID = frozenset({"points.referral", "points.gift_arrives"})
"""What the model says from user to user; nobody outside hears it."""
BY_KEY = "http.command|"


class Shown(NamedTuple):
    """A balance as HTTP gave it: what was available at `at`, by all entries up to `offset` and none after it."""

    user: str
    available: int
    segment: int
    offset: int
    at: int


def shown(user: str, document: Mapping[str, Any]) -> Shown:
    """Of an answer to `GET /v1/users/{user}/points`."""
    at = round(datetime.fromisoformat(document["at"]).timestamp() * 1_000)
    return Shown(user, document["available"], document["as_of"]["segment"], document["as_of"]["offset"], at)


def at_rest(data: Path) -> bool:
    """Whether the points domain has folded all there is and nothing is on its way from segment to segment."""
    with reading(data, SystemClock()) as (reader, _):
        cut = reader.cut("points", COURIER)
    pairs = cut.inbound.keys() | cut.outbound.keys()
    return cut.checkpoints == cut.heads and all(cut.inbound.get(pair) == cut.outbound.get(pair) for pair in pairs)


class Serial:
    """What came of the log in the store in `data`, which no engine holds."""

    def __init__(self, data: Path, rules: dict[str, Any], balances: Sequence[Shown]) -> None:
        self.trouble: list[str] = []
        self.model = PointsModel(plain_rules(rules))
        self.said: dict[int, list[Said]] = {}
        self.logs: dict[int, Sequence[Entry]] = {}
        self._places: dict[tuple[int, int], Entry] = {}
        with reading(data, SystemClock()) as (reader, self._segments):
            for segment in range(self._segments):
                self.logs[segment] = reader.read_log(segment, 0, ENTRIES_MAX, ENTRIES_MAX)
                self._fold(segment, [each for each in balances if each.segment == segment])
            for subject in self.model.books:
                data_of, _ = reader.snapshot(segment_of(subject, self._segments), "points", subject)
                if data_of is not None and (wrong := self.model.state_fits(subject, data_of)):
                    self.trouble.append(f"the state of {subject}: {wrong}")
        if owed := self.model.at_rest():
            self.trouble.append(owed)

    def _fold(self, segment: int, balances: Sequence[Shown]) -> None:
        asked: defaultdict[int, list[Shown]] = defaultdict(list)
        for balance in balances:
            asked[balance.offset].append(balance)
        said = self.said[segment] = []
        for entry in self.logs[segment]:
            self._places[segment, entry.offset] = entry
            if entry.kind in self.model.kinds:
                said += [each for each in self.model.fold(entry, entry.at) if each[0] not in UNSAID]
            self.trouble += [line for balance in asked[entry.offset] for line in self._balance(balance)]

    def _balance(self, balance: Shown) -> Iterator[str]:
        available = self.model.available(f"user:{balance.user}", balance.segment, balance.at)
        if available != balance.available:
            yield f"{balance}, the model has {available}"

    def differences(self, answers: Mapping[str, Given], heard: Sequence[Seen], messages: Sequence[str]) -> list[str]:
        """What does not agree, one line each. `heard` are the effects that a receiver acted upon, in order, the last
        words of each segment among them; `messages` are the ids of all that was sent over AMQP.
        """
        found = self.trouble + list(self._once(answers, messages))
        found += [line for key, given in answers.items() for line in self._answer(key, given)]
        for segment in self.logs:
            found += self._told(segment, [seen for seen in heard if seen.segment == segment])
        return found

    def _once(self, answers: Mapping[str, Given], messages: Sequence[str]) -> Iterator[str]:
        """Each request and each message stands in the log, and stands there once."""
        ids = Counter(entry.id for log in self.logs.values() for entry in log if entry.id)
        yield from (f"{id} is {times} times in the log" for id, times in ids.items() if times > 1)
        yield from (f"{id} is not in the log" for id in messages if id not in ids)
        requests = sum(id.startswith(BY_KEY) for id in ids)
        if requests != len(answers):
            yield f"{len(answers)} requests were answered, {requests} are in the log"

    def _answer(self, key: str, given: Given) -> Iterator[str]:
        told = as_told(given.status, json.loads(given.body))
        entry = self._places.get((told.segment, told.offset))
        if entry is None or not entry.id.startswith(BY_KEY):
            yield f"{key} was answered {given}, where the log has {entry}"
            return
        said = (told.ok, told.code, told.numbers["points"], told.numbers["balance"])
        mine = self.model.answers.get(id_hash(entry.root, entry.asked_of or entry.subject))
        if said != mine:
            yield f"{key} was answered {said}, the model says {mine}: {entry}"

    def _told(self, segment: int, heard: Sequence[Seen]) -> Iterator[str]:
        """All that the log has to say was heard, and once, up to whatever time did after the last words."""
        outward = [entry.place for entry in self.logs[segment] if entry.seq]
        ids = [seen.id for seen in heard]
        if ids != outward[: len(ids)]:
            yield f"segment {segment} said {outward} and was heard to say {ids}"
        said = [word for seen in heard if (word := self.model.heard(_emission(seen))) is not None]
        for n, (mine, theirs) in enumerate(zip(self.said[segment], said, strict=False)):
            if mine != theirs:
                yield f"segment {segment} said {theirs} as its {n}th word, the model says {mine}"
                return
        if len(said) > len(self.said[segment]):
            yield f"segment {segment} said more than the model does: {said[len(self.said[segment]) :]}"


def _emission(seen: Seen) -> Emission:
    """What a cell emitted, as far as the model looks at it."""
    kind = ".".join(seen.key.split(".")[:2])
    subject = f"user:{seen.source['user_id']}" if "user_id" in seen.source else ""
    return Emission(Draft(kind, subject, json.dumps(seen.source).encode()), b"", seen.segment)
