"""Several of one program, as a team's deployment would run them: `python -m bench.peers.replicas N MODULE [...]`.

They share one queue, so that one user's events may overtake each other; a team that minds has one replica, or shards
its users by itself. Ends with the first that ends, and takes the others with it.
"""

from __future__ import annotations

import os
import subprocess
import sys

from bench.process import end_in_order


def main(replicas: int, arguments: list[str]) -> int:
    """-> the status of the first that ended."""
    started = [subprocess.Popen([sys.executable, "-m", *arguments]) for _ in range(replicas)]
    try:
        pid, status = os.wait()
        return next(os.waitstatus_to_exitcode(status) for each in started if each.pid == pid)
    finally:
        for each in started:
            each.terminate()


if __name__ == "__main__":
    end_in_order()
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
