"""Whom an engine may be shown to: nobody beyond this machine before there are keys, and no key in clear text.

Asked once, before anything is bound. The answer is a sentence, because whoever reads it has just been refused a start.
"""

from __future__ import annotations

from gateway.address import is_loopback
from gateway.settings import Settings


def refusal(settings: Settings, host: str, has_keys: bool) -> str | None:
    """Why the engine may not serve on `host`, None when it may. Behind a proxy, loopback is the world."""
    if bool(settings.tls_cert) != bool(settings.tls_key):
        return "tls_cert and tls_key go together: give both or none"
    if is_loopback(host) and not settings.behind_proxy:
        return None
    reached = "with --behind-proxy others reach it" if is_loopback(host) else f"others reach {host}"
    if not has_keys:
        return f"{reached}, and there are no API keys: make one with `run.py keys create --name N --scopes a,b`"
    if not settings.tls_cert and not settings.behind_proxy:
        return f"{reached}, and keys must not travel in clear text: give tls_cert and tls_key, or --behind-proxy"
    return None
