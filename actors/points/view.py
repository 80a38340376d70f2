"""What a query may see of an account, from the bytes the store holds.

A lot past its time is not shown even if the timer that takes it away has yet to fire: nobody could spend it any more.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.points.ledger import FORMAT, Account, available_at

_decoder = msgspec.msgpack.Decoder(Account)


def shown(data: bytes, at: int) -> tuple[int, Sequence[tuple[int, int]]]:
    """(available, [(points, expires)...]) at `at`, soonest to expire first; all times ms since 1970 UTC.

    Raises ValueError (msgspec's, or ours for another format) when `data` is no account.
    """
    account = _decoder.decode(data)
    if account.format != FORMAT:
        raise ValueError(f"a points account in format {account.format}, this program reads {FORMAT}")
    lots = [(lot.points, lot.expires) for lot in account.lots if lot.expires > at]
    return available_at(account, at), lots
