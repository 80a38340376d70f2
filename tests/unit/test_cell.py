"""The cell: what stays and what goes when a behaviour crashes."""

from __future__ import annotations

import re

import pytest
from pykka import ActorDeadError

from supervision.counters import Tally
from supervision.orders import Crashed, Finish, Finished, Halt, Halted, Incarnate, Park, Started, Stopped
from supervision.runtime import ChildSpec, SparesBudget
from tests.cells import FailingStart, Probe, Recorder, ask, both_runtimes, lone_cell, probe, running, settle


@both_runtimes
def test_a_crash_makes_a_new_object_and_keeps_address_mail_and_order(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a"), above)
        cell.address.tell("one")
        cell.address.tell(RuntimeError("boom"))
        later = [cell.actor_ref.ask(word, block=False) for word in ("two", "three", "four")]
        settle(runtime, lambda: bool(above.of(Crashed)))
        cell.address.tell(Incarnate())
        assert [future.get(timeout=5) for future in later] == [1, 2, 3]
        assert cell.incarnation == 2


@both_runtimes
def test_a_crash_is_told_as_text_with_the_places_it_came_through(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a"), above)
        cell.address.tell(ValueError("of all things"))
        settle(runtime, lambda: bool(above.of(Crashed)))
        (crash,) = above.of(Crashed)
        assert (crash.child, crash.incarnation, crash.kind, crash.text) == ("a", 1, "ValueError", "of all things")
        assert re.fullmatch(r"\w+\.py:\d+ \w+( < \w+\.py:\d+ \w+){1,3}", crash.where)
        assert "receive" in crash.where
        assert not crash.spares_budget
        assert cell.state == "backing off"


@both_runtimes
def test_a_crash_that_spares_the_budget_says_so(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        lone_cell(runtime, probe("a"), above).address.tell(SparesBudget("a poisonous entry"))
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert above.of(Crashed)[0].spares_budget


@both_runtimes
def test_what_is_told_before_the_first_incarnation_waits_for_it(kind: str) -> None:
    with running(kind) as runtime:
        cell = lone_cell(runtime, probe("a"), first=False)
        early = cell.actor_ref.ask("early", block=False)
        assert cell.state == "waiting"
        cell.address.tell(Incarnate())
        assert early.get(timeout=5) == 1


@both_runtimes
@pytest.mark.parametrize("spec", [ChildSpec("a", FailingStart), ChildSpec("a", lambda me: 1 / 0)])  # type: ignore[arg-type]
def test_a_failing_factory_or_start_is_a_crash_of_that_incarnation(kind: str, spec: ChildSpec) -> None:
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, spec, above)
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert not above.of(Started)
        assert above.of(Crashed)[0].incarnation == 1
        assert cell.behaviour is None


@both_runtimes
def test_a_halt_ends_the_incarnation_in_good_order_and_keeps_the_mail(kind: str) -> None:
    with running(kind) as runtime:
        above, book = Recorder(), list[str]()
        cell = lone_cell(runtime, probe("a", book), above)
        cell.address.tell(Halt())
        settle(runtime, lambda: bool(above.of(Halted)))
        waiting = cell.actor_ref.ask("later", block=False)
        cell.address.tell(Incarnate())
        assert waiting.get(timeout=5) == 1
        assert book == ["a started", "a stopping", "a started"]


@both_runtimes
def test_a_final_halt_refuses_asks_and_counts_tells(kind: str) -> None:
    with running(kind) as runtime:
        above, counters = Recorder(), Tally()
        cell = lone_cell(runtime, probe("a"), above, counters)
        cell.address.tell(Halt(final=True))
        waiting = cell.actor_ref.ask("too late", block=False)
        cell.address.tell("too late as well")
        settle(runtime, cell.ended.is_set)
        cell.address.tell("much too late")
        with pytest.raises(ActorDeadError):
            waiting.get(timeout=5)
        with pytest.raises(ActorDeadError):
            ask(cell, "never")
        assert counters.counted("dropped_messages") == 2
        assert above.of(Stopped)
        assert cell.state == "stopped"


@both_runtimes
def test_a_stop_overtakes_a_restart_that_has_not_come(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a"), above)
        cell.address.tell(RuntimeError("boom"))
        waiting = cell.actor_ref.ask("in the stash", block=False)
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert cell.actor_ref.stop(timeout=5)
        with pytest.raises(ActorDeadError):
            waiting.get(timeout=5)


@both_runtimes
def test_an_error_while_stopping_does_not_keep_the_cell_from_stopping(kind: str) -> None:
    class BadEnd(Probe):
        def stopping(self) -> None:
            raise SystemExit("not like this")

    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, ChildSpec("a", BadEnd), above)
        cell.address.tell(Halt(final=True))
        settle(runtime, cell.ended.is_set)
        assert above.of(Stopped)
        assert not above.of(Crashed)


@both_runtimes
def test_a_parked_child_is_its_stand_in_and_says_when_it_wants_back(kind: str) -> None:
    reasons = list[str]()

    def stand_in(me: object, reason: str) -> Probe:
        reasons.append(reason)
        return Probe(me)  # type: ignore[arg-type]

    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a", parked_factory=stand_in), above, first=False)
        cell.address.tell(Park("poison"))
        assert ask(cell, "hello") == 1
        assert cell.state == "parked"
        assert reasons == ["poison"]
        cell.address.tell(Finish())
        settle(runtime, lambda: bool(above.of(Finished)))
        assert above.of(Finished) == [Finished("a", parked=True)]


@both_runtimes
def test_a_stale_finish_of_a_crashed_incarnation_is_nothing(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        cell = lone_cell(runtime, probe("a"), above)
        cell.address.tell(RuntimeError("boom"))
        cell.address.tell(Finish())
        cell.address.tell(Incarnate())
        assert ask(cell, "hello") == 1
        assert not above.of(Finished)


@both_runtimes
def test_an_exception_that_cannot_be_described_is_still_told(kind: str) -> None:
    class Hostile(Exception):
        def __str__(self) -> str:
            raise SystemExit("no text for you")

    with running(kind) as runtime:
        above = Recorder()
        lone_cell(runtime, probe("a"), above).address.tell(Hostile())
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert above.of(Crashed)[0].kind == "Hostile"


@both_runtimes
def test_the_text_of_a_crash_is_bounded(kind: str) -> None:
    with running(kind) as runtime:
        above = Recorder()
        lone_cell(runtime, probe("a"), above).address.tell(RuntimeError("x" * 10_000_000))
        settle(runtime, lambda: bool(above.of(Crashed)))
        assert len(above.of(Crashed)[0].text) == 2_048
