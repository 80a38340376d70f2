"""What an operator does to a broker from a shell: `rabbitmqctl`, on a private node.

A second or two per call, since each is an Erlang machine of its own; the management API cannot do these things.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.crash.program import until
from topology.broker_node import PrivateBroker

CTL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
CALL_S_MAX = 60.0


def rabbitmqctl(node: PrivateBroker, *words: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Run it, and `meanwhile` again and again until it has ended. Fails with what it said when the node refuses."""
    assert node.ports is not None, "the node was never started"
    folder = node.folder
    environment = os.environ | {
        "HOME": str(folder / "home"),
        "ERL_EPMD_PORT": str(node.ports.epmd),
        "RABBITMQ_NODENAME": (folder / "name").read_text(),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "empty"),
    }
    command = [str(CTL), "-q", *words]
    with tempfile.TemporaryFile() as said:
        running = subprocess.Popen(command, env=environment, cwd=folder, stdout=said, stderr=said)

        def over() -> bool:
            meanwhile()
            return running.poll() is not None

        try:
            until(over, CALL_S_MAX, lambda: f"{command} has not ended")
        finally:
            running.kill()
            running.wait()
        said.seek(0)
        assert running.returncode == 0, f"{command}: {said.read().decode(errors='replace')}"
