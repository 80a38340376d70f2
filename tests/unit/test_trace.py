"""The trace."""

from __future__ import annotations

from supervision.trace import TRACE_PARTS_MAX, Trace


def traced(*steps: tuple[str, object]) -> str:
    trace = Trace()
    for actor, message in steps:
        trace.add(actor, message)
    return trace.hexdigest()


def test_the_digest_is_of_actors_and_message_types_in_order() -> None:
    assert traced(("a", 1), ("b", "x")) == traced(("a", 2), ("b", "y"))
    assert traced(("a", 1), ("b", "x")) != traced(("b", "x"), ("a", 1))
    assert traced(("a", 1)) != traced(("a", "1"))


def test_looking_at_the_digest_or_filling_the_buffer_does_not_change_it() -> None:
    looked, not_looked = Trace(), Trace()
    for n in range(3 * TRACE_PARTS_MAX + 7):
        for trace in (looked, not_looked):
            trace.add(f"a{n % 3}", n)
        if n % 100 == 0:
            looked.hexdigest()
    assert looked.hexdigest() == not_looked.hexdigest()
    assert looked.steps == 3 * TRACE_PARTS_MAX + 7


def test_a_note_changes_the_digest_and_is_no_step() -> None:
    trace, plain = Trace(), Trace()
    trace.note("kill engine")
    assert trace.hexdigest() != plain.hexdigest()
    assert trace.steps == 0
