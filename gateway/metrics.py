"""Every number that Ganglion shows, in one table, and the adapter that writes them in Prometheus' format.

The table is data so that it can be read in one go, printed, and checked: a test holds every `count`, `gauge` and
`observe` in the house to a row of it, labels included. The adapter makes all of them at start, so that a dashboard
sees a zero before the first failure and not a hole; only rows with labels appear with their first value.

Label values come from closed sets. A name or a label that the table does not know is a bug, yet counting must not
take an actor down: it is counted as `unknown_metrics` and otherwise dropped.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

PREFIX = "ganglion_"
CHILDREN_MAX = 20_000
"""Label combinations of each type; far above segments x domains, so reaching it is a leak, and the rest is dropped."""

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


class Metric(msgspec.Struct, frozen=True):
    """A row. A counter's outward name gets `_total`; `buckets` are upper bounds of a distribution, in its unit."""

    name: str
    type: Literal["counter", "gauge", "distribution"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric("restarts", "counter", "Cells restarted by their supervisor.", ("child",)),
    Metric("escalations", "counter", "Supervisors that gave up and died upwards.", ("child",)),
    Metric("parks", "counter", "Cells whose restart budget was used up and that were parked.", ("domain", "what")),
    Metric("parked", "counter", "Entries set aside for an operator.", ("domain",)),
    Metric("domains_parked", "counter", "Times a whole domain of a segment was set aside.", ("domain",)),
    Metric("parked_domains", "gauge", "Segments in which the whole domain stands still now.", ("domain",)),
    Metric("reactions_failed", "counter", "Reactions that raised; each counts to its entry.", ("domain",)),
    Metric("reactions_slow", "counter", "Reactions that exceeded the watchdog's limit.", ("domain",)),
    Metric("dropped_messages", "counter", "Messages told to cells that were stopped for good."),
    Metric("inbox_messages", "gauge", "Messages waiting in a cell's inbox.", ("cell",)),
    Metric("entries_appended", "counter", "Entries appended to the log."),
    Metric("duplicates", "counter", "Input whose id was known, not appended again."),
    Metric("business_duplicates", "counter", "Input whose business key the same had used up.", ("domain",)),
    Metric("refusals", "counter", "Refusals that were said to the world, by kind of effect.", ("kind",)),
    Metric("alarms", "counter", "Alarms raised: somebody should look.", ("alarm",)),
    Metric("ids_reused", "counter", "Input whose id was known with another command, refused."),
    Metric("refused_at_door", "counter", "Messages refused, by door and reason.", ("door", "code")),
    Metric("not_taking", "counter", "HTTP requests turned away while input was not taken."),
    Metric("dead_letters", "counter", "Messages published to the dead-letter queue.", ("reason",)),
    Metric("commits", "counter", "Transactions committed by the journal."),
    Metric("group_items", "distribution", "Appends and stages per transaction.", (), SIZES),
    Metric("stages_rejected", "counter", "Stages that failed their compare-and-set or a constraint.", ("domain",)),
    Metric("commits_refused", "counter", "Transactions that the store surely did not commit; tried again."),
    Metric("outcomes_unknown", "counter", "Transactions whose outcome had to be asked for."),
    Metric("loads_refused", "counter", "Loads of states that the store refused; tried again.", ("domain",)),
    Metric("timers_fired", "counter", "Timers whose firing was appended."),
    Metric("timers_stale", "counter", "Firings of timers that were cancelled or armed anew meanwhile.", ("domain",)),
    Metric("near_timers", "gauge", "Timers held in memory because they are due soon."),
    Metric("transfers", "counter", "Groups of entries carried to another segment."),
    Metric("relay_published", "counter", "Outward entries handed to the broker, those sent again included."),
    Metric("relay_confirmed", "counter", "Outward entries confirmed by the broker."),
    Metric("relay_nacked", "counter", "Outward entries the broker said no to; sent again."),
    Metric("relay_returned", "counter", "Outward entries that found no queue, not even the one for the unrouted."),
    Metric("unconfirmed", "gauge", "Outward entries published and not yet confirmed."),
    Metric("outward_skipped", "counter", "Outward entries given up after the outward retention."),
    Metric("webhook_attempts", "counter", "Calls of webhooks tried, by what came of it.", ("endpoint", "outcome")),
    Metric("webhooks_ended", "counter", "Calls of webhooks delivered, or failed and why.", ("endpoint", "result")),
    Metric("webhooks_pending", "gauge", "Calls of webhooks that wait or are under way.", ("endpoint",)),
    Metric("webhook_oldest_s", "gauge", "Seconds since the oldest of those was asked for.", ("endpoint",)),
    Metric("webhooks_given_up", "gauge", "1: the sender crashed again and again; nobody is called until a restart."),
    Metric("bridge_deliveries", "counter", "Messages delivered by the broker."),
    Metric("bridge_acked", "counter", "Messages acknowledged to the broker."),
    Metric("bridge_redelivered", "counter", "Messages delivered again."),
    Metric("broker_connects", "counter", "Connections to the broker that stood.", ("side",)),
    Metric("broker_connected", "gauge", "1 while connected to the broker.", ("side",)),
    Metric("lag_entries", "gauge", "Entries from a domain's checkpoint to the head, the worst segment's.", ("domain",)),
    Metric("tail_length", "gauge", "Entries held in a segment's ring.", ("segment",)),
    Metric("clock_jumps", "gauge", "Jumps of the wall clock since the start, held back before they were taken."),
    Metric("watermark_age_ms", "gauge", "Milliseconds since the input queue was last seen empty."),
    Metric("audit_last_s", "gauge", "When the last audit of the books ended, seconds since 1970 UTC."),
    Metric("audit_records", "gauge", "Records that the last audit read."),
    Metric("audit_users", "gauge", "Users that the last audit proved."),
    Metric("audit_findings", "gauge", "What the last audit found to be off."),
    Metric("audits_failed", "counter", "Audits that could not be made."),
    Metric("store_bytes", "gauge", "Bytes of the store on disk."),
    Metric("ids_dropped_early", "gauge", "Ids forgotten before their time since the start: there were too many."),
    Metric("unknown_metrics", "counter", "Numbers that this table does not know: a bug."),
    Metric("keys_stale", "gauge", "1 while the file of API keys cannot be believed and those of before hold."),
    Metric("rate_limited", "counter", "Requests turned away because their API key made too many."),
    Metric("coupon_codes_wrong", "counter", "Coupon codes over HTTP that are nobody's.", ("code",)),
    Metric("coupon_codes_unread", "counter", "Requests turned away after too many wrong coupon codes.", ("by",)),
    Metric("http_requests", "counter", "Requests answered.", ("route", "method", "status")),
    Metric("http_seconds", "distribution", "Seconds from a request's head to its answer.", ("route",), SECONDS),
)


