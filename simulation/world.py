"""One seed, one world: the seed draws sizes, load and faults first, then everything happens on one thread in virtual
time.

Two phases, as in TigerBeetle's VOPR: in the first anything may fail at any time; in the second faults are over and
the world must come to rest within a bound, or it fails with the list of who waits on what. Then the books are
compared.

Supervision mends an assertion that fails inside the engine as silently as a fault that was meant. So every crash of a
cell is judged (crashes.py): what the seed did not cause is a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any

import msgspec
import structlog

from actors.behaviour.actor import BehaviourActor
from actors.campaign import fanout
from actors.campaign.actor import CampaignActor
from actors.cart.actor import CartWatcherActor
from actors.coupon.actor import CouponIssuerActor
from actors.coupon.code_keys import KNOWN_TO_ALL
from actors.coupon.stock import CouponStockActor
from actors.coupon_jobs.actor import CouponJobsActor
from actors.coupon_jobs.pages import Pages
from actors.delay.actor import DelayActor
from actors.money import DEFAULT_CURRENCY
from actors.notification import policy
from actors.notification.actor import NotificationActor
from actors.notification.templates import DEFAULT_LOCALE, TEXTS, Templates
from actors.points.actor import PointsLedgerActor
from actors.points.programme import Programme, parse
from actors.profile.actor import ProfileActor
from actors.programmes.actor import ProgrammesActor
from actors.registry import COMMANDS, FOR_OPERATORS
from actors.watch.actor import WatchActor
from gateway.commands import Commands
from gateway.ingest import Ingest
from gateway.readers import ReaderPool
from gateway.wiring import Broker, Parts, Wiring
from simulation import notices_drawn, self_checks
from simulation.absence import Absence
from simulation.askers import Askers
from simulation.bent_clock import BentClock
from simulation.broker import LATER, Call, SimulatedBroker
from simulation.browsing import Browsers
from simulation.browsing_model import BrowsingModel
from simulation.callers import Callers
from simulation.campaign_makers import CampaignMakers
from simulation.campaign_model import CampaignModel
from simulation.campaign_model import Pages as CampaignPages
from simulation.campaign_proof import CampaignProof
from simulation.carriers import Carriers
from simulation.cart_model import CartModel
from simulation.checker import Checker
from simulation.coupon_model import CouponModel
from simulation.crashes import Crashes
from simulation.customers import Customers
from simulation.delay_model import DelayModel
from simulation.delay_proof import DelayProof
from simulation.delayers import Delayers
from simulation.draw import Draw, draw
from simulation.escrow import Escrow
from simulation.faults import Faults, FaultyStore, hosts
from simulation.job_makers import JobMakers
from simulation.job_model import JobModel, Sizes
from simulation.ledger_proof import LedgerProof
from simulation.marks import from_tally
from simulation.merchants import Merchants
from simulation.message_model import MessageModel
from simulation.mishaps import Mishaps
from simulation.model import NotificationModel, ProfileModel
from simulation.notice_model import NoticeModel
from simulation.notice_proof import NoticeProof
from simulation.notices_drawn import PolicyWords
from simulation.operators import Operators
from simulation.points_model import PointsModel, plain_rules
from simulation.probe import NAME as PROBE
from simulation.probe import ProbeActor
from simulation.probe_model import ProbeModel
from simulation.programmes_drawn import programmes
from simulation.programmes_model import SEGMENTS_AT_ONCE, ProgrammesModel
from simulation.publishers import Publishers
from simulation.receiver import Receiver
from simulation.reminder import ReminderActor
from simulation.rule_makers import RuleMakers
from simulation.shadow import Shadow
from simulation.spoken_trace import SpokenTrace
from simulation.stop_makers import StopMakers
from simulation.tally import Tally
from simulation.tellers import Tellers
from simulation.text_makers import TextMakers
from simulation.violation import Violation
from simulation.watch_model import WatchModel
from simulation.wire import Wire
from supervision.attempts import ATTEMPTS_MAX
from supervision.domain import Domain, Event
from supervision.host import HostLimits
from supervision.journal import Limits
from supervision.messages import Append, Stage, Watermark
from supervision.runtime import Address, Behaviour
from supervision.stepped import SteppedRuntime
from supervision.store import Batch
from supervision.store_simulated import Disk
from supervision.trace import Trace
from topology.ports import Outgoing
from topology.relay import OUTWARD_RETENTION_MS
from topology.wire import Door

START_MS = 1_790_000_000_000
STEPS_MAX = 400_000
REST_S_MAX = 600.0
"""Virtual seconds in which a healed world must come to rest."""
GIVES_UP_SHARE = 0.05
GIVEN_UP_MS = 2_000
LONG_OUTAGE_S = 70.0
"""The relay looks once a minute for what has waited too long."""
LOOK_STEPS = 10
"""Between looks whether a healed world is at rest."""
ESCROWED = frozenset({CouponIssuerActor.name, CouponStockActor.name})
OPENING_S = 0.5
OPENINGS_MAX = 10
"""Templates are put before customers come, but where a domain is sick nobody waits for ever."""
IDLE_S = 31.0
"""What is scarce and idle goes back within it: only then is it certain who is told that there is nothing."""
PROGRAMMES_KEPT = 8
"""Compiling one takes a tenth of a world's time, and every process of a world has the same."""
TEMPLATES = Templates({**TEXTS, DEFAULT_LOCALE: {**TEXTS[DEFAULT_LOCALE], "remind": "您好"}})
"""Compiled once: they are immutable, and compiling them took a tenth of a world's time. The last is campaigns'."""


