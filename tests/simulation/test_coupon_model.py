"""The reference model of coupons beside the two domains alone: no engine, no faults, long lives; and an escrow that
objects.

Worlds with an engine are short. Here some hundred commands meet a handful of users in two segments over weeks, entries
of the two segments are folded in any order, and effects, states and timers are compared after each.
"""

from __future__ import annotations

from collections import Counter, deque
from random import Random
from typing import Any

import msgspec
import pytest

from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.coupon.directory import Directory
from actors.coupon.listing import listed, subject_of
from actors.coupon.offer import Offer, parse
from actors.coupon.stock import CouponStockActor
from actors.normal_form import version
from actors.programmes.messages import ACTIVATED, CHANGED, ProgrammeActivated, ProgrammeTold
from actors.registry import COMMANDS
from simulation.coupon_model import CouponModel
from simulation.coupon_shoppers import CouponShoppers
from simulation.coupons_drawn import Version, templates, transferable
from simulation.escrow import Escrow
from simulation.marks import SELDOM
from simulation.violation import Violation
from supervision.domain import Domain, Event, TimerDue
from supervision.entry import Draft, Entry, segment_of, segment_subject
from supervision.messages import Emission, Stage
from supervision.outputs import Arm, Cancel, Claim, Emit, Output
from topology.ports import Outgoing, Props

LIVES = 20
COMMANDS_MADE = 150
USERS = 5
SEGMENTS = 2
HANDS = 0.15
"""Share of what is asked that hands a coupon over."""
EPOCH = 1_790_000_000
DAY_MS = 86_400_000


