"""Waiting for a domain's word about a command: for its place in the log, then for the reply, each within a bound.

A repeat looks into the store first: it has most likely been answered long ago. Everybody else hears it from the
journal, and only who has waited suspiciously long looks whether an operator must decide first: that costs a read, and
on a good day nobody makes it.
"""

from __future__ import annotations

import asyncio
from functools import partial

from gateway.answers import ANSWER_S_MAX, LOOP_BYTES_MAX, Threads, Waiter
from gateway.commands import Call, Commands, Done, Handed, Placed, outcome
from gateway.problems import Declined, Problem

FIRST_LOOK_S = 1.0
LOOK_S_MAX = 4.0


async def answered(
    commands: Commands, call: Call, threads: Threads, seconds: float = ANSWER_S_MAX
) -> tuple[Placed, Done | Declined]:
    """Carry out `call`, or find out what came of it before. Raises Problem when that cannot be said.

    The place and the answer are durable. To be awaited on the loop; `seconds` bounds each of the two waits.
    """
    placing: Waiter[Placed | Problem] = Waiter()
    replying: Waiter[bytes | None] = Waiter()
    hand_in = partial(commands.hand_in, call, placing.answer, replying.answer)
    handed = hand_in() if len(call.body) <= LOOP_BYTES_MAX else await threads.run(hand_in)
    try:
        placed = await placing.within(seconds)
        if isinstance(placed, Problem):
            raise placed
        reply = await threads.run(partial(commands.stored, handed)) if placed.repeat else None
        if reply is None:
            reply = await _heard(replying, commands, handed, placed, threads, seconds)
    finally:
        handed.forget()
    return placed, outcome(placed, reply)


async def _heard(
    reply: Waiter[bytes | None], commands: Commands, handed: Handed, placed: Placed, threads: Threads, seconds: float
) -> bytes:
    """The reply; raises Problem `parked` as soon as that is seen, `busy` and `unanswered`."""
    loop = asyncio.get_running_loop()
    deadline, pause_s = loop.time() + seconds, FIRST_LOOK_S
    while not reply.done() and (left_s := deadline - loop.time()) > 0:
        await asyncio.wait((reply,), timeout=min(pause_s, left_s))
        pause_s = min(pause_s * 2, LOOK_S_MAX)
        if not reply.done() and (problem := await threads.run(partial(commands.parked, handed, placed.at.offset))):
            raise problem
    found = await reply.within(0)
    if found is None:
        raise Problem("busy", "too many wait for answers; it was taken, ask again under the same Idempotency-Key")
    return found
