"""Endpoints: whom this engine may call, by name. An operator lists them in a TOML file of the engine's owner alone.

    [crm]
    url = "https://crm.example/hooks/marketing"
    secrets = ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]

The list is what makes calling safe: a campaign can name an endpoint, and nothing else. Several secrets sign at once, so
that a receiver can be given a new one before the old one goes. A struct's text never holds address or secret.
"""

from __future__ import annotations

import re
import tomllib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from actors.webhook.messages import EndpointName
from topology.webhooks.address import is_public

ENDPOINTS_MAX = 64
PARALLEL = 8
TIMEOUT_S = 15
PENDING_MAX = 100_000
"""Calls of one endpoint that wait; a kilobyte or so of memory each."""
PREFIX = "whsec_"
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
"""Of a secret's bytes, as Standard Webhooks wants them."""


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One that may be called. `parallel`: calls under way at once. `timeout_s`: for a whole attempt, from the name's
    resolution to the answer. `pending_max`: calls that may wait for it. `allow_private`: it may lie in our own network,
    and then need not speak TLS.
    """

    url: Annotated[str, Meta(max_length=2_048)]
    secrets: Annotated[tuple[str, ...], Meta(min_length=1, max_length=4)]
    parallel: Annotated[int, Meta(ge=1, le=64)] = PARALLEL
    timeout_s: Annotated[int, Meta(ge=1, le=60)] = TIMEOUT_S
    pending_max: Annotated[int, Meta(ge=1, le=1_000_000)] = PENDING_MAX
    allow_private: bool = False

    def __post_init__(self) -> None:
        for secret in self.secrets:
            _check_secret(secret)
        _check_url(_split(self.url), self.allow_private)

    def __repr__(self) -> str:
        return "Endpoint(...)"


def parse(data: bytes) -> Mapping[str, Endpoint]:
    """The endpoints of a file. Raises ValueError with what is wrong, never with what stands there."""
    try:
        found = tomllib.loads(data.decode())
        endpoints = msgspec.convert(found, dict[EndpointName, Endpoint])
    except tomllib.TOMLDecodeError:
        raise ValueError("not TOML") from None
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if len(endpoints) > ENDPOINTS_MAX:
        raise ValueError(f"there may be {ENDPOINTS_MAX} endpoints, not {len(endpoints)}")
    return endpoints


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if re.fullmatch(r"[\x21-\x7e]+", url) else "")
        good = parts.hostname and "@" not in parts.netloc and parts.port != 0 and not parts.fragment
    except ValueError:  # it would say what stands there
        parts, good = SplitResult("", "", "", "", ""), False
    if not good:
        raise ValueError("url must be an address with a host and without user, blank or fragment")
    return parts


def _check_url(parts: SplitResult, allow_private: bool) -> None:
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise ValueError("url must begin with https://, or with http:// where allow_private is true")
    host = parts.hostname or ""
    literal = ":" in host or re.fullmatch(r"[0-9.]+", host)
    if literal and not allow_private and not is_public(host):
        raise ValueError("url must not have an address of our own network, unless allow_private is true")


def _check_secret(secret: str) -> None:
    try:
        size = len(b64decode(secret.removeprefix(PREFIX), validate=True)) if secret.startswith(PREFIX) else 0
    except NotBase64:
        size = 0
    if not SECRET_BYTES_MIN <= size <= SECRET_BYTES_MAX:
        least, most = SECRET_BYTES_MIN, SECRET_BYTES_MAX
        raise ValueError(f"a secret must be {PREFIX} and then base64 of {least} to {most} bytes")
