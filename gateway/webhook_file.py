"""The file of webhook endpoints, which an operator writes: addresses and secrets (topology/webhooks/endpoint.py).

Whoever can read it can sign as this shop, so a file that others than its owner may read stops the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.keys import BadKeys
from gateway.private_file import PrivateFile
from topology.webhooks.endpoint import Endpoint, parse


def endpoints_of(path: str) -> Mapping[str, Endpoint]:
    """By name; none where no file is named. Raises BadKeys for one that is not there, open to others or wrong."""
    if not path:
        return {}
    data = PrivateFile(Path(path), "read").read()
    if data is None:
        raise BadKeys(f"{path}: there is no such file of webhook endpoints")
    try:
        return parse(data)
    except ValueError as error:
        raise BadKeys(f"{path}: {error}") from None
