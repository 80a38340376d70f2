"""`python -m bench [NAME [OPTIONS]]`: each measurement in a process of its own, so that none inherits another's
memory.
"""

from __future__ import annotations

import subprocess
import sys

NAMES = ("points", "store", "drain", "million", "backup")


def main(argv: list[str]) -> int:
    """-> the first exit status that is not 0."""
    if argv and argv[0] not in NAMES:
        print(f"no measurement is called {argv[0]}; known: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    chosen, options = (argv[:1], argv[1:]) if argv else (list(NAMES), [])
    for name in chosen:
        print(f"== {name}", flush=True)
        status = subprocess.call([sys.executable, "-m", f"bench.{name}", *options])
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