class Beside:
    """Both domains in both segments; whatever they fold, the model and the escrow fold too."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.marks: Counter[str] = Counter()
        self.model = CouponModel(self.marks)
        self.escrow = Escrow(self.model)
        self.at = EPOCH * 1_000
        self.queues: list[deque[Entry]] = [deque() for _ in range(SEGMENTS)]
        self.offsets = [0] * SEGMENTS
        self.timers: dict[tuple[int, str, str], tuple[int, int]] = {}
        """(segment, subject, key) -> (due, gen)."""
        self.heard: list[Outgoing] = []
        self._domains: tuple[Domain[Any], ...] = (CouponIssuerActor(SEGMENTS, KNOWN_TO_ALL), CouponStockActor(SEGMENTS))
        self._stored: dict[tuple[str, str], bytes] = {}
        self._keys: list[dict[bytes, bytes]] = [{} for _ in range(SEGMENTS)]

    def put(self, template: str, number: int, change: Version) -> None:
        """As the domain of programmes tells it."""
        status, rules = change
        offer = parse(msgspec.json.encode(rules))
        assert isinstance(offer, Offer), offer
        body, name = listed(status, offer.template), subject_of(template)
        told = (name, number, version(body.encode()), body)
        self.append(CHANGED, name, msgspec.json.encode(ProgrammeTold(*told)))
        for segment in range(SEGMENTS):
            self.append(ACTIVATED, segment_subject(segment), msgspec.json.encode(ProgrammeActivated(*told)), segment)

    def say(self, message: dict[str, Any]) -> None:
        raw = msgspec.json.encode(message)
        command: Any = COMMANDS[message["event_type"]].decode(raw, message)
        self.append(command.kind, command.subject, raw, root=f"m{sum(self.offsets)}", asked=True)

    def append(self, kind: str, subject: str, body: bytes, segment: int = -1, **more: Any) -> None:
        home = segment if segment >= 0 else segment_of(subject, SEGMENTS)
        self.offsets[home] += 1
        self.queues[home].append(Entry(home, EPOCH, self.offsets[home], self.at, 0, kind, subject, body, **more))

    def go_on(self, entries: int = 1_000) -> None:
        """Fold so many, of the segments in any order."""
        for _ in range(entries):
            ready = [queue for queue in self.queues if queue]
            if not ready:
                break
            self._fold(self.rng.choice(ready).popleft())

    def advance(self, to: int) -> None:
        """Each timer fires when it is due, and what comes of it is folded."""
        while due := sorted((due, gen, at) for at, (due, gen) in self.timers.items() if due <= to):
            when, gen, (segment, subject, key) = due[0]
            self.at = max(self.at, when)
            self.append("timer.coupon", subject, msgspec.json.encode(TimerDue(key, gen, when, 0)), segment)
            self.go_on()
        self.at = to

    def _fold(self, entry: Entry) -> None:
        for domain in self._domains:
            if entry.kind == "timer.coupon" and not isinstance(domain, CouponIssuerActor):
                continue
            type_ = TimerDue if entry.kind == "timer.coupon" else domain.reacts_to.get(entry.kind)
            if type_ is not None:
                self._react(domain, Event(entry, msgspec.json.decode(entry.body, type=type_), self.at, entry.subject))

    def _react(self, domain: Domain[Any], event: Event) -> None:
        entry, judge = event.entry, self.model if isinstance(domain, CouponIssuerActor) else self.escrow
        if entry.kind == "timer.coupon":
            stands = self.timers.get((entry.segment, entry.subject, event.body.key), (0, 0))
            if stands[1] != event.body.gen:
                return
            del self.timers[entry.segment, entry.subject, event.body.key]
        expected = judge.fold(entry, self.at)
        outputs, states = self._outputs(domain, event)
        emissions = [self._emission(entry, output) for output in outputs if isinstance(output, Emit)]
        said = [judge.heard(emission) for emission in emissions]
        assert [each for each in said if each is not None] == expected, entry
        for subject, data in states:
            assert judge.state_fits(subject, data) == "", entry
        self.escrow.stage(Stage(entry.segment, domain.name, 1, 0, 0, emits=emissions, states=states))
        self._keep(entry, outputs)
        stands = self.timers.get((entry.segment, entry.subject, "next"))
        assert judge.armed(entry.subject) == stands, entry

    def _outputs(self, domain: Domain[Any], event: Event) -> tuple[list[Output], list[tuple[str, bytes]]]:
        """As fold.py goes about it: the state, its companion, what they share, and the business keys."""
        entry, keys = event.entry, self._keys[event.entry.segment]
        shared = segment_subject(entry.segment)
        if domain.shared_type and event.subject != shared:
            directory = self._state(domain, shared)
            event = msgspec.structs.replace(event, shared=directory)
        claimed = {key: keys[key] for key in domain.keys(event) if key in keys}
        event = msgspec.structs.replace(event, claimed=claimed)
        state = self._state(domain, event.subject)
        beside = domain.companion(state, event)
        companion = self._state(domain, beside) if beside else None
        later = {key: keys[key] for key in domain.later_keys(state, event) if key in keys}
        event = msgspec.structs.replace(event, companion=companion, claimed={**claimed, **later})
        outputs = list(domain.react(state, event))
        changed = [(event.subject, state), *([(beside, companion)] if beside else [])]
        states = [(subject, msgspec.msgpack.encode(each)) for subject, each in changed]
        self._stored.update({(domain.name, subject): data for subject, data in states})
        return outputs, states

    def _state(self, domain: Domain[Any], subject: str) -> Any:
        data = self._stored.get((domain.name, subject))
        if subject.startswith("segment:") and domain.shared_type:
            whole = "/" not in subject
            type_: Any = Directory if whole else domain.companion_type
            return msgspec.msgpack.decode(data, type=type_) if data else type_()
        return msgspec.msgpack.decode(data, type=domain.state_type) if data else domain.fresh(subject)

    def _emission(self, entry: Entry, emit: Emit) -> Emission:
        subject = emit.subject or entry.subject
        return Emission(
            Draft(emit.kind, subject, msgspec.json.encode(emit.body)), b"", segment_of(subject, SEGMENTS)
        )  # fmt: skip

    def _keep(self, entry: Entry, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Claim(key=key, value=value):
                    self._keys[entry.segment][key] = value
                case Arm(key=key, due=due):
                    self.timers[entry.segment, entry.subject, key] = (due, entry.offset)
                case Cancel(key=key):
                    self.timers.pop((entry.segment, entry.subject, key), None)
                case Emit(route=""):
                    chain = output.chain or entry.chain
                    more = {"root": chain.root, "asked": chain.asked, "asked_of": chain.subject}
                    emission = self._emission(entry, output)
                    self.append(emission.draft.kind, emission.draft.subject, emission.draft.body, emission.home, **more)
                case Emit():
                    told = {"event_type": output.kind.replace(".", "_"), "user_id": entry.subject[5:]}
                    body = msgspec.json.encode(told | msgspec.to_builtins(output.body))
                    self.heard.append(Outgoing("marketing.effects", output.route, body, Props()))
                case _:
                    pass


def lived(seed: int) -> Beside:
    """A life of the two domains."""
    rng = Random(seed)
    hands = Random(f"{seed} hands")
    world, shop = Beside(rng), transferable(hands, templates(rng))
    public = [rules["code"]["public"] for ((_, rules), *_) in shop.values() if "public" in rules["code"]]
    shoppers = CouponShoppers(rng, USERS, list(shop), public, HANDS, hands)
    numbers: Counter[str] = Counter()
    for n in range(COMMANDS_MADE):
        if n == 0 or rng.random() < 0.03:
            for template, versions in shop.items():
                if versions:
                    numbers[template] += 1
                    world.put(template, numbers[template], versions.pop(0))
        world.say(shoppers.message(rng.randrange(USERS)))
        world.go_on(rng.choice((0, 1, 3, 20)))
        while world.heard:
            shoppers.heard(world.heard.pop(0))
        if rng.random() < 0.1:
            world.go_on()
            world.advance(world.at + rng.choice((1_000, 40_000, DAY_MS // 2, 3 * DAY_MS)))
    world.go_on()
    world.advance(world.at + 40_000)
    return world


@pytest.mark.parametrize("seed", range(LIVES))
def test_over_weeks_the_domains_do_what_the_model_does_and_nothing_is_lost(seed: int) -> None:
    world = lived(seed)
    assert world.model.at_rest() == "" and world.escrow.at_rest() == ""


def test_these_lives_come_to_the_rare_branches() -> None:
    marks: Counter[str] = Counter()
    for seed in range(LIVES):
        marks.update(lived(seed).marks.keys())
    assert marks.keys() >= {
        "waited_for_stock",
        "recalled",
        "dry",
        "public_code_returned",
        "occasion_again",
        "served_refused",
        "handed_over",
        "hand_over_refused",
        *SELDOM,
    }


def pool(total: int, free: int, lent: dict[int, int]) -> bytes:
    return msgspec.msgpack.encode([1, 1, [total, free, lent, {}, {}, [], []], None])


def shelf(left: int, issued: int, dry: bool = False) -> bytes:
    slice = [left, 0, 0, False, dry, False, 0, 0]
    return msgspec.msgpack.encode([1, 1, "active", "{}", "v", {}, slice, None, 1, 1, False, [issued, *[0] * 8], False])


def purse(coupons: int, leaving: int = 0) -> bytes:
    held = {serial: [serial, 0, "T"] for serial in range(coupons)}
    return msgspec.msgpack.encode([2, held, {}, 0, None, {}, dict.fromkeys(range(leaving), "v")])


def of_stock(data: bytes) -> Stage:
    return Stage(0, "coupon_stock", 1, 0, 1, states=[("template:T", data)])


def of_shelf(left: int, issued: int, dry: bool = False) -> Stage:
    """Of a segment, and of the purse of a user who has all that was issued there."""
    states = [("segment:00/template:T", shelf(left, issued, dry)), ("user:u", purse(issued))]
    return Stage(0, "coupon", 1, 0, 1, states=states)


def of_purse(user: str, data: bytes) -> Stage:
    return Stage(0, "coupon", 1, 0, 1, states=[(f"user:{user}", data)])


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        ([of_stock(pool(9, 4, {0: 4}))], "has 9 of stock: 4 free"),
        ([of_stock(pool(9, -1, {0: 10}))], "has lent 1 of stock more than it has"),
        ([of_stock(pool(9, 5, {0: 4}))], "was lent 4: .* are .0, 0, 0, 0."),
        ([of_shelf(3, 2), of_stock(pool(9, 5, {0: 4}))], "was lent 4: .* are .0, 3, 2, 0."),
        ([of_shelf(3, 2), of_purse("u", purse(1))], "of T 2 coupons live, 1 in purses, 0 leaving"),
        ([of_shelf(3, 2), of_purse("v", purse(1))], "of T 2 coupons live, 3 in purses, 0 leaving"),
        (
            [of_shelf(3, 2), of_purse("u", purse(2, 1)), of_purse("v", purse(1)), of_purse("w", purse(1))],
            "of T 2 coupons live, 4 in purses, 1 leaving",
        ),
    ],
)
def test_a_piece_that_is_twice_or_nowhere_is_found_without_a_model(stages: list[Stage], says: str) -> None:
    escrow = Escrow(CouponModel())
    *before, last = stages
    for stage in before:
        escrow.stage(stage)
    with pytest.raises(Violation, match=says):
        escrow.stage(last)


def test_a_segment_that_is_told_of_nothing_while_there_is_something_is_found_at_rest() -> None:
    escrow = Escrow(CouponModel())
    escrow.stage(of_shelf(0, 4, dry=True))
    escrow.stage(of_stock(pool(9, 5, {0: 4})))
    with pytest.raises(Violation, match="0 is told that there is no stock of T: 5 are free"):
        escrow.at_rest()
