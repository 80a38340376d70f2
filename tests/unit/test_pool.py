"""Cells on one thread. That they are cells like any other is tested where cells are, over all runtimes."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from supervision.cell import Cell
from supervision.clock import SystemClock
from tests.cells import DEADLINE_S, AllPooled, ask, lone_cell, probe, settle

SWITCH_INTERVAL_S = 1e-6
CELLS, SENDERS, MESSAGES = 8, 3, 400


@pytest.fixture
def runtime() -> Iterator[AllPooled]:
    runtime = AllPooled(SystemClock())
    yield runtime
    runtime.close()


def thread_of(cell: Cell) -> str:
    return ask(cell, lambda _: threading.current_thread().name)


def pool_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("cells-")}


def test_pooled_cells_share_a_thread_that_ends_with_the_runtime(runtime: AllPooled) -> None:
    cells = [lone_cell(runtime, probe(name)) for name in "abc"]
    assert {thread_of(cell) for cell in cells} == pool_threads()
    runtime.close()
    settle(runtime, lambda: not pool_threads())


def test_who_keeps_the_thread_is_left_alone_with_it_and_the_others_go_on(runtime: AllPooled) -> None:
    slow, other, gate = lone_cell(runtime, probe("slow")), lone_cell(runtime, probe("other")), threading.Event()
    answer = slow.actor_ref.ask(lambda _: gate.wait(DEADLINE_S), block=False)
    assert thread_of(other) != "cells-1"
    gate.set()
    assert answer.get(timeout=DEADLINE_S) is True
    # A thread that was replaced before it had a turn of its own ends after its first: so turns are given.
    settle(runtime, lambda: bool(thread_of(other)) and len(pool_threads()) == 1)
    assert "cells-1" not in pool_threads() == {thread_of(slow)} == {thread_of(other)}


def test_two_who_hang_do_not_hold_up_a_third(runtime: AllPooled) -> None:
    cells, gate = [lone_cell(runtime, probe(name)) for name in "abc"], threading.Event()
    for cell in cells[:2]:
        cell.address.tell(lambda _: gate.wait(DEADLINE_S))
    assert thread_of(cells[2]) not in {"cells-1", "cells-2"}
    gate.set()


def test_every_message_is_handled_once_and_each_sender_heard_in_order(runtime: AllPooled) -> None:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        cells = [lone_cell(runtime, probe(str(i))) for i in range(CELLS)]
        heard: list[list[tuple[int, int]]] = [[] for _ in cells]

        def send(sender: int) -> None:
            for n in range(MESSAGES):
                for cell, book in zip(cells, heard, strict=True):
                    cell.address.tell(lambda _, book=book, n=n: book.append((sender, n)))

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
        for thread in senders:
            thread.start()
        settle(runtime, lambda: all(len(book) == SENDERS * MESSAGES for book in heard))
    finally:
        sys.setswitchinterval(before_s)
    for book in heard:
        for sender in range(SENDERS):
            assert [n for who, n in book if who == sender] == list(range(MESSAGES))
