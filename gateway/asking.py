"""Handing in one entry and waiting for what a domain says to it: the one way in which HTTP asks the engine for a word.

The journal is told who waits before it is told what to append, so that no answer is missed. Whoever gives up waiting
says so, since the journal would else keep him for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from supervision.messages import Append, AppendResult, AwaitReply, ForgetReply, Item, Told
from supervision.runtime import Address
from topology.wire import reply_key

Forget = Callable[[], None]
"""To be called when nobody waits any more; again, or when all was told, it is nothing."""


def ask(
    journal: Address, item: Item, domain: str, placed: Callable[[AppendResult | None], None], replied: Told
) -> Forget:
    """Append `item`, and hear what `domain` answers to it. Any thread.

    Both are called in the journal's thread: `placed` once, with None when the segment was lost to another owner;
    `replied` at most once, before or after it, until the returned function is called, and with None when too many wait
    for the same answer. An answer given before is in the store, and only there.
    """
    known_by = reply_key(item)

    def appended(results: Sequence[AppendResult] | None) -> None:
        placed(results[0] if results is not None else None)

    journal.tell(AwaitReply(known_by, domain, replied))
    journal.tell(Append((item,), appended, len(item.encoded)))
    return lambda: journal.tell(ForgetReply(known_by, domain, replied))
