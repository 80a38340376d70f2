"""A sender of webhooks beside an engine on the stepped runtime, and endpoints that answer as the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from actors.webhook.messages import DELIVERED, FAILED, REQUESTED, RequestWebhook
from supervision.domain import Event
from supervision.entry import Draft, Entry, encode_draft, segment_of
from supervision.envelope import envelope
from supervision.messages import Append, Item
from supervision.runtime import Address, Behaviour, ChildSpec
from supervision.supervisor import SupervisorSpec
from supervision.tree import plant
from tests.cells import pass_time
from tests.engine_world import SEGMENTS, START_MS, World
from topology.webhooks.endpoint import Endpoint
from topology.webhooks.ports import Answered, Letter, Outcome
from topology.webhooks.sender import DOMAIN, Sender

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
URL = "https://shop.example/hook?token=T0PSECRET"


def endpoint(**more: Any) -> Endpoint:
    return Endpoint(URL, (SECRET,), **more)


def asked(endpoint: str = "crm", user: str = "1", n: int = 1) -> Draft:
    """The draft of a request, as a campaign's stage makes it."""
    body = RequestWebhook(
        endpoint, n, "steps[0]", {"why": "cart"}, reference=f"C.{n}.0", campaign_id="C", campaign_version="v1"
    )
    subject = f"user:{user}"
    cause = Entry(0, 1, 1, START_MS, 0, "x", subject, b"", root="shop|m1")
    return Draft(REQUESTED, subject, envelope(REQUESTED, body, subject, Event(cause, None, START_MS, subject)))


class Endpoints:
    """A Transport. `answers`: by endpoint, what to say; one that is missing keeps its caller waiting."""

    def __init__(self, **answers: Outcome) -> None:
        self.answers: dict[str, Outcome] = answers
        self.letters: list[Letter] = []
        self.waiting: list[tuple[Letter, Callable[[Outcome], None]]] = []

    def post(self, letter: Letter, done: Callable[[Outcome], None], /) -> None:
        self.letters.append(letter)
        outcome = self.answers.get(letter.endpoint)
        if outcome is None:
            self.waiting.append((letter, done))
        else:
            done(outcome)

    def let_go(self, outcome: Outcome) -> None:
        """Answer all that wait."""
        waiting, self.waiting = self.waiting, []
        for _, done in waiting:
            done(outcome)

    def ids(self, endpoint: str = "crm") -> list[str]:
        return [letter.headers["webhook-id"] for letter in self.letters if letter.endpoint == endpoint]


OK = Answered(200)


class Calling(World):
    """A process that has a sender; `restart` kills it and begins another."""

    def __init__(self, endpoints: Mapping[str, Endpoint], transport: Endpoints) -> None:
        self.endpoints = endpoints
        self.transport = transport
        self.senders: list[Sender] = []
        super().__init__()

    def start(self) -> None:
        super().start()
        root = SupervisorSpec("calls", [ChildSpec("webhooks", self._make)])
        calls = plant(self.runtime, root, Random(1), self._fatal, self.tally, f"p{self._processes}/calls/")
        calls.start()
        begun = lambda: all((segment, DOMAIN) in self.ledger for segment in range(SEGMENTS))  # noqa: E731
        assert self.runtime.run_until(begun, 20_000)

    @property
    def ledger(self) -> Mapping[tuple[int, str], int]:
        assert self.engine.the_journal is not None
        return self.engine.the_journal.ledger.checkpoints

    def _make(self, me: Address) -> Behaviour:
        if self.senders:
            self.senders[-1].close()
        sender = Sender(
            me, len(self.senders) + 1, self.endpoints, self.transport, self.engine.journal, self.engine.tails,
            self.store.reader(), self.runtime, self.tally, Random(1),
        )  # fmt: skip
        self.senders.append(sender)
        return sender

    def ask(self, *drafts: Draft) -> None:
        items = [Item(segment_of(draft.subject, SEGMENTS), draft, encode_draft(draft)) for draft in drafts]
        self.engine.journal.tell(Append(items, lambda _: None, sum(len(item.encoded) for item in items)))

    def settle(self, seconds: float = 8.0) -> None:
        pass_time(self.runtime, seconds)

    def said(self, user: str = "1") -> list[dict[str, Any]]:
        """How the user's calls ended, as the log has it."""
        subject = f"user:{user}"
        entries = [
            entry for entry in self.log(subject) if entry.subject == subject and entry.kind in (DELIVERED, FAILED)
        ]
        return [msgspec.json.decode(entry.body) for entry in entries]

    def rows(self) -> list[bytes]:
        image = self.store.image.states
        return [row for segment in range(SEGMENTS) for row in image.get((segment, DOMAIN), {}).values()]

    def check(self) -> None:
        self.senders[-1].check()
