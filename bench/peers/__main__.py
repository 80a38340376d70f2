"""`python -m bench peers [--events N] [--rounds N] [--only abf] [--redis-fsync always|everysec] [--no-latency]`.

Rounds of all contestants on one broker, each round beginning with another one, so that what else the machine does
hits all alike; then each twice more for latencies, at half its own median rate and at one rate that all can keep. A
contestant that fails is said and left out of that round; the others go on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from bench.peers.contestants import CONTESTANTS, Contestant
from bench.peers.run import USERS, Drained, Paced, Stage, drain, pace
from bench.process import Failed, end_in_order
from bench.redis_node import PrivateRedis
from bench.report import Number, report
from topology.broker_node import PrivateBroker

EVENTS_MIN = 500
QUIET_RATE = 40.0
"""Events a second, for latencies without load: as many as the slowest can."""
PACKAGES = ("celery", "kombu", "dramatiq", "faststream", "aio-pika", "redis")
OUTCOMES = ("rates", "latencies", "failures")


class Contest:
    """What has been measured so far."""

    def __init__(self, stage: Stage, contestants: Sequence[Contestant], events: int) -> None:
        self._stage = stage
        self._contestants = contestants
        self._events = events
        self.drained: list[Drained] = []
        self.paced: list[Paced] = []
        self.failures: list[str] = []

    def round(self, number: int) -> None:
        """All once, beginning with the `number`-th."""
        turn = number % len(self._contestants)
        for contestant in (*self._contestants[turn:], *self._contestants[:turn]):
            try:
                run = drain(self._stage, contestant, max(EVENTS_MIN, int(self._events * contestant.share)))
            except Exception as failed:  # whatever it was, the others go on
                self._fail(contestant, failed)
                continue
            self.drained.append(run)
            print(f"  round {number + 1}  ({run.letter}) {run.rate:8,.0f} events/s  {run.seconds:5.1f} s", flush=True)

    def latencies(self) -> None:
        for contestant in self._contestants:
            half = self.rate(contestant.letter) / 2
            if half:
                self._pace(contestant, QUIET_RATE, "quiet")
                self._pace(contestant, half, "half load")

    def _pace(self, contestant: Contestant, rate: float, load: str) -> None:
        try:
            run = pace(self._stage, contestant, rate, load)
        except Exception as failed:
            self._fail(contestant, failed)
            return
        self.paced.append(run)
        print(
            f"  {load:9} ({run.letter}) {rate:8,.0f} events/s  p50 {run.p50_ms:7,.1f} ms  p99 {run.p99_ms:7,.1f} ms",
            flush=True,
        )

    def _fail(self, contestant: Contestant, failed: Exception) -> None:
        text = str(failed) if isinstance(failed, Failed) else f"{type(failed).__name__}: {failed}"
        self.failures.append(f"({contestant.letter}) {contestant.name}: {text}")
        print(f"  ({contestant.letter}) failed: {text}", file=sys.stderr, flush=True)

    def rate(self, letter: str) -> float:
        """The median of its rounds; 0 when all failed."""
        rates = [run.rate for run in self.drained if run.letter == letter]
        return median(rates) if rates else 0.0

    def numbers(self) -> list[Number]:
        found: list[Number] = []
        for contestant in self._contestants:
            runs = [run for run in self.drained if run.letter == contestant.letter]
            if runs:
                found += self._of(contestant, runs)
        return found + self._ratios()

    def _of(self, contestant: Contestant, runs: Sequence[Drained]) -> list[Number]:
        tag = f"({contestant.letter})"
        goal = ">= 3,000" if contestant.name == "ganglion" else ""
        found = [
            Number(f"{tag} {contestant.what}", self.rate(contestant.letter), "events/s", goal),
            Number(f"{tag} with the start of its processes", median(run.whole_rate for run in runs), "events/s"),
            Number(f"{tag} CPU of its processes", median(run.own_us for run in runs), "us/event"),
            Number(f"{tag} CPU with broker, Redis and receiver", median(run.total_us for run in runs), "us/event"),
            Number(f"{tag} effects received twice", sum(run.again for run in runs), ""),
        ]
        for paced in self.paced:
            if paced.letter == contestant.letter:
                found += [
                    Number(f"{tag} event to effects, {paced.load}, half within", paced.p50_ms, "ms"),
                    Number(f"{tag} event to effects, {paced.load}, 99 of 100 within", paced.p99_ms, "ms"),
                ]
        return found

    def table(self) -> list[str]:
        """A line each: rate, how many times that is in ours, CPU, latencies."""
        head = f"{'':52}{'events/s':>9}{'(f) is':>9}{'own us':>8}{'all us':>8}{'MiB':>7}"
        found = [head + f"{'quiet p50':>11}{'p99':>7}{'half p50':>10}{'p99':>7} ms"]
        for contestant in self._contestants:
            runs = [run for run in self.drained if run.letter == contestant.letter]
            if runs:
                found.append(self._row(contestant, runs))
        return found

    def _row(self, contestant: Contestant, runs: Sequence[Drained]) -> str:
        rate = self.rate(contestant.letter)
        waits = {paced.load: (paced.p50_ms, paced.p99_ms) for paced in self.paced if paced.letter == contestant.letter}
        quiet, half = waits.get("quiet", (0.0, 0.0)), waits.get("half load", (0.0, 0.0))
        cpu, total, memory = (
            median(getattr(run, part) for run in runs) for part in ("own_us", "total_us", "memory_mib")
        )
        return (
            f"({contestant.letter}) {contestant.what:48}{rate:9,.0f}{self.rate('f') / rate:8.2f}x"
            f"{cpu:8,.0f}{total:8,.0f}{memory:7,.0f}"
            f"{quiet[0]:11,.1f}{quiet[1]:7,.0f}{half[0]:10,.1f}{half[1]:7,.0f}"
        )

    def _ratios(self) -> list[Number]:
        goals = {"a": ">= 0.5", "c": ">= 3"}
        ours = self.rate("f")
        return [
            Number(f"(f) / ({each.letter})", ours / self.rate(each.letter), "times", goals.get(each.letter, ""))
            for each in self._contestants
            if ours and each.letter != "f" and self.rate(each.letter)
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench peers", description="Ganglion beside what people would use")
    parser.add_argument("--events", type=int, default=40_000, help="of the fast ones; the others get their share")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="".join(each.letter for each in CONTESTANTS), help="letters, as in `abf`")
    parser.add_argument("--redis-fsync", choices=("always", "everysec"), default="always")
    parser.add_argument("--no-latency", action="store_true")
    parser.add_argument("--data", type=Path, default=None, help="where broker, Redis and stores go")
    options = parser.parse_args()
    end_in_order()
    chosen = [each for each in CONTESTANTS if each.letter in options.only]
    with (
        tempfile.TemporaryDirectory(dir=options.data) as folder,
        PrivateBroker(Path(folder) / "broker") as broker,
        PrivateRedis(Path(folder) / "redis", options.redis_fsync) as redis,
    ):
        contest = Contest(Stage(broker.url(), redis, Path(folder)), chosen, options.events)
        for number in range(options.rounds):
            contest.round(number)
        if not options.no_latency:
            contest.latencies()
    redis_said = f"appendfsync {options.redis_fsync}"
    settings = {"events": options.events, "rounds": options.rounds, "users": USERS, "redis": redis_said}
    details = {
        "drained": msgspec.to_builtins(contest.drained), "paced": msgspec.to_builtins(contest.paced),
        "failures": contest.failures,
    }  # fmt: skip
    report("peers", contest.numbers(), settings, "; ".join(contest.failures), details, PACKAGES, contest.table())


if __name__ == "__main__":
    main()
