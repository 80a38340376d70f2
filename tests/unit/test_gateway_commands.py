"""Commands over HTTP: what goes into the log, what is answered, and that asking again is answered the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import httpx
import msgspec
import pytest

from actors.commands import declined, done
from gateway import replies
from gateway.commands import Call, Commands, Handed, Placed, message, outcome
from gateway.problems import Declined, Problem
from gateway.readers import ReaderPool
from gateway.wiring import reply_to
from supervision.counters import Tally
from supervision.domain import Event
from supervision.entry import segment_of
from supervision.messages import ParkedRow
from supervision.outputs import Output, Reply
from tests.engine_world import SEGMENTS as ENGINE_SEGMENTS
from tests.engine_world import Total, Toy
from tests.engine_world import World as Engine
from tests.gateway_world import COUNT, COUNTING, SEGMENTS, World, is_problem
from topology.wire import Door

PATH = "/v1/users/u/counts"
KEY = {"idempotency-key": "k1"}


class Counted(msgspec.Struct, frozen=True):
    points: int


YES = msgspec.json.encode(done(Counted(7)))
NO = msgspec.json.encode(declined("insufficient_points", "3 points are missing", {"balance": 4, "missing": 3}))


def world(reply: bytes | None = YES) -> World:
    made = World(choices=COUNTING)
    made.answers.reply = reply
    return made


def counted(made: World, body: Any = None, key: Mapping[str, str] = KEY, path: str = PATH) -> httpx.Response:
    return made.post(path, json={"n": 7} if body is None else body, headers=dict(key))


def test_a_command_is_answered_with_its_place_and_what_came_of_it() -> None:
    answer = counted(world())
    assert answer.status_code == 200
    assert answer.json() == {"entry": {"segment": segment_of("user:u", SEGMENTS), "offset": 1}, "result": {"points": 7}}
    assert "idempotent-replayed" not in answer.headers


def test_the_message_is_made_of_the_path_and_the_senders_own_text() -> None:
    made = world()
    made.post("/v1/users/a%2Fb/counts", content=b' { "n" : 7, "x":1.50 } ')
    made.post(PATH, content=b'{"n":7,"user_id":"u","event_type":"toy_count"}')
    bodies = [draft.body for draft in made.journal.drafts]
    assert bodies[0] == b'{"event_type":"toy_count","user_id":"a/b", "n" : 7, "x":1.50 }'
    assert bodies[1] == b'{"event_type":"toy_count","user_id":"u","n":7,"user_id":"u","event_type":"toy_count"}'
    assert all(draft.asked for draft in made.journal.drafts)


@pytest.mark.parametrize("body", [b"{}", b" { } "])
def test_a_body_that_says_nothing_is_a_message_too(body: bytes) -> None:
    call = Call("toy_count", {"user_id": "u"}, body, None, "", "POST", PATH)
    assert msgspec.json.decode(message(call)) == {"event_type": "toy_count", "user_id": "u"}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 422, "bad_field", "n"), (b"[1]", 422, "wrong_kind", ""), (b"{", 400, "not_json", ""),
        (b'{"n":NaN}', 400, "not_json", "n"), (b'{"n":"7"}', 422, "bad_field", "n"),
        (b'{"n":7,"user_id":"v"}', 422, "bad_field", "user_id"), (b'{"n":7,"user_id":1}', 422, "bad_field", "user_id"),
        (b'{"n":7,"event_type":"points_change"}', 422, "bad_field", "event_type"),
        (b'{"n":' + b"[" * 40 + b"]" * 40 + b"}", 422, "bad_field", ""),
        (b'{"n":7,"x":"' + b"x" * 300_000 + b'"}', 413, "too_large", ""),
    ],
)  # fmt: skip
def test_what_is_no_command_is_refused_with_its_field_and_asks_nobody(
    body: bytes, status: int, code: str, field: str
) -> None:
    made = world()
    document = is_problem(made.post(PATH, content=body, headers=KEY), status, code)
    assert [error["field"] for error in document["errors"]] == ([field] if field else [])
    assert made.journal.drafts == [] and made.answers.asked == 0


def test_a_refusal_is_a_conflict_with_its_code_and_the_numbers_behind_it() -> None:
    document = is_problem(counted(world(NO)), 409, "insufficient_points")
    assert (document["detail"], document["balance"], document["missing"]) == ("3 points are missing", 4, 3)


@pytest.mark.parametrize("code", ["unknown_user", "unknown_reservation", "unknown_code"])
def test_what_does_not_exist_is_not_found(code: str) -> None:
    is_problem(counted(world(msgspec.json.encode(declined(code, "no", {})))), 404, code)


def test_numbers_never_hide_what_a_problem_document_says_itself() -> None:
    numbers = {"status": 1, "code": 2, "left": 3}
    document = is_problem(
        counted(world(msgspec.json.encode(declined("cap_reached", "no", numbers)))), 409, "cap_reached"
    )
    assert document["left"] == 3


@pytest.mark.parametrize("first", [YES, NO])
def test_the_same_key_and_body_get_the_first_answer_again_and_it_says_so(first: bytes) -> None:
    made = world(first)
    answer = counted(made)
    made.answers.reply = None
    again = counted(made, {"n": 7})
    assert (again.status_code, again.content) == (answer.status_code, answer.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(made.journal.drafts) == 1 and made.answers.waiting == []


def test_the_same_key_with_another_body_is_refused() -> None:
    made = world()
    counted(made)
    document = is_problem(counted(made, {"n": 8}), 422, "idempotency_key_reused")
    assert [error["field"] for error in document["errors"]] == ["Idempotency-Key"]
    assert made.answers.waiting == []


def test_a_key_is_known_per_api_key_and_path() -> None:
    made = world()
    assert "idempotent-replayed" not in counted(made).headers
    assert "idempotent-replayed" not in counted(made, path="/v1/users/v/counts").headers
    one, two = made.give_key("points:write"), made.give_key("points:write")
    for header in (one, two):
        assert "idempotent-replayed" not in counted(made, key=KEY | header).headers
        assert counted(made, key=KEY | header).headers["idempotent-replayed"] == "true"
    assert counted(made, key=KEY | one, path=f"{PATH}/").headers["idempotent-replayed"] == "true"
    assert len({draft.id for draft in made.journal.drafts}) == 4


def test_without_a_key_every_request_is_a_new_one_and_none_is_remembered() -> None:
    made = world()
    for _ in range(2):
        assert counted(made, {"n": 7, "event_id": "e"}, key={}).status_code == 200
    assert len(made.journal.drafts) == 2
    assert made.journal.known == 0


@pytest.mark.parametrize("headers", [[("idempotency-key", "")], [("idempotency-key", "a"), ("idempotency-key", "a")]])
def test_a_key_that_is_none_is_refused(headers: list[tuple[str, str]]) -> None:
    is_problem(world().post(PATH, json={"n": 7}, headers=headers), 400, "invalid_parameter")


def test_a_request_that_meets_its_own_earlier_one_waits_for_it() -> None:
    made = world(None)

    async def talk(client: httpx.AsyncClient) -> list[httpx.Response]:
        asks = [asyncio.ensure_future(client.post(PATH, json={"n": 7}, headers=KEY)) for _ in range(3)]
        while len(made.answers.waiting) < 3:
            await asyncio.sleep(0)
        made.answers.say(made.answers.waiting[0][0], YES)
        return list(await asyncio.gather(*asks))

    found = made.conversation(talk)
    assert [answer.status_code for answer in found] == [200] * 3
    assert len({answer.content for answer in found}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in found) == ["", "true", "true"]
    assert len(made.journal.drafts) == 1


def test_where_a_key_is_required_a_request_without_one_is_told_so() -> None:
    made = World(choices=msgspec.structs.replace(COUNTING, require_idempotency_key=True))
    made.answers.reply = YES
    is_problem(counted(made, key={}), 428, "idempotency_key_required")
    is_problem(made.post("/v1/events", json={}), 428, "idempotency_key_required")
    assert counted(made).status_code == 200
    assert made.get("/livez").status_code == 200


def test_while_input_is_not_taken_a_command_is_not_either() -> None:
    made = world()
    made.not_taking = ("the disk is full",)
    is_problem(counted(made), 503, "not_taking")
    assert made.answers.asked == 0


def test_a_lost_segment_promises_nothing() -> None:
    made = world(None)
    made.journal.lost = True
    is_problem(counted(made), 503, "segment_lost")
    assert made.answers.waiting == []


def test_where_too_many_wait_a_command_is_taken_and_its_answer_is_there_later() -> None:
    made = world()
    made.answers.full = True
    is_problem(counted(made), 503, "busy")
    made.answers.full = False
    assert counted(made).headers["idempotent-replayed"] == "true"
    assert len(made.journal.drafts) == 1


@pytest.mark.parametrize("subject", ["user:u", "*"])
def test_a_command_that_waits_for_an_operator_is_told_so(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_LOOK_S", 0.0)
    made = world(None)
    made.parked = [ParkedRow(segment_of("user:u", SEGMENTS), "points", subject, 1, "KeyError", 3, 0)]
    assert is_problem(counted(made), 503, "parked")["detail"].endswith("under the same Idempotency-Key")
    assert made.answers.waiting == []


def test_what_is_parked_behind_a_command_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "FIRST_LOOK_S", 0.0)
    made = world(None)
    made.parked = [ParkedRow(segment_of("user:u", SEGMENTS), "points", "user:u", 2, "KeyError", 3, 0)]
    with pytest.raises(Problem, match="no answer within") as unanswered:
        asyncio.run(replies.answered(made.ports.commands, call(), made.threads, seconds=0.05))
    assert unanswered.value.code == "unanswered"
    assert made.answers.waiting == []


def call(n: int = 7, key: str | None = "k1") -> Call:
    return Call("toy_count", {"user_id": "u"}, b'{"n":%d}' % n, key, "", "POST", PATH)


class Teller(Toy):
    """Counts, and says so to who asked; nobody may have more than ten."""

    name = "points"
    reacts_to: ClassVar[Mapping[str, Any]] = {"toy.count": dict}

    def react(self, state: Total, event: Event) -> Iterator[Output]:
        n = event.body["n"]
        times = self.attempts[event.place] = self.attempts.get(event.place, 0) + 1
        if self.broken or (n == 5 and times == 1):
            raise ValueError("once")
        if state.total + n > 10:
            yield Reply(declined("cap_reached", "ten is the most", {"left": 10 - state.total}))
            return
        state.total += n
        yield Reply(done(Counted(state.total)))


class Desk:
    """Who hands in commands at a real engine, over crashes."""

    def __init__(self) -> None:
        self.engine = Engine(Teller(), answers_to=reply_to)
        self.names = 0

    def commands(self) -> Commands:
        engine = self.engine.engine
        return Commands(
            Door({"toy_count": COUNT}, ENGINE_SEGMENTS), engine.journal,
            ReaderPool(engine.store.reader), engine.parked_domains, lambda: None, self._name, Tally(),
        )  # fmt: skip

    def _name(self) -> str:
        self.names += 1
        return f"made-{self.names}"

    def ask(self, what: Call) -> tuple[Handed, list[Placed | Problem], list[bytes | None]]:
        placed: list[Placed | Problem] = []
        replied: list[bytes | None] = []
        return self.commands().hand_in(what, placed.append, replied.append), placed, replied

    def answer(self, what: Call) -> Any:
        """As replies.answered does, on the stepped runtime."""
        handed, placed, replied = self.ask(what)
        self.engine.settle()
        (place,) = placed
        assert isinstance(place, Placed), place
        stored = self.commands().stored(handed) if place.repeat else None
        found = outcome(place, stored or replied[0] or b"")
        return (found.code, place.repeat) if isinstance(found, Declined) else (bytes(found.result), place.repeat)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_engine_answers_each_once_and_the_same_again(desk: Desk) -> None:
    assert desk.answer(call(5)) == (b'{"points":5}', False)
    assert desk.answer(call(5)) == (b'{"points":5}', True)
    assert desk.answer(call(6, "k2")) == ("cap_reached", False)
    assert desk.answer(call(4, None)) == (b'{"points":9}', False)
    assert desk.answer(call(6, "k2")) == ("cap_reached", True)


def test_after_a_kill_at_any_step_a_retry_gets_the_first_answer(desk: Desk) -> None:
    assert desk.answer(call(3)) == (b'{"points":3}', False)
    for steps in range(40):
        key = f"kill-{steps}"
        desk.ask(call(0, key))
        for _ in range(steps):
            desk.engine.runtime.step()
        desk.engine.restart()
        first = desk.answer(call(0, key))[0]
        assert first == b'{"points":3}'
        assert desk.answer(call(0, key)) == (first, True)
    assert desk.answer(call(3)) == (b'{"points":3}', True)


def test_a_key_is_known_for_a_week(desk: Desk) -> None:
    desk.answer(call(3))
    desk.engine.clock.advance(7 * 24 * 3600 - 60)
    assert desk.answer(call(3)) == (b'{"points":3}', True)


def test_the_schema_has_a_command_with_its_path_its_body_and_its_key() -> None:
    made = world().get("/schema").json()["paths"]["/v1/users/{user_id}/counts"]["post"]
    assert {(one["name"], one["in"], one["required"]) for one in made["parameters"]} == {
        ("user_id", "path", True), ("Idempotency-Key", "header", False)
    }  # fmt: skip
    assert made["requestBody"]["content"]["application/json"]["schema"] == {"type": "object"}
    assert {"200", "400", "401", "403", "404", "409", "422", "428", "429", "503"} <= set(made["responses"])
