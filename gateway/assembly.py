"""What the HTTP side is given of a wiring: queries over the store's readers, decisions, health and metrics.

Readiness is said here in one place, so that an operator finds every reason for a 503 in one function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from prometheus_client import CollectorRegistry

from actors.coupon.actor import CouponIssuerActor
from actors.notification.actor import NotificationActor
from actors.points.actor import PROGRAMME, Active, PointsLedgerActor
from actors.programmes.kind import Parsed
from actors.registry import FAMILIES, FOR_OPERATORS, PROGRAMMES
from gateway.app import Ports
from gateway.audit import AuditLog
from gateway.behaviour_queries import BehaviourQueries
from gateway.campaign_queries import CampaignQueries
from gateway.campaigns import Campaigns
from gateway.carts import CartQueries
from gateway.commands import Commands
from gateway.coupon_codes import CouponCodes
from gateway.coupon_jobs import CouponJobs
from gateway.coupon_queries import CouponQueries
from gateway.estimates import Estimates
from gateway.export import exports
from gateway.health import Health, Readiness
from gateway.imported_codes import ImportedCodes
from gateway.ingest import Ingest
from gateway.key_file import KeyFile
from gateway.key_ring import KeyRing
from gateway.message_templates import MessageTemplates, built_in
from gateway.operations import Decisions, ParkedQueries
from gateway.programmes import Programmes
from gateway.queries import PointsQueries
from gateway.readers import ReaderPool
from gateway.sample import Sampler
from gateway.stops import StopButtons
from gateway.templates import Templates
from gateway.validation import Validation
from gateway.waiting import FoldedByPolling
from gateway.wiring import Wiring
from supervision.domain import Domain
from supervision.engine import Engine
from supervision.runtime import Runtime
from topology.wire import Door

SEGMENTS_NAMED_MAX = 16
"""In a reason of /readyz."""

D = TypeVar("D", bound=Domain[Any])


def build_ports(
    wiring: Wiring,
    folder: Path,
    runtime: Runtime,
    registry: CollectorRegistry,
    made_up_id: Callable[[], str],
    has_broker: bool,
    http_tick_s: Callable[[], float],
) -> Ports:
    """Everything that gateway/app.py asks for; raises BadKeys. `folder` is where keys and audit log are."""
    engine = wiring.engine
    segments = engine.store.segments
    readers = ReaderPool(engine.store.reader)
    parked = ParkedQueries(readers, segments, sorted(engine.domains))
    ledger, issuer = _domain(engine, PointsLedgerActor), _domain(engine, CouponIssuerActor)
    points = PointsQueries(readers, segments, runtime.clock, ledger)
    codes = CouponCodes(readers, segments, issuer.code_keys)
    coupons = CouponQueries(readers, segments, runtime.clock, codes)
    user_campaigns = CampaignQueries(readers, segments)
    behaviours = BehaviourQueries(readers, segments)
    counters = engine.counters
    ingest = Ingest(wiring.door.decode, engine.journal, wiring.not_taking, made_up_id, counters)
    keys = KeyRing(KeyFile(folder), runtime.clock, counters)
    own = ledger.programme(Active())
    texts = _domain(engine, NotificationActor)
    settings: Mapping[str, Parsed] = {PROGRAMME: own, **built_in(texts.templates)}
    programmes = Programmes(PROGRAMMES, settings, readers, engine.journal, segments, made_up_id, FAMILIES)
    templates = Templates(programmes, readers, segments, codes)
    campaigns = Campaigns(programmes, readers, segments, own.zone, own.rules.currency, wiring.endpoints)
    return Ports(
        ingest=ingest,
        commands=_commands(wiring, readers, ingest, made_up_id),
        jobs=CouponJobs(wiring.door.decode, engine.journal, readers, segments, made_up_id, ingest.not_taking),
        points=points,
        estimates=Estimates(points, runtime.clock),
        codes=codes,
        coupons=coupons,
        behaviours=behaviours,
        carts=CartQueries(readers, segments),
        validation=Validation(readers, segments, runtime.clock, codes),
        exports=exports(points, readers, segments, coupons, behaviours, user_campaigns),
        parked=parked,
        decisions=Decisions(parked, engine.journal, segments),
        programmes=programmes,
        templates=templates,
        imported=ImportedCodes(templates, codes, engine.journal, readers, segments, ingest.not_taking),
        campaigns=campaigns,
        user_campaigns=user_campaigns,
        stops=StopButtons(programmes, campaigns, readers, segments, runtime.clock),
        message_templates=MessageTemplates(programmes, readers, segments, texts.templates, texts.zone),
        wait_folded=FoldedByPolling(engine.hurry, engine.folded, engine.parked_domains),
        health=Health(lambda: _ages(wiring, runtime, http_tick_s()), lambda: readiness(wiring, has_broker, keys)),
        keys=keys,
        audit=AuditLog(folder, runtime.clock.now_ms),
        tree=lambda: _rows(wiring),
        registry=registry,
        sample=Sampler(engine.tails, wiring.tree, sorted(engine.domains), engine.parked_domains, counters),
        clock=runtime.clock,
        counters=counters,
    )


def _commands(wiring: Wiring, readers: ReaderPool, ingest: Ingest, made_up_id: Callable[[], str]) -> Commands:
    engine = wiring.engine
    door = Door({**wiring.commands, **FOR_OPERATORS}, engine.store.segments)
    return Commands(
        door, engine.journal, readers, engine.parked_domains, ingest.not_taking, made_up_id, engine.counters
    )  # fmt: skip


def _domain(engine: Engine, kind: type[D]) -> D:
    domain = engine.domains[kind.name]
    assert isinstance(domain, kind)
    return domain


def readiness(wiring: Wiring, has_broker: bool, keys: KeyRing) -> Readiness:
    """Why not to send traffic here; a broker that was here and went away only degrades."""
    blocking: list[str] = []
    degraded: list[str] = []
    if not wiring.engine.begun():
        blocking.append("starting")
    blocking += wiring.engine.pressure.reasons()
    for link in (wiring.bridge_link, wiring.relay_link) if has_broker else ():
        if not link.ready:
            away = f"{link.side}: {link.reason}"
            (degraded if link.ever_ready else blocking).append(away)
    degraded += _standing_still(wiring.engine.parked_domains())
    if keys.trouble:
        degraded.append(keys.trouble)
    return Readiness(tuple(blocking), tuple(degraded), keys.notes())


def _standing_still(parked: Collection[tuple[int, str]]) -> list[str]:
    """One sentence per domain that is parked somewhere."""
    segments: dict[str, list[int]] = {}
    for segment, domain in sorted(parked):
        segments.setdefault(domain, []).append(segment)
    return [
        f"the domain {domain} is parked in segment {', '.join(map(str, where[:SEGMENTS_NAMED_MAX]))}"
        + (f" and {len(where) - SEGMENTS_NAMED_MAX} more" if len(where) > SEGMENTS_NAMED_MAX else "")
        for domain, where in sorted(segments.items())
    ]


def _ages(wiring: Wiring, runtime: Runtime, http_tick_s: float) -> Mapping[str, float]:
    """Seconds since each loop last turned."""
    now = runtime.clock.monotonic_s()
    ages = {"http": now - http_tick_s}
    if wiring.engine.the_journal is not None:
        ages["journal"] = now - wiring.engine.the_journal.last_tick_s
    for link in (wiring.bridge_link, wiring.relay_link):
        if link.last_tick_s:
            ages[link.side] = now - link.last_tick_s
    return ages


def _rows(wiring: Wiring) -> Sequence[Mapping[str, Any]]:
    return [msgspec.to_builtins(row) for row in wiring.tree.rows()]
