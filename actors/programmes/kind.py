"""What must be known of a programme besides its versions: who can read it, and who obeys it.

The domain of programmes keeps bytes. What they mean is known to one domain, which says here how they are read at the
door and which version its segments hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from actors.commands import Refusal


class Parsed(Protocol):
    """A programme that was read and found good."""

    @property
    def version(self) -> str:
        """The hash of `canonical`."""
        ...

    @property
    def canonical(self) -> bytes:
        """JSON, the same for the same rules."""
        ...


NumberOf = Callable[[bytes], int]
"""Which version a domain's shared state, as stored, holds."""


class Kind(msgspec.Struct, frozen=True):
    """`domain` obeys it, and so does each of `others`."""

    domain: str
    parse: Callable[[bytes], Parsed | Refusal]
    number_of: NumberOf
    others: Mapping[str, NumberOf] = {}


KindOf = Callable[[str], Kind]
"""The kind of each programme of a family, by its name; see listing.py."""
