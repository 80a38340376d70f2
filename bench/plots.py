"""Pictures of what bench/results holds: `python -m bench plots`. Drawn from the kept numbers, never from a run of its
own, so that a picture cannot show anything else than its table; a result that is not there is not drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import msgspec
from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports] - only in the benchmark's environment

from bench.report import RESULTS

OURS, OTHERS, LIMIT = "#c0392b", "#7f8c8d", "#34495e"
NAMES = {
    "a": "pika alone\n(no work)", "b": "pika + Redis,\neach by itself", "c": "Celery", "d": "Dramatiq",
    "e": "FastStream", "f": "Ganglion",
}  # fmt: skip
DPI = 110

Result = Mapping[str, Any]


def peers(result: Result, axes: Any) -> None:
    """Rates: the median, and the rounds as dots."""
    letters = [letter for letter in NAMES if any(run["letter"] == letter for run in result["details"]["drained"])]
    rounds = {
        letter: [run["rate"] for run in result["details"]["drained"] if run["letter"] == letter] for letter in letters
    }
    for at, letter in enumerate(letters):
        axes.bar(at, median(rounds[letter]), color=_colour(letter))
        axes.plot([at] * len(rounds[letter]), rounds[letter], "k.", markersize=5)
        axes.text(at, max(rounds[letter]), f"{median(rounds[letter]):,.0f}", ha="center", va="bottom")
    axes.set_xticks(range(len(letters)), [NAMES[letter] for letter in letters])
    axes.set_ylabel("events/s, both effects received")
    axes.set_title("A backlog worked off, the same broker, interleaved")


def latencies(result: Result, axes: Any) -> None:
    """Half and 99 of 100, at half of each one's own rate."""
    loaded = (paced for paced in result["details"]["paced"] if paced["load"] == "half load")
    found = sorted(loaded, key=lambda paced: paced["letter"])
    for at, paced in enumerate(found):
        axes.bar([at - 0.2, at + 0.2], [paced["p50_ms"], paced["p99_ms"]], 0.38, color=_colour(paced["letter"]))
        for x, value in ((at - 0.2, paced["p50_ms"]), (at + 0.2, paced["p99_ms"])):
            axes.text(x, value, f"{value:,.0f}" if value >= 10 else f"{value:.1f}", ha="center", va="bottom")
    axes.set_yscale("log")
    axes.set_ylim(bottom=1)
    axes.set_xticks(range(len(found)), [f"{NAMES[each['letter']]}\nat {each['rate']:,.0f}/s" for each in found])
    axes.set_ylabel("ms, p50 and p99")
    axes.set_title("From an event's publication to its later effect, at half load")


def parts(result: Result, axes: Any) -> None:
    found = [*result["details"]["us_per_event"].items()][::-1]
    axes.barh([name for name, _ in found], [value for _, value in found], color=OURS)
    for at, (_, value) in enumerate(found):
        axes.text(value, at, f" {value:.1f}", va="center")
    axes.set_xlabel("µs of CPU per event")
    axes.set_title("Where the engine's CPU goes")


def scale(result: Result, axes: Any) -> None:
    crowds = result["details"]["crowds"]
    users = [crowd["users"] for crowd in crowds]
    axes.plot(users, [crowd["us_per_event"] for crowd in crowds], "o-", color=OURS, label="µs of CPU per event")
    axes.plot(users, [crowd["peak_mib"] for crowd in crowds], "s--", color=LIMIT, label="MiB at work, at most")
    axes.plot(users, [crowd["ready_s"] * 100 for crowd in crowds], "^:", color=OTHERS, label="start to ready, 1/100 s")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("users in the store")
    axes.legend()
    axes.set_title("What many users cost")


def memory(result: Result, axes: Any) -> None:
    seen = result["details"]["memory_mib"]
    axes.plot([second for second, _ in seen], [mib for _, mib in seen], color=OURS)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("seconds since the first effect")
    axes.set_ylabel("MiB resident")
    axes.set_title(f"The engine's memory over a backlog of {result['settings']['events']:,}")


PICTURES: tuple[tuple[str, str, Callable[[Result, Any], None]], ...] = (
    ("peers", "peers", peers),
    ("latencies", "peers", latencies),
    ("parts", "parts", parts),
    ("scale", "scale", scale),
    ("drain", "drain", memory),
    ("backlog", "backlog", memory),
)
"""(picture, result it is drawn from, how)."""


def _colour(letter: str) -> str:
    return {"a": LIMIT, "f": OURS}.get(letter, OTHERS)


def _said(result: Result) -> str:
    machine = result["machine"]
    return f"{result['date'][:10]}, {machine['processor']}, {machine['cores']} cores"


def main() -> None:
    for picture, source, draw in PICTURES:
        path = RESULTS / f"{source}.json"
        if not path.exists():
            continue
        result: Result = msgspec.json.decode(path.read_bytes())
        if not result.get("details"):
            continue
        figure = Figure(figsize=(9, 5))
        draw(result, figure.add_subplot())
        figure.text(0.995, 0.005, _said(result), ha="right", va="bottom", fontsize=7, color=OTHERS)
        figure.tight_layout()
        figure.savefig(RESULTS / f"{picture}.png", dpi=DPI)
        print(f"  {picture}.png")


if __name__ == "__main__":
    main()
