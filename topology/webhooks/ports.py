"""What the sender needs of a network: to post bytes and hear what became of them. http.py is the real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

Trouble = Literal["timeout", "unreachable", "address_refused", "bad_answer", "error"]


class Answered(msgspec.Struct, frozen=True):
    """The endpoint said `status`. `retry_after`: the header of that name as it was sent, or empty."""

    status: int
    retry_after: str = ""


class NotReached(msgspec.Struct, frozen=True):
    """There was no answer; the endpoint may have heard us all the same."""

    why: Trouble


Outcome = Answered | NotReached


class Letter(msgspec.Struct, frozen=True):
    """What is posted to `endpoint`, a configured name."""

    endpoint: str
    headers: Mapping[str, str]
    body: bytes


class NoTransport:
    """Where no endpoint is listed, and so nothing is posted."""

    def post(self, letter: Letter, done: Callable[[Outcome], None], /) -> None:
        raise NotImplementedError(letter.endpoint)


class Transport(Protocol):
    def post(self, letter: Letter, done: Callable[[Outcome], None], /) -> None:
        """Returns at once; `done` is called once, by any thread, within the endpoint's time limit or soon after."""
        ...
