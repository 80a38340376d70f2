"""The reference model of the probe: counters per subject, one timer, the sorted list of who exists, and a rule per
segment.

It says what must be emitted, in which order, which subjects a page of a census shows, and what each input that was
asked is answered with.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from simulation.model import Said
from simulation.probe import PAGE
from supervision.entry import Entry
from supervision.messages import Emission
from topology.wire import id_hash

NAMES = ("asked", "passed", "heard", "watched", "fired", "tabs")


class ProbeModel:
    """Of all segments. `answers` are by the id hash of the input."""

    domain = "probe"
    kinds = frozenset(
        {
            "probe.ask", "probe.passed", "probe.watch", "probe.heard", "probe.census", "probe.tab", "timer.probe",
            "programme.activated",
        }
    )  # fmt: skip
    parks_subject = True
    timer_key = "watch"

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._segment_of: dict[str, int] = {}
        self._armed: dict[str, tuple[int, int]] = {}
        self._tabs: Counter[tuple[int, str]] = Counter()
        self._rules: dict[int, tuple[int, str]] = {}
        self._never_told: set[int] = set()
        """Segments where an operator has thrown a rule away."""
        self.answers: dict[int, bytes] = {}

    def _rule(self, segment: int) -> int:
        return self._rules.get(segment, (0, ""))[0]

    def fold(self, entry: Entry, at: int) -> list[Said]:
        subject, body = entry.subject, msgspec.json.decode(entry.body)
        if entry.kind == "probe.census":
            return self._census(entry, body)
        if entry.kind == "programme.activated" and body["name"] != "probe":
            return []
        if entry.kind == "programme.activated":
            self._rules[entry.segment] = max(self._rules.get(entry.segment, (0, "")), (body["number"], body["version"]))
            return []
        if entry.kind == "timer.probe" and self._armed.get(subject, (0, -1))[1] != body["gen"]:
            return []
        self._segment_of[subject] = entry.segment
        counts = self._counts.setdefault(subject, Counter())
        match entry.kind:
            case "probe.ask":
                counts["asked"] += 1
                return self._go_on(entry, body["via"], subject)
            case "probe.passed":
                counts["passed"] += 1
                return self._go_on(entry, body["back"], "")
            case "probe.watch":
                counts["watched"] += 1
                self._armed[subject] = (at + body["after_ms"], entry.offset)
            case "probe.tab":
                counts["tabs"] += 1
                self._tabs[entry.segment, body["name"]] += 1
                return [("probe.tabbed", subject, self._tabs[entry.segment, body["name"]], self._rule(entry.segment))]
            case "probe.heard":
                counts["heard"] += 1
                self._armed.pop(subject, None)
            case _:
                counts["fired"] += 1
                del self._armed[subject]
                rule = self._rule(entry.segment)
                return [("probe.fired", subject, body["gen"], body["expired"], body["held"], rule)]
        return []

    def _go_on(self, entry: Entry, to: str, back: str) -> list[Said]:
        if to:
            return [("probe.passed", to, back)]
        if entry.asked:
            asked, rule = self._counts[entry.subject]["asked"], self._rule(entry.segment)
            answer = {"subject": entry.subject, "asked": asked, "rule": rule}
            self.answers[id_hash(entry.root, entry.asked_of or entry.subject)] = msgspec.json.encode(answer)
        return []

    def _census(self, entry: Entry, body: dict[str, str | int]) -> list[Said]:
        after, index = str(body.get("after", "")), body.get("index", 0)
        here = sorted((s for s, segment in self._segment_of.items() if segment == entry.segment), key=str.encode)
        page = [subject for subject in here if subject.encode() > after.encode()][:PAGE]
        said: list[Said] = [("probe.counted", entry.subject, index, tuple(page), self._rule(entry.segment))]
        if len(page) == PAGE:
            said.append(("probe.census", entry.subject, page[-1]))
        return said

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        if entry.kind == "programme.activated":
            self._never_told.add(entry.segment)
        armed = self._armed.get(entry.subject)
        if entry.kind == "timer.probe" and armed is not None and armed[1] == msgspec.json.decode(entry.body)["gen"]:
            del self._armed[entry.subject]
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return self._armed.get(subject)

    def state_fits(self, subject: str, data: bytes) -> str:
        if subject.startswith("segment:"):
            rule = self._rules.get(int(subject.removeprefix("segment:")), (0, ""))
            stored = tuple(msgspec.msgpack.decode(data)[1:])
            return "" if stored == rule else f"the store has the rule {stored}, the model {rule}"
        counts = self._counts.get(subject, Counter[str]())
        stored, mine = msgspec.msgpack.decode(data)[1:], [counts[name] for name in NAMES]
        return "" if stored == mine else f"the store has {stored}, the model {mine}"

    def heard(self, emission: Emission) -> Said | None:
        draft = emission.draft
        if not draft.kind.startswith("probe."):
            return None
        body = msgspec.json.decode(draft.body)
        match draft.kind:
            case "probe.passed":
                return (draft.kind, draft.subject, body["back"])
            case "probe.fired":
                return (draft.kind, draft.subject, body["gen"], body["expired"], body["held"], body["rule"])
            case "probe.counted":
                return (draft.kind, draft.subject, body["index"], tuple(body["subjects"]), body["rule"])
            case "probe.tabbed":
                return (draft.kind, draft.subject, body["count"], body["rule"])
            case _:
                return (draft.kind, draft.subject, body["after"])

    def at_rest(self) -> str:
        return ""

    def obeys(self, told: dict[int, int]) -> str:
        """Empty when each segment has the version that it was last told of, else which has not."""
        late = [segment for segment, number in told.items() if self._rule(segment) != number]
        late = [segment for segment in late if segment not in self._never_told]
        return f"segments {late} do not have the rules {told}" if late else ""
