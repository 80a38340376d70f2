"""The HTTP side over pretended ports: a journal that keeps a list and answers when told to, a store in plain dicts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
from litestar.openapi.spec import OpenAPIType, Schema
from prometheus_client import CollectorRegistry

from actors.commands import Command, CommandSpec, Refusal
from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.notification.templates import Templates as MessageTexts
from actors.points.actor import PointsLedgerActor
from actors.points.programme import from_settings
from actors.points.state import Account, Books, Lot, Wallet
from actors.profile.facts import Fact, Profile
from actors.programmes.kind import Kind
from actors.registry import COMMANDS, FAMILIES, FOR_OPERATORS, PROGRAMMES
from gateway.access import NEEDS, Need
from gateway.answers import Threads
from gateway.app import Choices, Ports, build_app
from gateway.audit import AuditLog
from gateway.behaviour_queries import BehaviourQueries
from gateway.body import Bodies
from gateway.campaign_queries import CampaignQueries
from gateway.campaigns import Campaigns
from gateway.carts import CartQueries
from gateway.commands import Commands, EntryAt
from gateway.coupon_codes import CouponCodes
from gateway.coupon_jobs import CouponJobs
from gateway.coupon_queries import CouponQueries
from gateway.estimates import Estimates
from gateway.export import exports
from gateway.health import Health, Readiness
from gateway.imported_codes import ImportedCodes
from gateway.ingest import Ingest
from gateway.key_file import KeyFile
from gateway.key_ring import KeyRing
from gateway.keys import Key, Scope, digest_of, id_of, secret_of
from gateway.message_templates import MessageTemplates
from gateway.metrics import PrometheusCounters
from gateway.operations import Decisions, ParkedQueries
from gateway.programmes import Programmes
from gateway.queries import PointsQueries
from gateway.readers import ReaderPool
from gateway.routes_commands import CommandRoute
from gateway.stops import StopButtons
from gateway.templates import Templates
from gateway.validation import Validation
from gateway.waiting import FoldedByPolling
from supervision.clock import VirtualClock
from supervision.entry import Draft, segment_of
from supervision.messages import (
    Append,
    Appended,
    AppendResult,
    AwaitReply,
    ForgetReply,
    ParkedRow,
    RecordRow,
    Reused,
    Told,
)
from supervision.store import Loaded, Refused
from topology.wire import Door, hash64, reply_key

SEGMENTS = 16
EPOCH = 1_790_000_000
LATER = 2_000_000_000_000
"""In ms: when lots of these tests expire."""


class Rules(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A small programme."""

    rate: int

    @property
    def canonical(self) -> bytes:
        return msgspec.json.encode(self)

    @property
    def version(self) -> str:
        return f"{hash64(self.canonical):016x}"


def parse_rules(body: bytes) -> Rules | Refusal:
    try:
        return msgspec.json.decode(body, type=Rules)
    except msgspec.MsgspecError as error:
        return Refusal("wrong_type", "rate", str(error))


KIND = Kind("points", parse_rules, lambda state: msgspec.msgpack.decode(state)[1])
"""The segments' shared state is [format, number]."""


def _count_me(raw: bytes, fields: Mapping[str, Any]) -> Command | Refusal:
    if type(fields.get("user_id")) is not str or type(fields.get("n")) is not int:
        return Refusal("wrong_type", "n", "n must be an integer")
    return Command("toy.count", f"user:{fields['user_id']}")


COUNT = CommandSpec("toy_count", "toy.count", "", (), _count_me)
COUNT_ROUTE = CommandRoute(
    "/v1/users/{user_id:str}/counts", "toy_count", "Count", Schema(type=OpenAPIType.OBJECT), EntryAt
)
COUNT_NEED = {("POST", "/v1/users/{user_id}/counts"): Need("points:write", changes=True)}
COUNTING = Choices((COUNT_ROUTE,), {**NEEDS, **COUNT_NEED})
"""A command of nobody's, for what holds of every command."""


