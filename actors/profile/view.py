"""What a query may see of a profile, from the bytes the store holds: all of it, since it is the user's own."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from actors.profile.facts import FORMAT, Fact, Profile

_decoder = msgspec.msgpack.Decoder(Profile)


def shown(data: bytes) -> Mapping[str, Fact]:
    """The facts by name. Raises ValueError (msgspec's, or ours for another format) when `data` is no profile."""
    profile = _decoder.decode(data)
    if profile.format != FORMAT:
        raise ValueError(f"a profile in format {profile.format}, this program reads {FORMAT}")
    return profile.facts
