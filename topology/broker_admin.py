"""The few things done to a private node over its management API: virtual hosts for tests, policies, queue depths.

`rabbitmqctl` starts a whole Erlang VM per call, one to two seconds on a small machine; a request here takes
milliseconds, so each test can have a virtual host of its own and none needs to clean up after another. Not for
production brokers, which are nobody's to change from here.
"""

from __future__ import annotations

import base64
import itertools
import json
import urllib.request
from typing import Any
from urllib.parse import quote

from topology.broker_node import PrivateBroker

request_s_max = 30.0
"""Creating a virtual host starts message stores and syncs folders; a busy disk takes its time."""


class BrokerAdmin:
    """For one thread; the node must have been started with `management`."""

    def __init__(self, broker: PrivateBroker) -> None:
        self._broker = broker
        self._numbers = itertools.count(1)

    def fresh_vhost(self) -> str:
        """Make an empty virtual host that `guest` may use; returns its name."""
        name = f"v{next(self._numbers)}"
        self.request("PUT", f"/api/vhosts/{name}")
        self.request("PUT", f"/api/permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
        return name

    def drop_vhost(self, name: str) -> None:
        """Delete it with all in it; connections into it are closed by the node."""
        self.request("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer, None when there is none. Raises urllib.error.HTTPError on a refusal."""
        request = urllib.request.Request(self._broker.http_url + path, method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=request_s_max) as answer:
            text = answer.read()
        return json.loads(text) if text else None