class Outcome(msgspec.Struct, frozen=True):
    """How a world ended. `violation` empty: well. `inputs`: messages sent, resends not counted."""

    seed: int
    digest: str
    steps: int
    inputs: int
    effects: int
    violation: str
    counts: dict[str, int]
    crashes: int = 0
    store_faults: int = 0
    broker_faults: int = 0
    marks: dict[str, int] = {}


class World:
    """Built and run once."""

    def __init__(self, seed: int, dims: Draw | None = None, trace: Trace | None = None) -> None:
        self.seed = seed
        self._rng = rng = Random(seed)
        drawn = draw(Random(rng.random()))
        self.draw = dims or drawn
        self.clock = BentClock(START_MS)
        self.trace = trace or Trace()
        if isinstance(self.trace, SpokenTrace):
            self.trace.now_s = self.clock.monotonic_s
        self.runtime = SteppedRuntime(
            Random(rng.random()), self.clock, trace=self.trace, weigh=self._weigh, step_s=self.draw.step_s
        )
        self.runtime.after_step = self._stepped
        self.crashes = Crashes(self.clock)
        self.runtime.on_crash = self.crashes.judge
        self.marks: Counter[str] = Counter()
        self.disk = Disk(self.draw.segments)
        self.disk.on_commit = self._committed
        self.faults = Faults(Random(rng.random()), self.draw, self.clock)
        self.checker = Checker(self.disk.image, self.marks)
        self.programme, *later = programmes(Random(f"{seed} programmes"), self.draw)
        self.policy = notices_drawn.policy(Random(f"{seed} policy")) if self.draw.notices else PolicyWords()
        self._models()
        self.shadow = self._shadow()
        self.proof = LedgerProof(self.checker.logs, self.draw.ledger > 0)
        self.checker.on_stage = self._staged
        self.faults.on_offer, self.faults.on_reject = self.checker.offered, self.checker.rejected
        self.faults.on_kill, self.faults.on_deadly = self.disk.witness.died, self._deadly
        self.receiver = Receiver()
        self.customers = self._customers()
        self.broker = SimulatedBroker(self.runtime, Random(rng.random()), self.draw.nack_rate)
        self.broker.on_publish = self._published
        self.broker.on_write = Wire(self.checker.gives_up).written
        self.gives_up = Random(f"{seed} gives up").random() < GIVES_UP_SHARE
        """The broker stays away for so long that effects are given up."""
        self.tally = Tally()
        self.process = 0
        self.steps = 0
        self._made_up = 0
        publishing, asking = Random(rng.random()), Random(rng.random())
        self.askers = Askers(asking, self.draw, self, later)
        self.merchants = Merchants(f"{seed} merchants", self.draw, self, self.askers, self.coupons.answered)
        self.publishers = self._publishers(publishing)
        self.carriers = Carriers(Random(f"{seed} carriers"), self.draw, self, self.publishers)
        self.delayers = self._delayers()
        self.arrivals = DelayProof(self.checker.logs, self.delayers)
        self.job_makers = self._job_makers()
        self.absence = self._absence()
        shoppers = self.merchants.shoppers
        self.callers = Callers(Random(f"{seed} callers"), self.draw, self, shoppers, self.coupons.answered)
        self.rule_makers = RuleMakers(Random(f"{seed} rules"), self.draw, self)
        self.campaign_makers = CampaignMakers(f"{seed} campaigns", self.draw, self, self.rule_makers.answers)
        self.stop_makers = StopMakers(f"{seed} stops", self.draw, self, self.rule_makers.answers)
        self.text_makers = TextMakers(f"{seed} texts", self.draw, self, self.rule_makers.answers, TEMPLATES)
        self.mishaps = Mishaps(Random(rng.random()), self)
        self._command_door = Door({**COMMANDS, **FOR_OPERATORS}, self.draw.segments)
        self.readers = (*(domain.name for domain in self._domains()), "courier", "relay")
        self.wiring = self._start()

    def _models(self) -> None:
        """What each domain should come to, also of those that are not there."""
        drawn, marks = self.draw, self.marks
        self.points = PointsModel(plain_rules(self.programme), marks)
        self.profiles = ProfileModel()
        self.notified, self.messages = self._message_model(), NoticeProof()
        self.programmes = ProgrammesModel(drawn.segments)
        self.probe = ProbeModel()
        self.coupons = CouponModel(marks)
        self.escrow = Escrow(self.coupons)
        self.jobs = self._job_model()
        self.browsing, self.carts = BrowsingModel(), CartModel(drawn.cart_idle_s * 1_000, marks)
        self.why = CampaignProof(CampaignModel(campaign_pages(drawn), marks))

    def _message_model(self) -> NotificationModel:
        if self.draw.notices:
            return NoticeModel(self.policy, self.marks)
        return MessageModel(self.marks) if self.draw.cart_idle_s else NotificationModel()

    def _shadow(self) -> Shadow:
        """With all models, also of domains that are not there."""
        watch = WatchModel(self.draw.refusals_max, self.marks)
        others = (self.notified, self.profiles, self.programmes, self.probe, watch)
        young = (self.browsing, self.carts, self.why.model, DelayModel(self.marks))
        models = (self.points, *others, self.coupons, self.escrow, self.jobs, *young)
        return Shadow(models, self.checker.logs, self.checker.armed, self.faults, self.marks)

    def _job_model(self) -> JobModel:
        coupons = self.coupons
        return JobModel(self.draw.segments, sizes_of(self.draw), coupons.lists, self.marks)

    def _job_makers(self) -> JobMakers:
        templates = self.merchants.templates
        return JobMakers(f"{self.seed} jobs", self.draw, self, self.publishers, self.askers, self.jobs, templates)

    def _customers(self) -> Customers:
        return Customers(
            Random(f"{self.seed} customers"), self.disk, self.clock, self.points, self.profiles, self.notified,
            self.browsing, self.checker.checkpoints, self._ledger(),
        )  # fmt: skip

    def _publishers(self, rng: Random) -> Publishers:
        browsers = Browsers(Random(f"{self.seed} browsing"))
        coupons = self.merchants.shoppers
        tellers = Tellers(Random(f"{self.seed} tellers"))
        return Publishers(rng, self.draw, self, self.broker, self.checker, coupons, browsers, tellers)

    def _delayers(self) -> Delayers:
        rng, heard = Random(f"{self.seed} delayed"), self.publishers.heard
        return Delayers(rng, self.draw, self, self.broker, self.checker, heard)

    def _absence(self) -> Absence:
        drawn = self.draw
        return Absence(drawn.absence_hold_s, self.broker.queued, self.delayers.heard, drawn.clock_jumps > 0)

    def _weigh(self, name: str) -> float:
        return 0.1 if self.draw.slow_share and Random(f"{self.seed}{name}").random() < self.draw.slow_share else 1.0

    # Processes.

    def _start(self) -> Wiring:
        """A process begins on what the disk holds."""
        self.process += 1
        self.checker.process_started()
        process, drawn = self.process, self.draw
        store = FaultyStore(self.disk, self.faults)
        parts = Parts(
            store=store,
            domains=[self.faults.wrap(domain) for domain in self._domains()],
            runtime=self.runtime,
            rng=Random(self._rng.random()),
            counters=self.tally,
            on_fatal=lambda reason: self._fatal(process, reason),
            broker=Broker(self.broker.consumer, self.broker.publisher),
            limits=Limits(
                tick_s=drawn.tick_s,
                group_items_max=drawn.group_items_max,
                absence_hold_s_max=drawn.absence_hold_s,
                log_retention_s=drawn.log_retention_s,
                ring_entries_max=drawn.ring_entries_max,
                house_commits=8,
            ),
            host_limits=HostLimits(
                in_flight_max=drawn.in_flight_max,
                batch_entries_max=drawn.batch_entries_max,
                states_bytes_max=drawn.states_bytes_max,
                retry_entries_max=drawn.retry_entries_max,
            ),
            confirm_window=drawn.confirm_window,
            outward_retention_ms=GIVEN_UP_MS if self.gives_up else OUTWARD_RETENTION_MS,
            checks=True,
            free_bytes=store.free_bytes,
            prefix=f"p{process}/",
        )
        self.wiring = wiring = Wiring(parts, self.clock.now_ms())
        self._observe(wiring)
        histories = wiring.engine.attempts.values()
        self.marks["suspected"] += any(attempts.poison(0) for attempts in histories)
        self.marks["one_by_one"] += any(attempts.one_by_one for attempts in histories)
        self.operators = Operators(self._rng, wiring)
        self._ingest = Ingest(wiring.door.decode, wiring.engine.journal, wiring.not_taking, self._name, self.tally)
        self._commands = Commands(
            self._command_door, wiring.engine.journal, ReaderPool(store.reader), wiring.engine.parked_domains,
            self._ingest.not_taking, self._name, self.tally,
        )  # fmt: skip
        wiring.tree.start()
        return wiring

    def _ledger(self) -> PointsLedgerActor:
        return PointsLedgerActor(_compiled(msgspec.json.encode(self.programme)))

    @property
    def _rules_change(self) -> bool:
        return self.draw.rules_change and self.draw.probes > 0

    def _domains(self) -> list[Domain[Any]]:
        others: list[Domain[Any]] = []
        if self.draw.notifies:
            others.append(NotificationActor(TEMPLATES, policy=policy.parse(**msgspec.structs.asdict(self.policy))))
        others += [ProfileActor()] if self.draw.profiles else []
        if self._rules_change or self.draw.switches or self.draw.coupons or self.draw.campaigns:
            others.append(ProgrammesActor(self.draw.segments, SEGMENTS_AT_ONCE))
        if self.draw.coupons:
            others += [CouponIssuerActor(self.draw.segments, KNOWN_TO_ALL), CouponStockActor(self.draw.segments)]
        if self.draw.jobs:
            sizes = sizes_of(self.draw)
            others.append(CouponJobsActor(self.draw.segments, Pages(sizes.under_way, sizes.page, sizes.held)))
        others += [BehaviourActor(DEFAULT_CURRENCY)] if self.draw.browsing else []
        if self.draw.cart_idle_s or self.draw.moments:
            others.append(CartWatcherActor(DEFAULT_CURRENCY, self.draw.cart_idle_s))
        others += [ReminderActor()] if self.draw.cart_idle_s else []
        if self.draw.campaigns:
            pages = campaign_pages(self.draw)
            others.append(CampaignActor(DEFAULT_CURRENCY, fanout.Pages(pages.users, pages.held)))
        others += [DelayActor()] if self.draw.delayed else []
        others += [WatchActor([PointsLedgerActor.name], self.draw.refusals_max)] if self.draw.refusals_max else []
        return [self._ledger(), *others, *([ProbeActor()] if self.draw.probes else [])]

    def _observe(self, wiring: Wiring) -> None:
        def plant(path: str, factory: Callable[[Address], Behaviour]) -> None:
            cell = wiring.tree.cell(path)
            cell.spec = msgspec.structs.replace(cell.spec, factory=factory)

        self.checker.watch(wiring.engine.tails.values())
        self_checks.watch(wiring.tree, plant)
        self.faults.infect(wiring.tree, plant)
        line = wiring.engine.journal
        tell = line.tell

        def telling(message: Any) -> None:
            if isinstance(message, Append) and message.via is not None:
                pair = (message.via.src, message.items[0].segment)
                self.marks["carried_again"] += message.via.n <= self.disk.image.inbound.get(pair, 0)
            elif isinstance(message, Watermark):
                self.absence.claimed(message.at)
            tell(message)

        line.tell = telling  # pyright: ignore[reportAttributeAccessIssue]

    def _fatal(self, process: int, reason: str) -> None:
        """The process exits; another is started a moment later."""
        if process == self.process:
            self.runtime.send_after(0.01, LATER, Call(lambda: self.crash(process)))

    def _deadly(self, domain: str, event: Event, hook: str) -> None:
        """The process dies of an entry. What it does until the step's end is lost, another death too; and of what is
        parked already an operator's retry may make it die anew.
        """
        segment, offset = event.entry.segment, event.entry.offset
        if not self.faults.kill and (segment, domain, event.subject, offset) not in self.disk.image.parked:
            self.crashes.killed((segment, domain), event.place if hook == "kill" else "")

    def crash(self, process: int = 0) -> None:
        """kill -9: memory, mail and alarms are gone, sockets closed, the un-synced suffix kept, lost or torn."""
        if process not in (0, self.process):
            return
        self.marks["process_killed"] += 1
        self.faults.kill = False
        self.marks["clock_leaps"] += int(self.tally.gauges.get("clock_jumps", 0))
        self.runtime.kill(f"p{self.process}/")
        self.broker.process_died()
        fate = self.disk.crash(self._rng)
        if fate != "nothing":
            self.marks[f"disk_{fate}"] += 1
        self.wiring = self._start()

    # What happens in it.

    def _committed(self, batch: Batch) -> None:
        heads = ",".join(f"{segment}:{head.offset}" for segment, head in batch.heads_after.items())
        self.trace.note(f"commit {batch.commit_no} {heads}")
        self.absence.committed(batch)
        self.checker.committed(batch)
        for stage in batch.stages:
            if stage.parked and any(row.attempts > ATTEMPTS_MAX for row in stage.parked):
                self._retry_failed(stage)
        self.crashes.committed(batch, f"p{self.process}/")
        self.customers.committed()

    def _staged(self, stage: Stage) -> None:
        self.shadow.stage(stage)
        if stage.domain == PointsLedgerActor.name:
            self.proof.stage(stage)
        elif stage.domain in ESCROWED:
            self.escrow.stage(stage)
        elif stage.domain == BehaviourActor.name:
            self.browsing.stage(stage)
        elif stage.domain == CampaignActor.name:
            self.why.stage(stage)
        elif stage.domain == NotificationActor.name:
            self.messages.stage(stage)

    def _retry_failed(self, stage: Stage) -> None:
        """Of a user whose retry failed anew, memory is what the store has: nothing folds it until the next one. Where
        entries are set aside alone, and in what users share, others go on.
        """
        by_subject = {domain.name for domain in self._domains() if domain.parks == "subject"}
        at = {
            (stage.segment, stage.domain, row.subject)
            for row in stage.parked
            if stage.domain in by_subject and not row.subject.startswith("segment:")
        }
        memories = [memory for host in hosts(self.wiring.tree) for memory in host.memories()]
        self.checker.memory_is_the_store(memory for memory in memories if memory[:3] in at)

    def _published(self, outgoing: Outgoing) -> None:
        if outgoing.exchange == "marketing.effects":
            self.checker.published(outgoing)
            self.receiver.receive(outgoing)
            self.merchants.shoppers.heard(outgoing)
            self.carriers.heard(outgoing)
        self.arrivals.arrived(outgoing)

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it later; outlives processes."""
        self.runtime.send_after(seconds, LATER, Call(act))

    def ingest(self) -> Ingest | None:
        """The running process's HTTP door; None while it has none."""
        return self._ingest if self.wiring.engine.journal.bound else None

    def commands(self) -> Commands | None:
        """Its commands over HTTP."""
        return self._commands if self.wiring.engine.journal.bound else None

    def _name(self) -> str:
        self._made_up += 1
        return f"made-up-{self._made_up}"

    def _stepped(self) -> None:
        self.steps += 1
        if self.crashes.found is not None:
            raise self.crashes.found
        if self.faults.kill or (self.steps == self.mishaps.crash_step and self.mishaps.crashes()):
            self.crash()

    # Its life.

    def run(self) -> Outcome:
        """Live, heal, come to rest, compare."""
        violation = ""
        try:
            self._live()
            self._heal()
            self._compare()
        except AssertionError as found:
            violation = str(found) if isinstance(found, Violation) else f"assertion: {found}"
        return self._outcome(violation)

    def _live(self) -> None:
        drawn = self.draw
        if drawn.coupons or drawn.campaigns:
            self._open_shop()
        self.mishaps.plan()
        last = drawn.days + drawn.leaps
        for day in range(last + 1):
            for done in range(drawn.rounds):
                self.clock.advance(drawn.pause_s if done else 0)
                self._round((last + 1 - day) * drawn.rounds - done, drawn.rounds - done)
            if day < last:
                self.askers.give_up()
                self.callers.give_up()
                self._pass(self.mishaps.quiet_days(drawn.leap_days if day < drawn.leaps else 1))
        self._pass(self.mishaps.aftermath())

        if self.gives_up:
            self._pass(LONG_OUTAGE_S)

    def _open_shop(self) -> None:
        """Put the templates and campaigns, undisturbed: of a shop whose templates come when its customers have gone,
        nothing is seen but refusals.
        """
        self.faults.on = False
        self._pass_until(self.wiring.engine.begun)
        self.merchants.open_shop()
        self.campaign_makers.open_office()
        self.text_makers.open_office()
        self._pass(OPENING_S)
        self._pass_until(lambda: not self.askers.waiting and self.campaign_makers.opened)
        self.faults.on = True

    def _round(self, left: int, left_today: int) -> None:
        """A share of what is to be sent; so many rounds are left, this one included, and so many of the day."""
        drawn, last = self.draw, left == 1
        published = drawn.inputs - drawn.probes - drawn.asks - drawn.calls - drawn.coupon_asks - drawn.delayed
        self.job_makers.plan_round(left)
        self.campaign_makers.plan_round(left)
        self.stop_makers.plan_round(left)
        self.text_makers.plan_round(left)
        self.publishers.plan_day((published - self.publishers.sent) // left)
        self.delayers.plan_round((drawn.delayed - self.delayers.sent) // left)
        self.askers.plan_day((drawn.probes - self.askers.sent) // left)
        if self._rules_change and left_today == 1:
            self.rule_makers.plan_day()
        self.askers.plan_ledger_day((drawn.asks - self.askers.asked) // left, last)
        self.callers.plan_day((drawn.calls - self.callers.sent) // left)
        self.merchants.plan_round((drawn.coupon_asks - self.merchants.asked) // left, left)
        if self.gives_up and last:
            self.at(drawn.window_s / 3, self.broker.leave)
        self._pass(drawn.window_s * 1.2 + 0.3)

    def _pass(self, seconds: float) -> None:
        """That much virtual time."""
        step, now_s = self.runtime.step, self.clock.monotonic_s
        deadline_s = now_s() + seconds
        self.at(seconds, lambda: None)
        while now_s() < deadline_s and self.steps < STEPS_MAX:
            step()

    def _pass_until(self, ready: Callable[[], bool]) -> None:
        """A while, until it is so."""
        for _ in range(OPENINGS_MAX):
            if ready():
                break
            self._pass(OPENING_S)

    def _heal(self) -> None:
        """Faults are over, operators see to everything; then all must come to rest."""
        self.faults.on = False
        self.mishaps.end()
        self._settle()
        if self.draw.coupons:
            self.clock.advance(IDLE_S)
            self._settle()

    def _settle(self) -> None:
        """Live until everything has come to rest."""
        began_s = self.clock.monotonic_s()
        looked_s = began_s
        while not self._at_rest():
            now_s = self.clock.monotonic_s()
            if now_s - began_s > REST_S_MAX or self.steps > STEPS_MAX:
                raise Violation(f"liveness: not at rest after {now_s - began_s:.0f} s:\n{self._who_waits()}")
            if now_s - looked_s >= 0.5:
                looked_s = now_s
                self.operators.see_to_everything()
                self.job_makers.see_to_everything()
            for _ in range(LOOK_STEPS):
                self.runtime.step()

    def _at_rest(self) -> bool:
        if not self.broker.idle or self.publishers.waiting or self._who_asks():
            return False
        if self.disk.image.parked or self.shadow.parked or self.shadow.domains or self.jobs.paused():
            return False
        stands = self.checker.checkpoints
        return (
            all(
                stands.get((segment, name), -1) == len(log)
                for segment, log in self.checker.logs.items()
                for name in self.readers
            )
            and not self._timers_wait()
        )

    def _who_asks(self) -> set[int]:
        """Whose answer is yet to come, by what it is known by."""
        return (self.askers.waiting | self.callers.waiting.keys()) - self.shadow.unanswerable

    def _timers_wait(self) -> bool:
        """Whether a timer that is due has not been handled."""
        now = self.clock.now_ms()
        return any(row.fired or row.due <= now for row in self.disk.image.timers.values())

    def _who_waits(self) -> str:
        """For people: everybody who is not done, and on what."""
        lines = [
            f"{name}/{segment} stands at {self.checker.checkpoints.get((segment, name), 0)} of {len(log)}"
            for segment, log in self.checker.logs.items()
            for name in self.readers
            if self.checker.checkpoints.get((segment, name), -1) != len(log)
        ]
        broker = self.broker
        if not broker.idle:
            lines.append(
                f"the broker has {len(broker.ready)} ready, {len(broker.consumer.unacked)} unacked, {broker.held} held"
            )
        lines += [f"HTTP client {n} has no answer" for n in sorted(self.publishers.waiting)[:5]]
        lines += [f"asker {id:x} has no answer" for id in sorted(self._who_asks())[:5]]
        lines += [f"{row.domain}/{row.segment}: {row.subject} is parked: {row.reason}"
                  for row in list(self.disk.image.parked.values())[:5]]  # fmt: skip
        now = self.clock.now_ms()
        lines += [f"timer {row.domain}/{row.segment} {row.subject} {row.key} was due {now - row.due} ms ago"
                  for row in self.disk.image.timers.values() if row.fired or row.due <= now][:5]  # fmt: skip
        lines += [f"not taking: {reason}" for reason in self.wiring.engine.pressure.reasons()]
        return "\n".join([*lines, self.runtime.pending()])

    def _compare(self) -> None:
        self.checker.at_rest(self.readers)
        self.checker.store_compares()
        self.shadow.at_rest()
        self.receiver.at_rest()
        self.customers.at_rest()
        self.proof.at_rest(self.points.gifts_discarded)
        self.why.at_rest()
        self.arrivals.at_rest()
        young = (self.coupons.answers, self.jobs.answers)
        answers = (self.probe.answers, self.points.answers, self.programmes.answers, *young)
        self.askers.compare({id: answer for each in answers for id, answer in each.items()})
        self.callers.compare({**self.points.answers, **self.coupons.answers})
        self.rule_makers.compare(self.programmes.answers)
        if wrong := self.probe.obeys(self.programmes.told_of(PROBE)):
            raise Violation(f"model: {wrong}")
        if wrong := self.jobs.log_fits(self.checker.logs) if self.draw.jobs else "":
            raise Violation(f"jobs: {wrong}")
        if wrong := self.carts.log_fits(self.checker.logs) if self.draw.cart_idle_s or self.draw.moments else "":
            raise Violation(f"carts: {wrong}")
        self.wiring.tree.check()
        FaultyStore(self.disk, self.faults).check()
        memories = [memory for host in hosts(self.wiring.tree) for memory in host.memories()]
        self.checker.memory_is_the_store(memories)
        rejected, drawn = self.tally.counts["stages_rejected"], self.faults.counts["store_rejected"]
        if rejected != drawn:
            raise Violation(f"invariant 4: {rejected} stages were rejected, {drawn} of them because the seed said so")
        for user, balance in self.receiver.balances().items():
            book = self.points.books.get(f"user:{user}")
            if book is None or book.balance != balance:
                raise Violation(f"receiver: {user} heard of a balance of {balance}, the model says otherwise")

    @property
    def _inputs(self) -> int:
        asked = self.askers.sent + self.askers.asked + self.merchants.asked
        return self.publishers.sent + asked + self.callers.sent + self.delayers.sent

    def _outcome(self, violation: str) -> Outcome:
        marks, faults = self.marks, self.faults
        for name in ("unknown_committed", "unknown_lost", "doubt_refused"):
            marks[name] = faults.counts[f"store_{name}"]
        marks["fsync_failed"] = faults.counts["store_fsync"]
        marks["lru_reloads"], marks["ring_missed"] = faults.counts["lru_reloads"], faults.counts["ring_missed"]
        marks["clock_leaps"] += int(self.tally.gauges.get("clock_jumps", 0))
        marks["trimmed"] = sum(base - 1 for base in self.disk.image.bases.values())
        marks["lingering"] = self.broker.waited
        marks["effects_again"], marks["answers_from_store"] = self.receiver.again, self.askers.from_store
        marks.update(self.callers.marks)
        marks += from_tally(self.tally.counts)
        marks.update({name: n for name, n in faults.counts.items() if name.startswith("raised_")})
        return Outcome(
            self.seed, self.trace.hexdigest(), self.steps, self._inputs,
            self.receiver.effects, violation, dict(sorted(self.tally.counts.items())),
            marks["process_killed"], faults.of_store, self.broker.faults, {k: n for k, n in sorted(marks.items()) if n},
        )  # fmt: skip


def sizes_of(drawn: Draw) -> Sizes:
    """How a job's users go out: a page and a half at a time, amid other traffic one by one."""
    return Sizes(drawn.job_page + drawn.job_page // 2, drawn.job_page, 1)


def campaign_pages(drawn: Draw) -> CampaignPages:
    """How users hear that a campaign is due: so many at a time, amid other traffic one by one."""
    return CampaignPages(drawn.campaign_page, 1)


@lru_cache(maxsize=PROGRAMMES_KEPT)
def _compiled(rules: bytes) -> Programme:
    programme = parse(rules)
    assert isinstance(programme, Programme), programme
    return programme


def _drop(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


def quiet_logs() -> None:
    """A world's own log lines are noise: thousands of faults are meant."""
    structlog.configure(
        processors=[_drop], wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=True
    )
