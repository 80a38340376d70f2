"""Programmes over HTTP: put by who names the version he replaces, in force once every segment has it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import gateway.routes_programmes as routes
from actors.programmes.actor import ProgrammesActor, Shelf
from actors.programmes.messages import ACTIVATED, NAME, PUT, PutAnswer, PutProgramme, subject_of
from actors.registry import COMMANDS
from gateway.app import Choices
from gateway.audit import AUDIT_FILE
from gateway.programmes import BODY_BYTES_MAX
from supervision.domain import Event
from supervision.entry import Draft, Entry, Origin, segment_of, segment_subject
from supervision.messages import ParkedRow
from supervision.outputs import Emit, Reply
from tests.gateway_world import SEGMENTS, Rules, World, is_problem

PATH = "/v1/points/programme"
SUBJECT = subject_of("points")
HOME = segment_of(SUBJECT, SEGMENTS)


class Shop(World):
    """A world whose programmes domain answers at once; `deaf` segments do not hear of new versions."""

    def __init__(self, choices: Choices | None = None) -> None:
        super().__init__(choices=choices)
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

    @property
    def tag(self) -> str:
        """ETag of what is in force."""
        return self.get(PATH).headers["etag"]

    def put(self, rate: Any, tag: str | None = None) -> Any:
        """In the place of `tag`, else of what is in force."""
        named = {"If-Match": tag or self.tag}
        return self.request("PUT", PATH, content=msgspec.json.encode({"rate": rate}), headers=named)


def test_before_the_first_put_the_settings_programme_is_in_force_as_number_0() -> None:
    shown = Shop().get(PATH)
    assert (shown.status_code, shown.json(), shown.headers["programme-number"]) == (200, {"rate": 1}, "0")
    assert shown.headers["etag"] == f'"{Rules(1).version}"'


def test_a_first_programme_is_in_force_once_every_segment_has_it() -> None:
    shop = Shop()
    answer = shop.put(3)
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
    shop.put(3)
    (draft,) = shop.journal.drafts
    assert (draft.kind, draft.subject, draft.origin, draft.asked) == (PUT, SUBJECT, Origin.OPERATOR, True)
    assert msgspec.json.decode(draft.body, type=PutProgramme).if_match == ""
    assert shop.answers.waiting == [], "who was answered waits no more"


def test_a_version_is_replaced_only_by_who_names_it() -> None:
    shop = Shop()
    settings = shop.tag
    first = shop.put(3).headers["etag"]
    document = is_problem(shop.request("PUT", PATH, content=b'{"rate":4}'), 428, "precondition_required")
    assert first in document["detail"]
    document = is_problem(shop.put(4, settings), 412, "precondition_failed")
    assert first in document["detail"]
    second = shop.put(4, first)
    assert second.json()["number"] == 2
    is_problem(shop.put(5, first), 412, "precondition_failed")


def test_without_a_precondition_not_even_the_settings_programme_is_replaced() -> None:
    shop = Shop()
    is_problem(shop.request("PUT", PATH, content=b'{"rate":4}'), 428, "precondition_required")
    assert shop.journal.drafts == []


def test_the_same_programme_again_changes_nothing_whatever_it_was_meant_to_replace() -> None:
    shop = Shop()
    settings = shop.tag
    tag = shop.put(3).headers["etag"]
    for known in (tag, settings):
        again = shop.put(3, known)
        assert again.status_code == 200 and again.json()["changed"] is False and again.headers["etag"] == tag


def test_the_settings_programme_may_be_put_and_is_then_number_1() -> None:
    shop = Shop()
    answer = shop.put(1)
    assert (answer.status_code, answer.json()["number"], answer.json()["changed"]) == (200, 1, True)


def test_of_two_puts_that_replace_the_same_version_the_log_knows_one() -> None:
    shop = Shop()
    programmes = shop.ports.programmes
    one, two = (programmes.read("points", body, Rules(1).version, "op") for body in (b'{"rate":4}', b'{"rate":5}'))
    answers: list[Any] = []
    programmes.put(one, answers.append)
    programmes.put(two, answers.append)
    assert [(answer.number, answer.code) for answer in answers] == [(1, ""), (1, "precondition_failed")]


def test_a_change_is_in_the_audit_log_before_it_is_made_and_what_changes_nothing_is_not() -> None:
    shop = Shop()
    admin = shop.give_key("admin", "points:read")
    tag = shop.get(PATH, headers=admin).headers["etag"]
    for body, status in ((b'{"rate":3}', 200), (b'{"rate":3}', 200), (b'{"rate":4}', 412), (b'{"rate":"x"}', 422)):
        assert shop.request("PUT", PATH, content=body, headers={"if-match": tag} | admin).status_code == status
    made, _ = shop.ports.audit.page(10, None).data
    assert (made.what, made.about, made.who.split(":")[0]) == ("rules.change", "points", "key")
    assert made.old == {"number": 0, "version": Rules(1).version, "programme": {"rate": 1}}
    assert made.new == {"version": Rules(3).version, "programme": {"rate": 3}}


def test_a_change_that_cannot_be_written_down_is_not_made() -> None:
    shop = Shop()
    tag = shop.tag
    (shop.folder / AUDIT_FILE).mkdir()
    is_problem(shop.put(3, tag), 503, "audit_refuses")
    assert shop.journal.drafts == []


def test_a_put_needs_no_name_where_posts_do() -> None:
    shop = Shop(Choices(require_idempotency_key=True))
    assert shop.put(3).status_code == 200


def test_a_programme_that_is_refused_names_the_field() -> None:
    shop = Shop()
    document = is_problem(shop.put("three"), 422, "refused_programme")
    assert document["errors"][0]["field"] == "rate"
    assert shop.journal.drafts == []


def test_a_programme_larger_than_the_limit_is_refused() -> None:
    shop = Shop()
    body = b'{"rate":' + b" " * BODY_BYTES_MAX + b"1}"
    answer = shop.request("PUT", PATH, content=body, headers={"if-match": shop.tag})
    assert str(BODY_BYTES_MAX) in is_problem(answer, 413, "too_large")["detail"]


def test_segments_that_do_not_have_it_in_time_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SPREAD_S", 0.05)
    shop = Shop()
    shop.deaf = {2, 5}
    answer = shop.put(3)
    assert answer.status_code == 202 and answer.json()["pending_segments"] == 2
    shop.deaf = set()
    assert shop.put(4, answer.headers["etag"]).status_code == 200, "a later version will do"


def test_a_put_that_is_not_answered_gives_up_and_says_what_is_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "ANSWER_S_MAX", 0.05)
    shop = Shop()
    shop.journal.replies = lambda _: None
    is_problem(shop.put(3), 503, "unanswered")
    assert shop.answers.waiting == []
    shop.parked = [ParkedRow(HOME, NAME, SUBJECT, 5, "KeyError", 3, 1)]
    is_problem(shop.put(3), 503, "parked")


def test_a_lost_segment_promises_nothing() -> None:
    shop = Shop()
    shop.journal.lost = True
    is_problem(shop.put(3), 503, "segment_lost")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Match": "3"}, {"If-Match": 'W/"3"'}, {"If-Match": '"3", "4"'}, {"If-Match": "*"}, {"If-None-Match": "*"},
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
