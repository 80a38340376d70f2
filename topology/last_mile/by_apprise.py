"""Handing a message over by apprise, the library that knows a hundred services by their addresses.

It is an option of this program, and loaded by nothing else. Each message makes its plugin anew: a plugin keeps
connections, rates and states that are not meant for several threads, and an address may be another for each user.
Of a failure apprise says more to its log than to its caller; here there is only yes or no.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

INSTALL = (
    "apprise is not installed; this installs it: "
    "pip install --require-hashes -r requirements.lock -r requirements-notify.lock"
)


class NotInstalled(Exception):
    """apprise is missing; the text says how to come by it."""


class ByApprise:
    """Any thread; calls block as long as the service does, which apprise bounds (4 s to connect, 4 s to read, unless
    the address says otherwise). Raises NotInstalled.
    """

    def __init__(self) -> None:
        try:
            self._library: Any = import_module("apprise")
        except ImportError as error:
            raise NotInstalled(INSTALL) from error

    def can(self, url: str) -> bool:
        """Whether it is an address of a service that apprise can use here."""
        return self._plugin(url) is not None

    def send(self, url: str, title: str, text: str, for_one: bool) -> bool:
        """Whether the service took it. `for_one`: the address was made for one user. Raises whatever apprise and its
        plugins do.

        Most services for text messages leave out what is no phone number, and send what is then for nobody to the
        sender's own: a yes that no user has heard.
        """
        plugin = self._plugin(url)
        if plugin is None or (for_one and getattr(plugin, "targets", None) == []):
            return False
        sender: Any = self._library.Apprise(asset=self._asset())
        sender.add(plugin)
        return bool(sender.notify(body=text, title=title, body_format="text"))

    def _plugin(self, url: str) -> Any:
        return self._library.Apprise.instantiate(url, asset=self._asset())

    def _asset(self) -> Any:
        """Nothing of it is to be kept on disk, and no service is called beside another."""
        return self._library.AppriseAsset(storage_mode="memory", async_mode=False, secure_logging=True)
