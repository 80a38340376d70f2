"""Coupon templates of a running engine, over HTTP: put and in force, and what came of them."""

from __future__ import annotations

from typing import Any

import httpx

ANSWER_S_MAX = 60.0


def open_template(url: str, id: str, **fields: Any) -> None:
    """A new one, in force in every segment when this returns."""
    template = {"name": id, "kind": {"type": "fixed", "amount": 1_100}, "valid": {"days": 11}} | fields
    with httpx.Client(base_url=f"{url}/v1/coupon-templates/{id}", timeout=ANSWER_S_MAX) as http:
        assert http.put("", json=template).is_success
        assert http.post("/activate").status_code == 200


def usage_of(url: str, id: str) -> dict[str, Any]:
    """The template's statistics."""
    answer = httpx.get(f"{url}/v1/coupon-templates/{id}/usage", timeout=ANSWER_S_MAX)
    assert answer.status_code == 200, answer.text
    return answer.json()
