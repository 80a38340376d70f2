"""The templates of coupons that a world's shop has, and how it changes each while the world runs.

So little stock that a dozen customers use it up, so that what segments lend and give back is busy; public codes; kinds
that the reference model reckons itself (coupon_sums.py).
"""

from __future__ import annotations

from random import Random
from typing import Any

from actors.coupon.listing import Status

TEMPLATES_MAX = 3
CHANGES_MAX = 3
Version = tuple[Status, dict[str, Any]]
"""(status, template)."""


def templates(rng: Random) -> dict[str, list[Version]]:
    """Each with its versions, in the order in which they are put. The first ones are active or become so."""
    return {f"t{n}": _versions(rng, n) for n in range(rng.randint(1, TEMPLATES_MAX))}


def transferable(rng: Random, shop: dict[str, list[Version]]) -> dict[str, list[Version]]:
    """The same whose coupons may be handed over, in most versions."""
    return {
        template: [(status, rules | {"transferable": rng.random() < 0.9}) for status, rules in versions]
        for template, versions in shop.items()
    }


def _versions(rng: Random, n: int) -> list[Version]:
    rules = _rules(rng, n)
    versions: list[Version] = [("draft", rules)] if rng.random() < 0.2 else []
    versions.append(("active", rules))
    for _ in range(rng.randint(0, CHANGES_MAX)):
        status, rules = versions[-1]
        if status == "active":
            changes = ["pause", *("more",) * 4, "less", "close", "close"]
        else:
            changes = ["continue", "continue", "continue", "close"]
        versions.append(_changed(rng, status, rules, rng.choice(changes)))
        if versions[-1][0] == "closed":
            break
    return versions


def _changed(rng: Random, status: Status, rules: dict[str, Any], change: str) -> Version:
    match change:
        case "pause":
            return "paused", rules
        case "continue":
            return "active", rules
        case "close":
            return "closed", rules
        case _:
            more = rng.randint(1, 6) if change == "more" else -1
            return status, _resized(rules, more) | {"name": f"{rules['name']}+"}


def _resized(rules: dict[str, Any], more: int) -> dict[str, Any]:
    """With so many pieces more, and as many discounts."""
    sizes: dict[str, int] = {"stock": 1, "budget": _most(rules["kind"])}
    least = {"stock": max([1, *rules["per_user"].values(), rules["code"].get("uses", 0)]), "budget": sizes["budget"]}
    return rules | {name: max(least[name], rules[name] + more * size) for name, size in sizes.items() if name in rules}


def _rules(rng: Random, n: int) -> dict[str, Any]:
    kind = _kind(rng)
    public = rng.random() < 0.3
    rules: dict[str, Any] = {
        "name": f"template {n}",
        "kind": kind,
        "valid": rng.choice((*({"days": 1},) * 6, {"days": 2}, {"days": 30})),
        "zone": rng.choice(("UTC", "Asia/Shanghai")),
        "per_user": rng.choice(({}, {}, {"total": 1}, {"total": 2}, {"per_day": 1}, {"per_month": 1})),
        "stacking": rng.choice(({}, {}, {"group": "a"}, {"group": "b"}, {"exclusive": True})),
        "code": {"public": f"DOUBLE{n}"} if public else rng.choice(({}, {"prefix": "XMAS"})),
    }
    if rng.random() < 0.8:
        rules["stock"] = rng.choice((2, 3, 6, 10, 14))
    elif public:
        rules["code"]["uses"] = rng.randint(1, 6)
    if rng.random() < 0.35:
        rules["budget"] = _most(kind) * rng.randint(1, 4)
    if rng.random() < 0.2:
        rules["categories"] = ["food"]
    if rng.random() < 0.2:
        rules["minimum_amount"] = 5_000
    return rules


def _most(kind: dict[str, Any]) -> int:
    """That one coupon takes off."""
    return kind["amount"] if "amount" in kind else kind["maximum"]


def _kind(rng: Random) -> dict[str, Any]:
    if rng.random() < 0.6:
        return {"type": "fixed", "amount": rng.choice((700, 2_000))}
    return {"type": "percent", "percent": rng.choice(("10", "100/3", "50")), "maximum": rng.choice((900, 2_500))}
