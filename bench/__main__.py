"""`python -m bench [NAME [OPTIONS]]`: each measurement in a process of its own, so that none inherits another's
memory. Without a name, all of `NAMES`, half an hour on two cores; `--long` adds those of `LONG`. One that fails
is said at the end, and the others are made all the same.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from bench.process import end_in_order

NAMES = (
    "points", "codes", "coupons", "campaigns", "morning", "store", "drain", "parts", "timers", "scale", "backup",
    "audit", "peers", "coupon_peer", "plots",
)  # fmt: skip
LONG = (["timers", "--of", "carts"], ["drain", "--events", "1000000", "--users", "200000"])
"""A million carts that are left; memory under a backlog of a million: a quarter of an hour more."""
MEASUREMENT_S_MAX = 1_800.0
STOP_S_MAX = 60.0


def measure(command: list[str]) -> int:
    """-> its exit status; whatever it has started is ended when we are."""
    print(f"== {' '.join(command)}", flush=True)
    process = subprocess.Popen([sys.executable, "-m", f"bench.{command[0]}", *command[1:]])
    try:
        return process.wait(MEASUREMENT_S_MAX)
    except subprocess.TimeoutExpired:
        print(f"given up after {MEASUREMENT_S_MAX:.0f} s", file=sys.stderr)
        return 1
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_S_MAX)


def main(argv: list[str]) -> int:
    """-> 1 when one failed, 2 for a name that is none."""
    long = argv[:1] == ["--long"]
    named = argv[1:] if long else argv
    if named and named[0] not in NAMES:
        print(f"no measurement is called {named[0]}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    commands = [named] if named else [*([name] for name in NAMES[:-1]), *(LONG if long else ()), [NAMES[-1]]]
    began = time.monotonic()
    failed = [command[0] for command in commands if measure(command) != 0]
    print(f"== {time.monotonic() - began:,.0f} s" + (f"; failed: {', '.join(failed)}" if failed else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    end_in_order()
    sys.exit(main(sys.argv[1:]))