M = TypeVar("M", Counter, Gauge, Histogram)


class _Family(Generic[M]):
    """The metrics of one type, and the children (label combinations) of them that were seen."""

    def __init__(self, metrics: dict[str, M], labels: dict[str, frozenset[str]], unknown: Counter) -> None:
        self._metrics = metrics
        self._labels = labels
        self._unknown = unknown
        self._children: dict[tuple[object, ...], M] = {}

    def child(self, name: str, labels: dict[str, str | int]) -> M | None:
        """Where to write, None when the table knows no such thing or there are too many already."""
        key = (name, *labels.items())
        known = self._children.get(key)
        return known if known is not None else self._new(key, name, labels)

    def _new(self, key: tuple[object, ...], name: str, labels: dict[str, str | int]) -> M | None:
        metric = self._metrics.get(name)
        if metric is None or self._labels[name] != labels.keys() or len(self._children) >= CHILDREN_MAX:
            self._unknown.inc()
            return None
        child = self._children[key] = metric.labels(**labels) if labels else metric
        return child


class PrometheusCounters:
    """Counters on a registry. Thread-safe; one to two microseconds per call once a label combination has been seen."""

    def __init__(self, registry: CollectorRegistry, table: tuple[Metric, ...] = METRICS) -> None:
        labels = {m.name: frozenset(m.labels) for m in table}
        counters = {
            m.name: Counter(PREFIX + m.name, m.help, m.labels, registry=registry) for m in table if m.type == "counter"
        }
        gauges = {
            m.name: Gauge(PREFIX + m.name, m.help, m.labels, registry=registry) for m in table if m.type == "gauge"
        }
        distributions = {
            m.name: Histogram(PREFIX + m.name, m.help, m.labels, buckets=m.buckets, registry=registry)
            for m in table
            if m.type == "distribution"
        }
        unknown = counters["unknown_metrics"]
        self._counters = _Family(counters, labels, unknown)
        self._gauges = _Family(gauges, labels, unknown)
        self._distributions = _Family(distributions, labels, unknown)

    def count(self, name: str, n: int = 1, /, **labels: str | int) -> None:
        child = self._counters.child(name, labels)
        if child is not None and n >= 0:
            child.inc(n)

    def gauge(self, name: str, value: float, /, **labels: str | int) -> None:
        child = self._gauges.child(name, labels)
        if child is not None:
            child.set(value)

    def observe(self, name: str, value: float, /, **labels: str | int) -> None:
        child = self._distributions.child(name, labels)
        if child is not None:
            child.observe(value)


def exposition(registry: CollectorRegistry) -> tuple[bytes, str]:
    """All numbers of `registry` in Prometheus' text format, and its content type."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
