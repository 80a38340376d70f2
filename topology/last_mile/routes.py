"""Which of apprise's addresses a message goes to: `--apprise URL` for all channels, `--apprise sms=URL` for one.

A channel that has addresses of its own goes to these and to no other, so that "all by mail, but SMS by the gateway" is
two options. The engine knows users by their ids, not their phone numbers, and apprise's address is where those stand:
so an address may hold `{user_id}` and the like, filled in for each message, for a gateway that knows the user by it.

What is filled in comes from outside, and apprise takes its addresses apart at more characters than a URL does (a comma
in a target is two targets). So a value of other characters than ids are made of is refused, not escaped, and none
stands before the path: nobody's name decides which machine is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from actors.notification.messages import CHANNELS

VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:@~-]{0,255}")
"""What may be filled in."""
PLACEHOLDERS = ("user_id", "message_id", "channel", "template", "locale", "reference", "campaign_id")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_AUTHORITY = re.compile(r"[a-z0-9]+://[^/?]*", re.IGNORECASE)
_FROM_FILE = "@"


class Route(msgspec.Struct, frozen=True):
    """An address as it was given. It may hold passwords, so it is never shown: `name` is what it is known by."""

    url: str

    @property
    def name(self) -> str:
        """The same in every run, for the memory of what was delivered."""
        return blake2b(self.url.encode(), digest_size=8).hexdigest()

    def filled(self, values: Mapping[str, str]) -> str:
        """The address for one message. Raises ValueError, which names the placeholder, for a value that may not be."""
        return _PLACEHOLDER.sub(lambda found: _value(found[1], values), self.url)


class BadRoute(ValueError):
    """An option that cannot be used; the text says why, without the address."""


Routes = Mapping[str, Sequence[Route]]
"""By channel; only channels that have any."""


def parse(options: Sequence[str], can: Callable[[str], bool]) -> Routes:
    """The routes of `--apprise` options; `@FILE` stands for the lines of a file. An address that is given twice is one.
    Raises BadRoute and OSError.

    `can` says whether apprise knows what to do with an address.
    """
    everywhere: list[Route] = []
    own: dict[str, list[Route]] = {}
    for number, option in enumerate(_lines(options), 1):
        channel, url = _split(option)
        if why := _wrong(url, can):
            raise BadRoute(f"--apprise, the {number}. address: {why}")
        (own.setdefault(channel, []) if channel else everywhere).append(Route(url))
    if not (everywhere or own):
        raise BadRoute("--apprise: no address is given")
    found = {channel: tuple(dict.fromkeys(own.get(channel, everywhere))) for channel in CHANNELS}
    return {channel: routes for channel, routes in found.items() if routes}


def _lines(options: Sequence[str]) -> Sequence[str]:
    """Passwords in a file are not seen by all users of the machine, as options are."""
    lines: list[str] = []
    for option in options:
        text = _read(Path(option[1:])) if option.startswith(_FROM_FILE) else option
        lines += [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRoute(f"--apprise: {file} is no text in UTF-8") from None


def _split(option: str) -> tuple[str, str]:
    channel, _, url = option.partition("=")
    return (channel, url) if channel in CHANNELS else ("", option)


def _wrong(url: str, can: Callable[[str], bool]) -> str:
    authority = _AUTHORITY.match(url)
    if authority is None:
        return "it must look like scheme://…, or CHANNEL=scheme://…, with a channel of " + ", ".join(CHANNELS)
    unknown = [name for name in _PLACEHOLDER.findall(url) if name not in PLACEHOLDERS]
    if unknown:
        return f"{{{unknown[0]}}} is none of {', '.join(PLACEHOLDERS)}"
    if "{" in authority[0]:
        return "a placeholder may not stand before the path"
    if set("{}").intersection(_PLACEHOLDER.sub("", url)):
        return "of a placeholder one brace is missing; a brace that belongs to the address is written %7B or %7D"
    if not can(Route(url).filled(dict.fromkeys(PLACEHOLDERS, "x"))):
        return "apprise cannot use it"
    return ""


def _value(name: str, values: Mapping[str, str]) -> str:
    value = values.get(name, "")
    if not VALUE.fullmatch(value):
        raise ValueError(f"{name} has characters that may not stand in an address, or is empty")
    return value
