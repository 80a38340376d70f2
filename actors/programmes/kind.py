"""What must be known of a programme besides its versions: who can read it, and who obeys it.

The domain of programmes keeps bytes. What they mean is known to one domain, which says here how they are read at the
door and which version its segments hold.
"""

from __future__ import annotations

from collections.abc import Callable
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


class Kind(msgspec.Struct, frozen=True):
    """`number_of` says which version the domain's shared state, as stored, holds."""

    domain: str
    parse: Callable[[bytes], Parsed | Refusal]
    number_of: Callable[[bytes], int]


KindOf = Callable[[str], Kind]
"""The kind of each programme of a family, by its name; see listing.py."""
