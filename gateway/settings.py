"""What an operator may set. One table: it is the TOML file's schema, the command line's options and the README's list
at once.

A name that does not exist, a value of the wrong kind or out of bounds stops the start with the name, what was found,
what is allowed and, when a file said it, which. Nothing is guessed, because a limit that was silently not set is found
on the worst day. Every number has both bounds, so that a sentence about it can name them.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from actors.behaviour.actor import KEPT_DAYS
from actors.cart.actor import IDLE_S
from actors.notification.policy import CONSENT, LIMITS, QUIET, VALID_FOR_S
from actors.watch.actor import REFUSALS_MAX
from gateway.address import parsed


class BadSetting(Exception):
    """The text names the setting, what it was and what is allowed."""


YEARS_100_S = 100 * 365 * 24 * 3600
BYTES_MAX = 1 << 50
ENTRIES_MAX = 10**12
FORMS = {
    "http": "HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8420 or [::1]:8420",
    "audit_at": "empty, or a time of day such as 03:30",
    "amqp": "empty, or an address such as amqp://user:password@host:5672/vhost or amqps://…",
    "default_currency": "a currency code of ISO 4217 such as CNY",
    "consent_default": "allow, deny, or channels such as sms=deny, email=deny",
    "quiet_hours": "empty, or hours such as 22-8",
    "message_limits": "empty, or limits such as all 3 per day; channel:sms 1 per 24h (s, m, h, d; day to year)",
    "webhooks": "empty, or the path of a TOML file",
    "tls_cert": "empty, or the path of a PEM file",
    "tls_key": "empty, or the path of a PEM file",
}
"""What the text of a setting must look like, where a type does not say it."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of `run.py serve`; units are in the names."""

    data: Annotated[str, Meta(min_length=1, description="folder of the store")] = "./data"
    http: Annotated[str, Meta(description="where the HTTP gateway listens; port 0 takes a free one")] = "127.0.0.1:8420"
    behind_proxy: Annotated[bool, Meta(description="a proxy of yours ends TLS and passes requests on to `http`")] = (
        False
    )
    tls_cert: Annotated[str, Meta(description="PEM file with the certificate and its chain; empty: no TLS here")] = ""
    tls_key: Annotated[str, Meta(description="PEM file with the key of `tls_cert`")] = ""
    require_idempotency_key: Annotated[
        bool, Meta(description="refuse a request that changes something and has no Idempotency-Key")
    ] = False
    amqp: Annotated[str, Meta(pattern=r"^(amqps?://.+)?$", description="broker's address; empty: HTTP alone")] = ""
    private_broker: Annotated[
        bool, Meta(description="start a RabbitMQ of our own below the data folder; not with `amqp`")
    ] = False
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
    default_currency: Annotated[
        str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217 code in which the programme reckons")
    ] = "CNY"
    locale: Annotated[str, Meta(min_length=2, description="locale of notifications")] = "zh-Hans"
    audit_at: Annotated[
        str,
        Meta(
            pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$",
            description="when the books are audited every day, HH:MM in `zone`; empty: never",
        ),
    ] = "03:30"
    alarm_refusals_max: Annotated[
        int,
        Meta(ge=0, le=10**9, description="refusals in a segment within 10 minutes; one more raises an alarm; 0: none"),
    ] = REFUSALS_MAX
    cart_idle_s: Annotated[
        int, Meta(ge=0, le=YEARS_100_S, description="a cart that nobody touches for so long is abandoned; 0: never")
    ] = IDLE_S
    consent_default: Annotated[
        str,
        Meta(
            pattern=CONSENT,
            description="whether users who said nothing hear us; by channel with `deny`, the others allow",
        ),
    ] = "allow"
    quiet_hours: Annotated[
        str, Meta(pattern=QUIET, description="hours of the user's zone (else `zone`) in which messages wait")
    ] = ""
    preferred_hours: Annotated[
        bool, Meta(description="messages wait for the hour that a user's profile names (`preferred_hour`)")
    ] = False
    message_limits: Annotated[
        str, Meta(pattern=LIMITS, description="how many messages a user gets, by all channels or one")
    ] = ""
    message_valid_s: Annotated[
        int, Meta(ge=1, le=YEARS_100_S, description="a message that has waited so long is dropped")
    ] = VALID_FOR_S
    webhooks: Annotated[
        str, Meta(description="TOML file of the endpoints that campaigns may call, its owner's alone; empty: none")
    ] = ""
    log_retention_s: Annotated[
        int, Meta(ge=60, le=YEARS_100_S, description="entries behind all readers are kept this long")
    ] = 7 * 24 * 3600
    log_bytes_max: Annotated[int, Meta(ge=1 << 20, le=BYTES_MAX, description="or until the log is this large")] = (
        64 << 30
    )
    behaviour_days: Annotated[
        int, Meta(ge=1, le=36_500, description="days that lines of what users did, and of messages to them, are kept")
    ] = KEPT_DAYS
    outward_retention_s: Annotated[
        int, Meta(ge=60, le=YEARS_100_S, description="effects wait this long for a broker")
    ] = 7 * 24 * 3600
    absence_hold_s_max: Annotated[
        int, Meta(ge=0, le=86_400, description="absence timers wait this long for the broker")
    ] = 900
    disk_free_min: Annotated[int, Meta(ge=0, le=BYTES_MAX, description="bytes; below it the doors close")] = 512 << 20
    waiting_bytes_max: Annotated[
        int,
        Meta(ge=1 << 16, le=BYTES_MAX, description="bytes of input waiting for the store; above it the doors close"),
    ] = 32 << 20
    lag_entries_max: Annotated[
        int, Meta(ge=1_000, le=ENTRIES_MAX, description="entries a money domain may be behind before the doors close")
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
        except UnicodeDecodeError:
            raise BadSetting(f"{path}: not UTF-8") from None
        except tomllib.TOMLDecodeError as error:
            raise BadSetting(f"{path}: not TOML: {error}") from None
    for name in found:
        if name not in Settings.__struct_fields__:
            raise BadSetting(f"{path}: {unknown(name)}")
    for name, value in found.items():
        if wrong := _wrong(name, value):
            raise BadSetting(f"{path}: {wrong}")
    return checked({**found, **overrides})


def unknown(name: str) -> str:
    """What to say of a name that is no setting."""
    close = difflib.get_close_matches(name, Settings.__struct_fields__, 1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"no setting is called `{name}`{hint} Known: {', '.join(Settings.__struct_fields__)}"


def checked(values: Mapping[str, Any]) -> Settings:
    """`values` as settings; each alone first, so that the error names it."""
    for name, value in values.items():
        if wrong := _wrong(name, value):
            raise BadSetting(wrong)
    return msgspec.convert(dict(values), Settings, strict=False)


def _wrong(name: str, value: Any) -> str | None:
    """What to say of `value` when the setting may not have it."""
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    try:
        msgspec.convert(value, types[name], strict=not isinstance(value, str) or types[name] is bool)
        right = name != "http" or parsed(value) is not None
    except msgspec.ValidationError:
        right = False
    return None if right else f"`{name}` is {value!r}, it must be {allowed(name)} ({description(name)})"


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    schema = _schema(name)
    if name in FORMS:
        return FORMS[name]
    if values := _values(schema):
        return f"one of {', '.join(map(str, values))}"
    if schema["type"] == "integer":
        return f"an integer from {schema['minimum']} to {schema['maximum']}"
    if schema["type"] == "boolean":
        return "true or false"
    return f"a text of at least {schema['minLength']} characters"


def description(name: str) -> str:
    """The sentence that the table has for a setting."""
    schema = _schema(name)
    values = _values(schema)
    text: str = schema.get("description", "")
    return f"{text}; one of {', '.join(map(str, values))}" if values else text


def _schema(name: str) -> dict[str, Any]:
    return msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"][name]


def _values(schema: dict[str, Any]) -> list[Any] | None:
    return schema.get("enum") or next((part["enum"] for part in schema.get("anyOf", ()) if "enum" in part), None)
