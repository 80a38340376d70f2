"""Families of programmes: things of one kind, each put under its own id and each with a status.

A member is a programme under the name `PREFIX:ID`, which is its subject too: versions are counted and compared there,
and every segment's log says from where on which version counts. A change of status is a version like any other, so the
body of a version is the status beside the member's own JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from actors import normal_form
from actors.commands import NOT_JSON, Refusal
from actors.programmes.kind import Kind, KindOf

S = TypeVar("S", bound=str)


class Listing(msgspec.Struct, frozen=True):
    """A member with a status. `canonical` is JSON, the same for the same, and `version` its hash."""

    canonical: bytes

    @property
    def version(self) -> str:
        return normal_form.version(self.canonical)


class Numbered(Protocol):
    """What a segment knows of a member."""

    @property
    def number(self) -> int: ...


class Family(Generic[S]):
    """`member` is what its members are called in a version's body, `prefix` what their names begin with. `may_become`
    has every status, and which ones may follow it.
    """

    def __init__(self, prefix: str, member: str, may_become: Mapping[S, Sequence[S]]) -> None:
        self.prefix = prefix
        self.may_become = may_become
        self._member = member
        self._statuses: Mapping[str, S] = {status: status for status in may_become}

    def subject_of(self, id: str) -> str:
        return self.prefix + id

    def id_of(self, name: str) -> str:
        """The member's id, when `name` is that of one; else empty."""
        return name.removeprefix(self.prefix) if name.startswith(self.prefix) else ""

    def body(self, status: S, json: bytes) -> bytes:
        """What is put for a member of that JSON."""
        return msgspec.json.encode({"status": status, self._member: msgspec.Raw(json)})

    def read(self, body: str) -> tuple[S, str]:
        """(status, the member's JSON) of what was put."""
        found = self._read(body.encode())
        assert found is not None, f"a version that was accepted is none: {body}"
        return found[0], found[1].decode()

    def parse(self, data: bytes, accept: Callable[[bytes], bytes | Refusal]) -> Listing | Refusal:
        """What is put as a version, or what is wrong with it; `accept` makes a member's JSON canonical or refuses."""
        found = self._read(data)
        if found is None:
            return NOT_JSON
        canonical = accept(found[1])
        return canonical if isinstance(canonical, Refusal) else Listing(self.body(found[0], canonical))

    def kind_of(
        self,
        domain: str,
        accept: Callable[[bytes], bytes | Refusal],
        listed_in: Callable[[bytes], Mapping[str, Numbered]],
    ) -> KindOf:
        """How its members are read at the door, and which versions `domain` holds: `listed_in` its shared state."""

        def kind(name: str) -> Kind:
            def number(state: bytes) -> int:
                found = listed_in(state).get(self.id_of(name))
                return found.number if found is not None else 0

            return Kind(domain, lambda data: self.parse(data, accept), number)

        return kind

    def _read(self, data: bytes) -> tuple[S, bytes] | None:
        try:
            fields = _fields(data)
            return self._statuses[_text(fields["status"])], bytes(fields[self._member])
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
            return None


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
