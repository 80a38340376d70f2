"""`run.py publish`: where lines go, and that only confirmed ones count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from actors.registry import COMMANDS
from topology import publish_file
from topology.ports import Confirm, Confirms, Lost, Opened, Outgoing
from topology.publish_file import WINDOW_MAX, PublishFailed, addressed, publish_all

LINE = b'{"event_type":"points_change","user_id":"7","change_type":"decrease","points":5,"reason":"gift shop"}'


class Port:
    """Confirms whatever it is given, after `script`'s answers."""

    def __init__(self, dies_after: int | None = None, refuses: frozenset[int] = frozenset()) -> None:
        self.sent = 0
        self.largest = 0
        self._dies_after, self._refuses = dies_after, refuses

    def connect(self, to: Any) -> int:
        self._to = to
        to.tell(Opened(1))
        return 1

    def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
        first, self.sent = self.sent + 1, self.sent + len(messages)
        self.largest = max(self.largest, len(messages))
        if self._dies_after is not None and self.sent > self._dies_after:
            if self._dies_after >= first:
                self._to.tell(Confirms(1, [Confirm(self._dies_after, True, True)]))
            self._to.tell(Lost(1, "gone"))
            return
        self._to.tell(
            Confirms(1, [Confirm(tag, False, tag not in self._refuses) for tag in range(first, self.sent + 1)])
        )

    def drop(self, generation: int) -> None:
        """Nothing to drop."""


def test_a_line_goes_where_its_event_type_belongs() -> None:
    (sent,) = addressed([LINE, b"  ", b"\n"], COMMANDS)
    assert (sent.exchange, sent.key, sent.body) == ("marketing.points.events", "points.decrease.gift_shop", LINE)


def test_a_line_that_belongs_nowhere_is_named_unless_the_caller_says_where() -> None:
    with pytest.raises(ValueError, match="line 2: the message is not JSON"):
        list(addressed([LINE, b"bad"], COMMANDS))
    with pytest.raises(ValueError, match="line 1: unknown event_type"):
        list(addressed([b"{}"], COMMANDS))
    (sent,) = addressed([b"bad"], COMMANDS, "x", "k")
    assert (sent.exchange, sent.key, sent.body) == ("x", "k", b"bad")


def test_every_message_is_confirmed_within_the_window() -> None:
    port, steps = Port(), list[int]()
    done = publish_all(port, addressed([LINE] * 5_000, COMMANDS), steps.append)
    assert (done.confirmed, done.refused, sum(steps), port.sent) == (5_000, 0, 5_000, 5_000)
    assert port.largest <= WINDOW_MAX


def test_nothing_to_publish_is_not_an_error() -> None:
    assert publish_all(Port(), [], lambda _: None).confirmed == 0


def test_refused_messages_are_counted() -> None:
    done = publish_all(Port(refuses=frozenset({3, 4})), addressed([LINE] * 10, COMMANDS), lambda _: None)
    assert (done.confirmed, done.refused) == (8, 2)


def test_a_lost_connection_says_from_where_to_go_on() -> None:
    with pytest.raises(PublishFailed, match="go on from message 601") as failed:
        publish_all(Port(dies_after=600), addressed([LINE] * 2_000, COMMANDS), lambda _: None)
    assert failed.value.confirmed == 600


def test_a_silent_broker_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_file, "ANSWER_S_MAX", 0.05)

    class Silent(Port):
        def publish(self, generation: int, messages: Sequence[Outgoing]) -> None:
            """Not a word."""

    with pytest.raises(PublishFailed, match="no word from the broker"):
        publish_all(Silent(), addressed([LINE], COMMANDS), lambda _: None)


@pytest.mark.parametrize("good", [2, WINDOW_MAX + 88])
def test_what_stands_before_a_bad_line_is_confirmed_and_counted(good: int) -> None:
    port = Port()
    with pytest.raises(PublishFailed, match=f"line {good + 1}: the message is not JSON.*the first {good} messages"):
        publish_all(port, addressed([*[LINE] * good, b"oops", LINE], COMMANDS), lambda _: None)
    assert port.sent == good
