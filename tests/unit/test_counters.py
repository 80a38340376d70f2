"""Counting: the tally that tests and simulations read, and the adapter that operators read."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from gateway import metrics
from gateway.metrics import METRICS, Metric, PrometheusCounters, exposition
from supervision.counters import Counters, NullCounters, Tally


def test_a_tally_sums_over_the_labels_that_were_not_asked_for() -> None:
    tally = Tally()
    tally.count("refused_at_door", door="http", code="missing")
    tally.count("refused_at_door", 2, code="missing", door="amqp")
    assert tally.counted("refused_at_door") == 3
    assert tally.counted("refused_at_door", door="amqp") == 2
    assert tally.counted("refused_at_door", door="amqp", code="other") == 0


def test_a_tally_keeps_the_last_of_a_gauge_and_how_many_their_sum_and_the_largest_of_a_distribution() -> None:
    tally = Tally()
    for value in (3, 1, 2):
        tally.gauge("lag_entries", value, domain="points")
        tally.observe("group_items", value)
    assert tally.gauges == {("lag_entries", (("domain", "points"),)): 2}
    assert tally.observed == {("group_items", ()): (3, 6.0, 3)}


def test_counting_nothing_is_counting_too() -> None:
    counters: Counters = NullCounters()
    counters.count("commits")
    counters.gauge("unconfirmed", 1)
    counters.observe("group_items", 1)


def test_every_row_of_the_table_can_be_written_and_is_read_back() -> None:
    registry = CollectorRegistry()
    counters = PrometheusCounters(registry)
    for metric in METRICS:
        labels = dict.fromkeys(metric.labels, "x")
        if metric.type == "counter":
            counters.count(metric.name, 5, **labels)
        elif metric.type == "gauge":
            counters.gauge(metric.name, 5, **labels)
        else:
            counters.observe(metric.name, 5, **labels)
    for metric in METRICS:
        ending = {"counter": "_total", "gauge": "", "distribution": "_sum"}[metric.type]
        labels = dict.fromkeys(metric.labels, "x")
        assert registry.get_sample_value(f"ganglion_{metric.name}{ending}", labels) == 5, metric.name


def test_an_unknown_name_or_label_is_counted_as_such_and_harms_nobody() -> None:
    registry = CollectorRegistry()
    counters = PrometheusCounters(registry)
    counters.count("no_such_thing")
    counters.count("commits", domain="points")
    counters.gauge("commits", 1)
    counters.observe("group_items", 1, domain="points")
    assert registry.get_sample_value("ganglion_unknown_metrics_total") == 4


def test_a_leak_of_label_values_is_dropped_at_the_limit() -> None:
    registry = CollectorRegistry()
    counters = PrometheusCounters(registry)
    for n in range(metrics.CHILDREN_MAX + 10):
        counters.gauge("lag_entries", n, domain=n)
    assert registry.get_sample_value("ganglion_unknown_metrics_total") == 10


def test_numbers_without_labels_are_shown_before_they_first_happen() -> None:
    registry = CollectorRegistry()
    table = (Metric("fences", "counter", "Fences."), Metric("unknown_metrics", "counter", "Unknown."))
    PrometheusCounters(registry, table)
    text, media_type = exposition(registry)
    assert b"ganglion_fences_total 0.0" in text
    assert media_type.startswith("text/plain")