class PretendedJournal:
    """Knows ids as the real one does. With `holds`, answers wait until `release`. `replies`: what domains answer."""

    def __init__(self, answers: PretendedAnswers) -> None:
        self.replies: Callable[[Draft], bytes | None] = lambda _: None
        self.answers = answers
        self.drafts: list[Draft] = []
        self.holds = False
        self.lost = False
        self._known: dict[int, tuple[int, Appended]] = {}
        self._held: list[Append] = []

    @property
    def known(self) -> int:
        """Ids that would be known again."""
        return len(self._known)

    def tell(self, message: Any, /) -> None:
        if isinstance(message, AwaitReply):
            self.answers.ask(message.id_hash, message.done)
            return
        if isinstance(message, ForgetReply):
            self.answers.forget(message.id_hash, message.done)
            return
        assert isinstance(message, Append)
        if self.holds:
            self._held.append(message)
        else:
            self._answer(message)

    def release(self) -> None:
        self.holds = False
        held, self._held = self._held, []
        for append in held:
            self._answer(append)

    def _answer(self, append: Append) -> None:
        append.done(None if self.lost else [self._append(item) for item in append.items])
        for item in append.items if not self.lost else ():
            if (reply := self.replies(item.draft)) is not None:
                self.answers.say(reply_key(item), reply)

    def _append(self, item: Any) -> AppendResult:
        known = self._known.get(item.id_hash) if item.id_hash is not None else None
        if known is not None:
            command_hash, at = known
            if command_hash != item.command_hash:
                return Reused(at.segment, at.offset)
            return Appended(at.segment, at.epoch, at.offset, duplicate=True)
        self.drafts.append(item.draft)
        at = Appended(item.segment, EPOCH, len(self.drafts))
        if item.id_hash is not None:
            self._known[item.id_hash] = (item.command_hash, at)
        return at


class PretendedAnswers:
    """Where replies are heard. `reply` is what is said to each who asks, at once; without one they wait for `say`."""

    def __init__(self) -> None:
        self.reply: bytes | None = None
        self.stored: dict[int, bytes] = {}
        self.waiting: list[tuple[int, Told]] = []
        self.asked = 0
        self.full = False
        """Too many wait: nobody more is told."""

    def ask(self, id_hash: int, done: Told) -> None:
        self.asked += 1
        if self.full:
            done(None)
            return
        self.waiting.append((id_hash, done))
        if self.reply is not None:
            self.say(id_hash, self.reply)

    def forget(self, id_hash: int, done: Told) -> None:
        self.waiting = [one for one in self.waiting if one != (id_hash, done)]

    def say(self, id_hash: int, reply: bytes) -> None:
        """As the journal does when it is durable; the first answer is the one that stays."""
        reply = self.stored.setdefault(id_hash, reply)
        for one in [each for each in self.waiting if each[0] == id_hash]:
            self.waiting.remove(one)
            one[1](reply)


