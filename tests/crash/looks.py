"""What a running engine says of itself over HTTP: readiness and its numbers. For waiting until trouble has arrived."""

from __future__ import annotations

import httpx

from gateway.key_ring import NO_KEYS
from tests.crash.program import Program

ANSWER_S_MAX = 10.0


def reasons(program: Program) -> str:
    """All that /readyz has to say but that there are no keys, its status first."""
    answer = httpx.get(f"{program.url}/readyz", timeout=ANSWER_S_MAX)
    said = [reason for reason in answer.json().get("reasons", ()) if reason != NO_KEYS]
    return f"{answer.status_code} {'; '.join(said)}"


def number(program: Program, name: str, labels: str = "") -> float:
    """One sample of /metrics, 0 when it is not there. `labels` as printed, without the braces."""
    wanted = f"ganglion_{name}{{{labels}}}" if labels else f"ganglion_{name}"
    for line in httpx.get(f"{program.url}/metrics", timeout=ANSWER_S_MAX).text.splitlines():
        if line.startswith(f"{wanted} "):
            return float(line.rpartition(" ")[2])
    return 0.0
