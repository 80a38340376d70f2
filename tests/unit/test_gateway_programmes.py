"""Programmes over HTTP: put by who names the version he replaces, in force once every segment has it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import gateway.routes_programmes as routes
from actors.programmes.actor import ProgrammesActor, Shelf
from actors.programmes.messages import ACTIVATED, NAME, PUT, PutAnswer, PutProgramme, subject_of
from actors.registry import COMMANDS
from gateway.programmes import BODY_BYTES_MAX
from supervision.domain import Event
from supervision.entry import Draft, Entry, Origin, segment_of, segment_subject
from supervision.messages import ParkedRow
from supervision.outputs import Emit, Reply
from tests.gateway_world import SEGMENTS, World, is_problem

PATH = "/v1/points/programme"
SUBJECT = subject_of("points")
HOME = segment_of(SUBJECT, SEGMENTS)


class Shop(World):
    """A world whose programmes domain answers at once; `deaf` segments do not hear of new versions."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()
        self.deaf: set[int] = set()
        self.journal.replies = self._replied

    def _replied(self, draft: Draft) -> bytes | None:
        body = msgspec.json.decode(draft.body, type=PutProgramme)
        entry = Entry(HOME, 1, 1, 1, 0, draft.kind, draft.subject, draft.body)
        answer = None
        for output in ProgrammesActor(SEGMENTS).react(self.shelf, Event(entry, body, 1, SUBJECT)):
            if isinstance(output, Emit) and output.kind == ACTIVATED:
                self._heard(output)
            elif isinstance(output, Reply):
                answer = msgspec.json.encode(output.body)
        self.states[HOME, NAME, SUBJECT] = msgspec.msgpack.encode(self.shelf)
        return answer

    def _heard(self, told: Any) -> None:
        segment = int(told.subject.removeprefix("segment:"))
        if segment not in self.deaf:
            self.states[segment, "points", segment_subject(segment)] = msgspec.msgpack.encode([1, told.body.number])

    def put(self, rate: Any, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("PUT", PATH, content=msgspec.json.encode({"rate": rate}), headers=named)


def test_a_first_programme_is_in_force_once_every_segment_has_it() -> None:
    shop = Shop()
    is_problem(shop.get(PATH), 404, "unknown_programme")
    answer = shop.put(3, If_None_Match="*")
    assert answer.status_code == 200
    version = answer.json()["version"]
    assert answer.json() == {"version": version, "number": 1, "changed": True}
    assert answer.headers["etag"] == f'"{version}"'
    shown = shop.get(PATH)
    assert (shown.json(), shown.headers["etag"], shown.headers["programme-number"]) == (
        {"rate": 3}, f'"{version}"', "1",
    )  # fmt: skip
    assert shown.headers["content-type"] == "application/json"


def test_the_entry_is_an_operators_and_says_what_was_known() -> None:
    shop = Shop()
    shop.put(3, If_Match='"0"')
    (draft,) = shop.journal.drafts
    assert (draft.kind, draft.subject, draft.origin, draft.asked) == (PUT, SUBJECT, Origin.OPERATOR, True)
    assert msgspec.json.decode(draft.body, type=PutProgramme).if_match == ""
    assert shop.journal.waiters == [], "who was answered waits no more"


def test_a_version_is_replaced_only_by_who_names_it() -> None:
    shop = Shop()
    first = shop.put(3, If_None_Match="*").headers["etag"]
    is_problem(shop.put(4), 428, "precondition_required")
    is_problem(shop.put(4, If_None_Match="*"), 412, "precondition_failed")
    document = is_problem(shop.put(4, If_Match='"0"'), 412, "precondition_failed")
    assert first in document["detail"]
    second = shop.put(4, If_Match=first)
    assert second.json()["number"] == 2
    is_problem(shop.put(5, If_Match=first), 412, "precondition_failed")


def test_the_same_programme_again_changes_nothing() -> None:
    shop = Shop()
    tag = shop.put(3).headers["etag"]
    for known in (tag, '"0"'):
        again = shop.put(3, If_Match=known)
        assert again.status_code == 200 and again.json()["changed"] is False and again.headers["etag"] == tag


def test_a_programme_that_is_refused_names_the_field() -> None:
    shop = Shop()
    document = is_problem(shop.put("three"), 422, "refused_programme")
    assert document["errors"][0]["field"] == "rate"
    assert shop.journal.drafts == []


def test_a_programme_larger_than_the_limit_is_refused() -> None:
    answer = Shop().request("PUT", PATH, content=b'{"rate":' + b" " * BODY_BYTES_MAX + b"1}")
    assert str(BODY_BYTES_MAX) in is_problem(answer, 413, "too_large")["detail"]


def test_segments_that_do_not_have_it_in_time_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SPREAD_S", 0.05)
    shop = Shop()
    shop.deaf = {2, 5}
    answer = shop.put(3)
    assert answer.status_code == 202 and answer.json()["pending_segments"] == 2
    shop.deaf = set()
    assert shop.put(4, If_Match=answer.headers["etag"]).status_code == 200, "a later version will do"


def test_a_put_that_is_not_answered_gives_up_and_says_what_is_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ANSWER_S_MAX", 0.05)
    shop = Shop()
    shop.journal.replies = lambda _: None
    is_problem(shop.put(3), 503, "unanswered")
    assert shop.journal.waiters == []
    shop.parked = [ParkedRow(HOME, NAME, SUBJECT, 5, "KeyError", 3, 1)]
    is_problem(shop.put(3), 503, "parked")


def test_a_lost_segment_promises_nothing() -> None:
    shop = Shop()
    shop.journal.lost = True
    is_problem(shop.put(3), 503, "segment_lost")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": "3"}, {"If-Match": 'W/"3"'}, {"If-Match": '"3", "4"'}, {"If-Match": "*"}, {"If-None-Match": '"3"'},
        {"If-Match": '"3"', "If-None-Match": "*"},
    ],
)  # fmt: skip
def test_a_precondition_that_is_no_single_etag_is_refused(headers: dict[str, str]) -> None:
    is_problem(Shop().request("PUT", PATH, content=b'{"rate":1}', headers=headers), 400, "invalid_parameter")


def test_no_message_from_outside_can_put_a_programme() -> None:
    assert not any(spec.kind.startswith("programme.") for spec in COMMANDS.values())
    answer = World().post("/v1/events", json={"event_type": "programme.put", "name": "points", "version": "1"})
    assert answer.json()["rejected"][0]["code"] == "unknown_event_type"


def test_the_answer_of_the_domain_reads_back() -> None:
    answer = PutAnswer(3, "abcd", changed=True)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=PutAnswer) == answer
