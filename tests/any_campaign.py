"""Any campaign at all, as hypothesis draws it, in JSON."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.campaign_world import SMS

events = st.sampled_from(["product_view", "purchase_complete", "sign_in", "points.earned", "试穿"])
labels = st.sampled_from(["tea", "cups", "x" * 128])
numbers = st.integers(-3, 12)
scalars = st.booleans() | numbers | st.sampled_from([0.5, 2.0, -1.25]) | st.sampled_from(["", "a", "b", "3"])
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def _compared(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    one = st.fixed_dictionaries({"op": orders, "value": values})
    many = st.fixed_dictionaries({"op": st.just("in"), "value": st.lists(values, min_size=1, max_size=4)})
    return one | many


_tests = st.lists(
    st.builds(lambda name, rest: {"field": name} | rest, st.sampled_from(["a", "b"]), _compared(scalars)), max_size=2
)
_windows = st.sampled_from(
    [
        {},
        {"seconds": 3600},
        {"seconds": 30 * 86400},
        {"days": 1},
        {"days": 30},
        {"calendar": "week"},
        {"calendar": "year"},
    ]
).map(dict)  # one's own: some tests spoil what they were given
_matches = st.fixed_dictionaries({"event": events}, optional={"where": _tests})


def _leaf(kind: str, needed: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)} | needed, optional=optional)


def _with(leaf: st.SearchStrategy[dict[str, Any]], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda one, rest: one | rest, leaf, _compared(values))


leaves = st.one_of(
    _with(_leaf("event", {"field": st.sampled_from(["a", "b"])}), scalars),
    _with(_leaf("count", {"event": events}, where=_tests, within=_windows, net=st.booleans()), numbers),
    _with(
        _leaf("sum", {"event": events, "field": st.just("v")}, where=_tests, within=_windows, net=st.booleans()),
        numbers,
    ),
    _with(_leaf("days", {"event": events}, where=_tests, within=_windows), numbers),
    _leaf(
        "since",
        {"event": events, "op": st.sampled_from(["<", "<=", ">", ">="]), "seconds": st.integers(1, 5)},
        where=_tests,
    ),
    _leaf("did", {"event": events}, where=_tests, but_not=st.lists(_matches, max_size=2), within=_windows),
    _leaf("after_trigger", {"event": events}, where=_tests),
    _with(_leaf("cart", {"of": st.sampled_from(["value", "lines", "pieces"])}), numbers),
    _leaf("cart_has", {"products": st.lists(labels, max_size=2), "categories": st.lists(labels, max_size=2)}),
    _leaf("tier", {"op": st.sampled_from(["=", "!="]), "value": st.sampled_from(["", "gold"])}),
    _with(_leaf("points", {}), numbers),
    _with(_leaf("coupons", {}, template=labels), numbers),
    _with(_leaf("profile", {"fact": st.sampled_from(["vip", "city"])}), scalars),
    _leaf(
        "clock",
        {},
        weekdays=st.lists(st.integers(1, 7), max_size=3),
        hours=st.tuples(st.integers(0, 23), st.integers(0, 24)),
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        _leaf("all", {"of": st.lists(inner, min_size=1, max_size=3)})
        | _leaf("any", {"of": st.lists(inner, min_size=1, max_size=3)})
        | _leaf("not", {"of": inner})
    ),
    max_leaves=6,
)
_clocks = st.sampled_from(["00:00", "02:30", "23:59"])
_seconds = st.integers(1, 100_000)
triggers = st.one_of(
    _leaf("event", {"event": events}, where=_tests),
    _leaf(
        "no_action",
        {"event": events, "seconds": _seconds},
        where=_tests,
        none_of=st.lists(_matches, max_size=2),
        idle=st.booleans(),
    ),
    _leaf("cart_idle", {"seconds": _seconds}, min_value=st.integers(0, 3)),
    _leaf("schedule", {"cron": st.sampled_from(["0 10 * * *", "*/5 2 * * mon", "0  0 29 2 *"])}),
    _leaf("birthday", {}, at=_clocks),
    _leaf("before", {"what": st.sampled_from(["tier_end", "coupon_end"]), "days": st.integers(0, 9)}, at=_clocks),
    _leaf("absent_for", {"days": st.integers(1, 90)}, event=events, where=_tests, at=_clocks),
    _leaf("change", {}),
)
_refused = st.lists(
    st.fixed_dictionaries({"then": st.builds(lambda: [dict(SMS)])}, optional={"codes": st.builds(lambda: ["capped"])}),
    max_size=2,
)
_parameters = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", 3]), max_size=2)
_steps_without = st.one_of(
    _leaf(
        "send_notification",
        {"channel": st.sampled_from(["sms", "email"]), "template": labels},
        parameters=_parameters,
        transactional=st.booleans(),
        valid_for_s=_seconds,
        on_refused=_refused,
    ),
    _leaf("issue_coupon", {"template": labels}, on_refused=_refused) | _leaf("issue_coupon", {"tag": labels}),
    _leaf("give_points", {"points": st.integers(1, 9)}, reason=labels),
    _leaf("upgrade_tier", {"level": st.just("gold")}, days=st.integers(1, 30)),
    _leaf("webhook", {"endpoint": st.just("crm")}),
    _leaf("emit", {"effect": st.just("gift")}, parameters=_parameters),
    _leaf("wait", {"seconds": _seconds}, until=_clocks),
)
steps = st.recursive(
    _steps_without,
    lambda inner: st.builds(
        lambda step, then, otherwise: step | {"then": then, "else": otherwise},
        _leaf("wait_for", {"event": events, "seconds": _seconds}, where=_tests) | _leaf("branch", {"when": leaves}),
        st.lists(inner, min_size=1, max_size=2),
        st.lists(inner, max_size=2),
    ),
    max_leaves=5,
)
campaigns = st.fixed_dictionaries(
    {"name": labels, "trigger": triggers, "steps": st.lists(steps, min_size=1, max_size=4)},
    optional={
        "zone": st.sampled_from(["UTC", "Asia/Shanghai"]),
        "tags": st.just(["tea", "cups", "tea"]),
        "holdout_percent": st.sampled_from(["0", "5.0", "10/3"]),
        "when": conditions,
        "exit": conditions,
        "limits": st.lists(
            st.fixed_dictionaries(
                {"count": st.integers(1, 5)},
                optional={"window": _windows, "scope": st.sampled_from(["campaign", "all", "channel:sms"])},
            ),
            max_size=3,
        ),
        "under_way": st.sampled_from(["finish", "move"]),
    },
)
"""Well-typed ones; a good part of them makes no sense."""
