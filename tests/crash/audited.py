"""`run.py audit` as an operator runs it."""

from __future__ import annotations

import subprocess
import sys

from tests.crash.program import ROOT, Program

AUDIT_S_MAX = 120.0


def audit(program: Program) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run.py", "audit", "--data", str(program.data)],
        cwd=ROOT, capture_output=True, text=True, timeout=AUDIT_S_MAX, check=False,
    )  # fmt: skip


def proven(program: Program) -> int:
    """Asserts that it is; -> the records read."""
    done = audit(program)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout.endswith("\nthe books are proven\n"), done.stdout
    return int(done.stdout.split()[0])
