"""Programmes of which there are many, each with a status: what may be put in the place of what, below HTTP.

Coupon templates and campaigns are put, switched and listed alike; how their versions spread is the matter of
programmes.py. A family says in `Words` what it is called and what becomes of what; what it asks besides, before a
version is in the log and everybody obeys it, is told by the methods that it overrides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import msgspec

from actors.commands import Refusal
from actors.fields import text_code
from actors.forms import text_rule
from actors.programmes.listing import Family
from gateway.pages import encoded, page
from gateway.problems import FieldError, Problem
from gateway.programmes import Active, Programmes, Wanted


class Words(msgspec.Struct, frozen=True):
    """What a member of `family` is called. What has the status `last` stays as it is."""

    noun: str
    unknown: str
    """The problem's code, of an id that there is not."""
    id_bytes_max: int
    first: str
    last: str
    family: Family[Any]


class Shown(msgspec.Struct, frozen=True):
    """The version in force: its own JSON, and its status."""

    active: Active
    status: str
    json: bytes


class Put(NamedTuple):
    """A put that was read. `warnings`: it is taken all the same."""

    wanted: Wanted
    warnings: tuple[FieldError, ...] = ()


class Normal(NamedTuple):
    """What somebody wants to put, as it is kept."""

    json: bytes
    warnings: tuple[FieldError, ...] = ()


class PageOfIds(NamedTuple):
    ids: list[str]
    next_cursor: str | None
    has_more: bool


class Listed:
    """Any thread may call; blocks for as long as the store takes."""

    words: ClassVar[Words]

    def __init__(self, programmes: Programmes) -> None:
        self._programmes = programmes

    def find(self, id: str) -> Shown | None:
        """The version in force, None when there was never one. Raises Problem `unknown_…` for what is no id."""
        words = self.words
        if text_code(id, words.id_bytes_max):
            raise Problem(words.unknown, f"the id of a {words.noun} must be {text_rule(words.id_bytes_max)}")
        active = self._programmes.active(words.family.subject_of(id))
        if not active.body:
            return None
        status, json = words.family.read(active.body.decode())
        return Shown(active, status, json.encode())

    def shown(self, id: str) -> Shown:
        """Raises Problem `unknown_…`."""
        found = self.find(id)
        if found is None:
            raise Problem(self.words.unknown, f"there is no {self.words.noun} {id!a}")
        return found

    def read(self, id: str, json: bytes, if_match: str, by: str) -> Put:
        """What it is to put `json`: a new one has the first status, another keeps its own. Nothing is done yet.

        Raises Problem `not_json`, `refused_programme`, `no_such_change`, and as Programmes.read does.
        """
        before, words = self.find(id), self.words
        if before is not None and before.status == words.last:
            raise Problem("no_such_change", f"the {words.noun} {id} is {words.last}, and stays as it is")
        normal = self.normal(id, json)
        wanted = self._wanted(id, words.first if before is None else before.status, normal.json, if_match, by)
        if problem := next(self.put_problems(id, before, wanted.new.canonical.decode()), None):
            raise refused(problem)
        return Put(wanted, normal.warnings)

    def become(self, id: str, status: str, by: str) -> Wanted:
        """What it is to give it another status. Raises Problem `unknown_…`, `no_such_change`, `refused_programme`."""
        before = self.shown(id)
        if status != before.status and status not in self.words.family.may_become[before.status]:
            raise Problem("no_such_change", f"the {self.words.noun} {id} is {before.status} and cannot become {status}")
        if problem := next(self.become_problems(id, before, status), None):
            raise refused(problem)
        return self._wanted(id, status, before.json, before.active.version, by)

    # What a family asks and answers besides.

    def page(self, limit: int, cursor: str | None) -> Any:
        """Some of all, by id. Raises Problem for a cursor that is none."""
        raise NotImplementedError(self.words.noun)

    def normal(self, id: str, json: bytes) -> Normal:
        """What is kept of `json`. Raises Problem: what is no JSON cannot stand in a version's body."""
        try:
            msgspec.json.decode(json)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem("not_json", f"a {self.words.noun} must be JSON in UTF-8, of whole characters") from None
        return Normal(json)

    def put_problems(self, id: str, before: Shown | None, new: str) -> Iterator[Refusal]:
        """What is against the version `new` in the place of `before`."""
        yield from ()

    def become_problems(self, id: str, before: Shown, status: str) -> Iterator[Refusal]:
        """What is against another status."""
        yield from ()

    def _wanted(self, id: str, status: str, json: bytes, if_match: str, by: str) -> Wanted:
        family = self.words.family
        return self._programmes.read(family.subject_of(id), family.body(status, json), if_match, by)


def by_id(ids: Iterable[str], limit: int, cursor: str | None) -> PageOfIds:
    """A page of them, in order. Raises Problem for a cursor that is none."""
    rows = page(list(ids), _key, tuple[str], limit, cursor)
    has_more = len(rows) > limit
    return PageOfIds(list(rows[:limit]), encoded(_key(rows[limit - 1])) if has_more else None, has_more)


def refused(*why: Refusal) -> Problem:
    """What is wrong with a version; the first of it is the sentence."""
    return Problem("refused_programme", why[0].message, field_errors(why))


def bad_field(why: Refusal) -> Problem:
    """What is wrong with a question."""
    return Problem("bad_field", why.message, field_errors((why,)))


def field_errors(why: Iterable[Refusal]) -> tuple[FieldError, ...]:
    return tuple(FieldError(one.field, one.code, one.message) for one in why)


def _key(id: str) -> tuple[str]:
    return (id,)
