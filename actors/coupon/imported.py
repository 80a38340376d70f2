"""The actor of imported codes, which a shop brings from elsewhere: each is a subject, `code:ABC123`, and for one use.

To its user an imported code is as a public one: his coupon is made when it is first held or used, and is gone again
when that is undone. What is public is good for everybody, though, and of an imported code only one user may have the
use, wherever he lives. So the code itself decides, in the order of its own log. A user's command that names it travels
there and comes back (`coupon.fetched`) with the code lent to that user, or with why not; meanwhile nobody has to
remember it.

What is lent and neither held nor used goes back, as does what is released or rolled back. One user may be lent a code
several times, since he may send two commands at once; each loan comes back by itself, but for the one that he keeps:

    out = answers on their way + 1 while he holds it or has used it

so the code is free when nothing is out, and never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from actors.coupon.reasons import Code
from actors.coupon.spelling import SUBJECT
from supervision.domain import Domain, Event
from supervision.outputs import Emit, Output

IMPORT = "coupon.import"
FETCH = "coupon.fetch"
FETCHED = "coupon.fetched"
RETURN = "coupon.return"


class ImportedCode(msgspec.Struct, array_like=True):
    """Of `template` since the entry at offset `at` (empty: nobody brought it). `user` has it, by `out` loans."""

    format: int = 1
    template: str = ""
    at: int = 0
    user: str = ""
    out: int = 0


class ImportCode(msgspec.Struct, frozen=True, gc=False):
    """The door to a code: you are the template's. Whose it is already it stays."""

    template: str


class Fetch(msgspec.Struct, frozen=True, gc=False):
    """A user to a code: my command of `kind` names you."""

    user: str
    kind: str
    command: msgspec.Raw


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """A code to a user: your command goes on. `code` is lent to you for it, and is `template`'s; or `refused` says why
    not.
    """

    code: str
    template: str
    refused: str
    kind: str
    command: msgspec.Raw

    @property
    def lent(self) -> str:
        """The code, if it is."""
        return "" if self.refused else self.code


class Return(msgspec.Struct, frozen=True, gc=False):
    """A user to a code: one loan of you is over."""

    user: str


class ImportedCodesActor(Domain[ImportedCode]):
    """One state for each code that was brought."""

    name: ClassVar[str] = "coupon_codes"
    reacts_to: ClassVar[Mapping[str, Any]] = {IMPORT: ImportCode, FETCH: Fetch, RETURN: Return}
    state_type = ImportedCode
    format = 1
    parks = "subject"
    holds_money = True

    def fresh(self, subject: str) -> ImportedCode:
        return ImportedCode()

    def check(self, state: ImportedCode) -> None:
        assert bool(state.user) == (state.out > 0) and state.out >= 0, state
        assert state.template or not state.user, state

    def react(self, state: ImportedCode, event: Event) -> Iterator[Output]:
        match event.body:
            case ImportCode(template=template):
                if not state.template:
                    state.template, state.at = template, event.entry.offset
            case Fetch() as fetch:
                yield _lend(state, event.subject.removeprefix(SUBJECT), fetch)
            case Return(user=user):
                assert user == state.user, f"{user} returns what {state.user} has"
                state.out -= 1
                state.user = user if state.out else ""
            case _:
                raise TypeError(f"{event.entry.kind} is not about a code")

    def discarded(self, state: ImportedCode, event: Event) -> Iterable[Output]:
        """What is said between a code and its users is carried out all the same, as in stock.py."""
        return self.react(state, event)


def refused(code: ImportedCode, user: str) -> Code | None:
    """Why `user` cannot have the code."""
    if not code.template:
        return Code.UNKNOWN_CODE
    return None if code.user in ("", user) else Code.NOT_YOURS


def _lend(state: ImportedCode, code: str, fetch: Fetch) -> Emit:
    why = refused(state, fetch.user)
    if why is None:
        state.user, state.out = fetch.user, state.out + 1
    template = state.template if why is None else ""
    fetched = Fetched(code, template, why or "", fetch.kind, fetch.command)
    return Emit(FETCHED, fetched, subject=f"user:{fetch.user}", same_depth=True)


def fetch(code: str, user: str, kind: str, command: bytes) -> Emit:
    """The user's command goes to the code that it names."""
    return Emit(FETCH, Fetch(user, kind, msgspec.Raw(command)), subject=SUBJECT + code, same_depth=True)


def back(code: str, user: str) -> Emit:
    """What was lent to the user goes back."""
    return Emit(RETURN, Return(user), subject=SUBJECT + code, same_depth=True)