class PretendedReader:
    """The parts of a store's reader that the HTTP side asks."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _check(self) -> None:
        if self._world.store_refuses:
            raise Refused("the disk does not answer")

    def snapshot(self, segment: int, domain: str, subject: str) -> tuple[bytes | None, int]:
        self._check()
        return self._world.states.get((segment, domain, subject)), self._world.checkpoints.get((segment, domain), 0)

    def records(
        self, segment: int, domain: str, subject: str, before: tuple[int, int] | None, limit: int
    ) -> Sequence[RecordRow]:
        self._check()
        rows = self._world.lines.get((segment, domain, subject), [])
        newest = sorted(rows, key=lambda row: (row.offset, row.n), reverse=True)
        return [row for row in newest if before is None or (row.offset, row.n) < before][:limit]

    def load(
        self, segment: int, domain: str, subjects: Sequence[str], timers: Sequence[tuple[str, str]],
        keys: Sequence[bytes],
    ) -> Loaded:  # fmt: skip
        self._check()
        found = {subject: self._world.states.get((segment, domain, subject)) for subject in subjects}
        return Loaded({subject: state for subject, state in found.items() if state is not None}, {}, {})

    def parked(
        self, segment: int | None = None, domain: str | None = None, subject: str | None = None, after: int = 0,
        limit: int = 256,
    ) -> Sequence[ParkedRow]:  # fmt: skip
        self._check()
        rows = [
            row
            for row in self._world.parked
            if segment in (None, row.segment) and domain in (None, row.domain) and subject in (None, row.subject)
        ]
        rows.sort(key=lambda row: (row.segment, row.domain, row.subject, row.offset))
        return [row for row in rows if row.offset > after][:limit]

    def parked_subjects(self, segment: int, domain: str) -> Sequence[str]:
        self._check()
        return list({row.subject for row in self._world.parked if (row.segment, row.domain) == (segment, domain)})

    def reply(self, id_hash: int, domain: str) -> bytes | None:
        self._check()
        return self._world.answers.stored.get(id_hash)

    def close(self) -> None:
        self._world.readers_open -= 1


class World:
    """An application and what it stands on; tests set the public fields and look at them."""

    def __init__(self, bodies: Bodies | None = None, choices: Choices | None = None) -> None:
        self._folder = TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.answers = PretendedAnswers()
        self.journal = PretendedJournal(self.answers)
        self.states: dict[tuple[int, str, str], bytes] = {}
        self.lines: dict[tuple[int, str, str], list[RecordRow]] = {}
        self.checkpoints: dict[tuple[int, str], int] = {}
        self.parked: list[ParkedRow] = []
        self.store_refuses = False
        self.readers_open = 0
        self.not_taking: tuple[str, ...] = ()
        self.ages: dict[str, float] = {"journal": 0.1}
        self.readiness = Readiness()
        self.hurried: list[tuple[int, str, int]] = []
        self.clock = VirtualClock()
        self.bodies = bodies or Bodies()
        self._made_up = 0
        self._keys = 0
        self.threads = Threads()
        self.ports = self._ports()
        self.app = build_app(self.ports, self.threads, self.bodies, choices)

    def _ports(self) -> Ports:
        registry, readers, decode = CollectorRegistry(), ReaderPool(self._reader), Door(COMMANDS, SEGMENTS).decode
        counters = PrometheusCounters(registry)
        ingest = Ingest(decode, self.journal, lambda: self.not_taking, self._name, counters)
        points = PointsQueries(readers, SEGMENTS, self.clock, PointsLedgerActor(from_settings()))
        codes = CouponCodes(readers, SEGMENTS, KNOWN_TO_ALL)
        coupons = CouponQueries(readers, SEGMENTS, self.clock, codes)
        behaviours, user_campaigns = BehaviourQueries(readers, SEGMENTS), CampaignQueries(readers, SEGMENTS)
        parked = ParkedQueries(readers, SEGMENTS, ["points", "notification"])
        programmes = self._programmes(readers)
        templates = Templates(programmes, readers, SEGMENTS, codes)
        campaigns = Campaigns(programmes, readers, SEGMENTS, "UTC", "CNY")
        return Ports(
            ingest=ingest,
            commands=self._commands(readers, ingest, counters),
            jobs=CouponJobs(decode, self.journal, readers, SEGMENTS, self._name, ingest.not_taking),
            points=points,
            estimates=Estimates(points, self.clock),
            codes=codes,
            coupons=coupons,
            behaviours=behaviours,
            carts=CartQueries(readers, SEGMENTS),
            validation=Validation(readers, SEGMENTS, self.clock, codes),
            exports=exports(points, readers, SEGMENTS, coupons, behaviours, user_campaigns),
            parked=parked,
            decisions=Decisions(parked, self.journal, SEGMENTS),
            programmes=programmes,
            templates=templates,
            imported=ImportedCodes(templates, codes, self.journal, readers, SEGMENTS, ingest.not_taking),
            campaigns=campaigns,
            user_campaigns=user_campaigns,
            stops=StopButtons(programmes, campaigns, readers, SEGMENTS, self.clock),
            message_templates=MessageTemplates(programmes, readers, SEGMENTS, MessageTexts(), "UTC"),
            wait_folded=FoldedByPolling(self._hurry, self._folded, self._parked_domains),
            health=Health(lambda: self.ages, lambda: self.readiness),
            keys=KeyRing(KeyFile(self.folder), self.clock, counters),
            audit=AuditLog(self.folder, self.clock.now_ms),
            tree=lambda: [{"path": "", "state": "running"}, {"path": "journal", "state": "running"}],
            registry=registry,
            sample=lambda: None,
            clock=self.clock,
            counters=counters,
        )

    def _programmes(self, readers: ReaderPool) -> Programmes:
        """The small one in the place of points'."""
        kinds = {**PROGRAMMES, "points": KIND}
        return Programmes(kinds, {"points": Rules(1)}, readers, self.journal, SEGMENTS, self._name, FAMILIES)

    def _commands(self, readers: ReaderPool, ingest: Ingest, counters: PrometheusCounters) -> Commands:
        """All that there are, and one that counts."""
        door = Door({**COMMANDS, **FOR_OPERATORS, COUNT.event_type: COUNT}, SEGMENTS)
        return Commands(
            door, self.journal, readers, self._parked_domains, ingest.not_taking, self._name, counters
        )  # fmt: skip

    def _hurry(self, segment: int, domain: str, offset: int) -> None:
        self.hurried.append((segment, domain, offset))

    def _folded(self, segment: int, domain: str) -> int:
        return self.checkpoints.get((segment, domain), 0)

    def _reader(self) -> Any:
        self.readers_open += 1
        return PretendedReader(self)

    def _parked_domains(self) -> set[tuple[int, str]]:
        return {(row.segment, row.domain) for row in self.parked if row.subject == "*"}

    def give_key(self, *scopes: Scope, rate: int = 0, staging: bool = False) -> dict[str, str]:
        """A key of its own for somebody with these scopes; -> the header that shows it."""
        self._keys += 1
        secret = secret_of(self._keys)
        key = Key(
            id=id_of(self._keys), name=f"key {self._keys}", scopes=scopes, created="2026-09-21T14:13:20.000Z",
            sha256=digest_of(secret), rate_per_minute=rate, staging=staging,
        )  # fmt: skip
        KeyFile(self.folder).create(key, AuditLog(self.folder, self.clock.now_ms), "os:tester")
        self.clock.advance(2)
        return {"authorization": f"Bearer {secret}"}

    def _name(self) -> str:
        self._made_up += 1
        return f"made-{self._made_up}"

    def give_account(self, user_id: str, *lots: tuple[int, int], upto: int = 7) -> int:
        """`user_id` has these lots of (points, expires); -> the segment."""
        segment = segment_of(f"user:{user_id}", SEGMENTS)
        wallet = Wallet([Lot(expires, points, EPOCH, n + 1) for n, (points, expires) in enumerate(lots)])
        wallet.books = Books(issued=sum(points for points, _ in lots))
        account = Account(main=wallet)
        self.states[segment, "points", f"user:{user_id}"] = msgspec.msgpack.encode(account)
        self.checkpoints[segment, "points"] = upto
        return segment

    def give_profile(self, user_id: str, facts: dict[str, Fact], upto: int = 7) -> int:
        """`user_id` has these facts; -> the segment."""
        segment = segment_of(f"user:{user_id}", SEGMENTS)
        self.states[segment, "profile", f"user:{user_id}"] = msgspec.msgpack.encode(Profile(facts=facts))
        self.checkpoints[segment, "profile"] = upto
        return segment

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request from outside, answered by the application without a network."""
        return self.conversation(lambda client: client.request(method, path, **more))

    def conversation(self, talk: Callable[[httpx.AsyncClient], Any]) -> Any:
        """What `talk` makes of a client."""

        async def held() -> Any:
            transport = httpx.ASGITransport(app=self.app)  # pyright: ignore[reportArgumentType]
            async with httpx.AsyncClient(transport=transport, base_url="http://ganglion") as client:
                return await talk(client)

        return asyncio.run(held())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


def change(user_id: str = "123456", points: Any = 100, **more: Any) -> dict[str, Any]:
    """A points_change as the shop sends it."""
    return {
        "event_type": "points_change", "user_id": user_id, "change_type": "increase", "points": points,
        "reason": "purchase_order",
    } | more  # fmt: skip


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts a problem document of this status and code; -> the document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status and document["code"] == code, document
    assert document["type"] and document["title"] and document["detail"] and document["message"]
    assert isinstance(document["errors"], list)
    return document
