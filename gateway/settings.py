"""What an operator may set. One table: it is the TOML file's schema, the command line's options and the README's list
at once.

A name that does not exist, a value of the wrong kind or out of bounds stops the start with the name, what was found
and what is allowed. Nothing is guessed, because a limit that was silently not set is found on the worst day.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


class BadSetting(Exception):
    """The text names the setting, what it was and what is allowed."""


Port = Annotated[str, Meta(pattern=r"^\S+:\d{1,5}$", description="host:port")]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of `run.py serve`; units are in the names."""

    data: Annotated[str, Meta(min_length=1, description="folder of the store")] = "./data"
    http: Annotated[Port, Meta(description="where the HTTP gateway listens; port 0 takes a free one")] = (
        "127.0.0.1:8420"
    )
    amqp: Annotated[str, Meta(pattern=r"^(amqps?://.+)?$", description="broker's address; empty: HTTP alone")] = ""
    segments: Annotated[int, Meta(ge=1, le=1024, description="segments of a new store; fixed for ever after")] = 16
    declare: Annotated[
        Literal["declare", "check"], Meta(description="declare exchanges and queues at the start, or only check them")
    ] = "declare"
    seed_queues: Annotated[bool, Meta(description="also declare the consumers' queues of the original description")] = (
        False
    )
    prefetch: Annotated[int, Meta(ge=1, le=65_535, description="unacknowledged messages taken from the broker")] = 2_000
    confirm_window: Annotated[int, Meta(ge=1, le=65_535, description="effects published and not yet confirmed")] = 1_024
    points_valid_days: Annotated[
        int, Meta(ge=1, le=36_500, description="a lot of points expires at the end of this day")
    ] = 365
    points_reminder_days: Annotated[
        int, Meta(ge=0, le=3_650, description="days before that for the reminder; 0: none")
    ] = 7
    zone: Annotated[str, Meta(min_length=1, description="the programme's time zone (IANA name)")] = "UTC"
    locale: Annotated[str, Meta(min_length=2, description="locale of notifications")] = "zh-Hans"
    log_retention_s: Annotated[int, Meta(ge=60, description="entries behind all readers are kept this long")] = (
        7 * 24 * 3600
    )
    log_bytes_max: Annotated[int, Meta(ge=1 << 20, description="or until the log is this large")] = 64 << 30
    outward_retention_s: Annotated[int, Meta(ge=60, description="effects wait this long for a broker")] = 7 * 24 * 3600
    absence_hold_s_max: Annotated[
        int, Meta(ge=0, le=86_400, description="absence timers wait this long for the broker")
    ] = 900
    disk_free_min: Annotated[int, Meta(ge=0, description="bytes; below it the doors close")] = 512 << 20
    waiting_bytes_max: Annotated[
        int, Meta(ge=1 << 16, description="bytes of input waiting for the store; above it the doors close")
    ] = 32 << 20
    lag_entries_max: Annotated[
        int, Meta(ge=1_000, description="entries a money domain may be behind before the doors close")
    ] = 200_000
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="of the lines on stderr")] = (
        "info"
    )


def load(path: Path | None, overrides: Mapping[str, Any]) -> Settings:
    """The settings of a TOML file, with the command line's on top. Raises BadSetting."""
    found: dict[str, Any] = {}
    if path is not None:
        try:
            found = tomllib.loads(path.read_text())
        except OSError as error:
            raise BadSetting(f"{path}: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise BadSetting(f"{path}: not TOML: {error}") from None
    for name in found:
        if name not in Settings.__struct_fields__:
            raise BadSetting(f"{path}: {unknown(name)}")
    return checked({**found, **overrides})


def unknown(name: str) -> str:
    """What to say of a name that is no setting."""
    close = difflib.get_close_matches(name, Settings.__struct_fields__, 1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"no setting is called `{name}`{hint} Known: {', '.join(Settings.__struct_fields__)}"


def checked(values: Mapping[str, Any]) -> Settings:
    """`values` as settings; each alone first, so that the error names it."""
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    for name, value in values.items():
        try:
            msgspec.convert(value, types[name], strict=not isinstance(value, str) or types[name] is bool)
        except msgspec.ValidationError as error:
            raise BadSetting(f"`{name}` is {value!r}: {error} ({description(name)})") from None
    return msgspec.convert(dict(values), Settings, strict=False)


def description(name: str) -> str:
    """The sentence that the table has for a setting."""
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"][name]
    allowed = schema.get("enum") or next((part["enum"] for part in schema.get("anyOf", ()) if "enum" in part), None)
    text: str = schema.get("description", "")
    return f"{text}; one of {', '.join(map(str, allowed))}" if allowed else text
