"""Stop buttons over HTTP, below HTTP: which version of what is stopped a press makes, what is stopped, and who did it.

What is stopped is a programme (actors/stops). Its versions are its history, with who pressed and why, and are kept for
ever; a page of them is answered at a time.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors import mistakes
from actors.commands import Refusal
from actors.fields import text_code
from actors.forms import text_rule
from actors.programmes.messages import NAME, ProgrammeChanged, subject_of
from actors.stops import stops
from actors.stops.stops import PROGRAMME, REASON_BYTES_MAX, Scope, Stopped, Stops, Verb
from gateway.campaigns import Campaigns
from gateway.lines import Lines
from gateway.listed import bad_field
from gateway.problems import Problem
from gateway.programmes import Active, Programmes, Wanted
from gateway.queries import before_of
from gateway.readers import ReaderPool
from supervision.clock import Clock
from supervision.entry import segment_of
from supervision.envelope import rfc3339
from supervision.store import Reader

_stops = msgspec.json.Decoder(Stops).decode
_changed = msgspec.json.Decoder(ProgrammeChanged).decode


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/stop` and `/v1/go`."""

    scope: Scope
    reason: str = ""


class StoppedScope(msgspec.Struct, frozen=True):
    """`by` whom and `since` when it is stopped; `scope` is `all`, `channel:…` or `campaign:…`."""

    scope: str
    by: str
    reason: str
    since: str


class Pressed(msgspec.Struct, frozen=True):
    """A press of a button that changed something."""

    number: int
    at: str
    by: str
    verb: Literal["stop", "go"]
    scope: str
    reason: str


class StopsPage(msgspec.Struct, frozen=True):
    """Answer of `GET /v1/stops`: what is stopped, and presses, newest first."""

    stopped: list[StoppedScope]
    history: list[Pressed]
    next_cursor: str | None
    has_more: bool


class StopButtons:
    """Any thread may call; blocks for as long as the store takes."""

    def __init__(
        self, programmes: Programmes, campaigns: Campaigns, readers: ReaderPool, segments: int, clock: Clock
    ) -> None:
        self._programmes = programmes
        self._campaigns = campaigns
        self._readers = readers
        self._segments = segments
        self._clock = clock

    def read(self, body: bytes) -> Press:
        """Raises Problem `not_json`, `bad_field`, and `unknown_campaign` for one that there is not."""
        try:
            press = msgspec.json.decode(body, type=Press)
        except msgspec.ValidationError as error:
            raise bad_field(mistakes.refusal(error, Press)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem("not_json", "the body must be JSON in UTF-8, of whole characters") from None
        if press.reason and (code := text_code(press.reason, REASON_BYTES_MAX)):
            raise bad_field(Refusal(code, "reason", f"reason must be {text_rule(REASON_BYTES_MAX)}"))
        if isinstance(scope := stops.scope_of(press.scope), Refusal):
            raise bad_field(scope)
        if press.scope.campaign is not None:
            self._campaigns.shown(press.scope.campaign)
        return press

    def wanted(self, verb: Verb, press: Press, by: str) -> Wanted | Active:
        """The version that the press makes of the present one; the present one where it changes nothing."""
        present = self._programmes.active(PROGRAMME)
        before = _stops(present.body) if present.number else Stops()
        scope = stops.scope_of(press.scope)
        assert isinstance(scope, str), "it was read"
        if verb == "stop":
            after = stops.stop(before, Stopped(scope, by, press.reason, self._clock.now_ms()))
        else:
            after = stops.go(before, scope, press.reason)
        if after is before:
            return present
        return self._programmes.read(PROGRAMME, after.canonical, present.version, by)

    def page(self, limit: int, cursor: str | None) -> StopsPage:
        """Raises Problem for a cursor that is none."""
        before = None if cursor is None else before_of(cursor)
        present = self._programmes.active(PROGRAMME)
        now = _stops(present.body) if present.number else Stops()
        with self._readers.one() as reader:
            found = self._lines(reader).page(before, limit)
        stopped = [StoppedScope(one.scope, one.by, one.reason, rfc3339(one.at)) for one in now.stopped]
        return StopsPage(stopped, found.data, found.next_cursor, found.has_more)

    def _lines(self, reader: Reader) -> Lines[Pressed]:
        subject = subject_of(PROGRAMME)
        return Lines(reader, segment_of(subject, self._segments), NAME, subject, _pressed)


def _pressed(record: bytes) -> Pressed:
    changed = _changed(record)
    pressed = _stops(changed.body).pressed
    assert pressed is not None, f"version {changed.number} of what is stopped came by no button"
    return Pressed(changed.number, rfc3339(changed.at), changed.by, pressed.verb, pressed.scope, pressed.reason)
