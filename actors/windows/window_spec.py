"""What a campaign asks to be counted, and over which stretch of time: the words that conditions and counters share.

Conditions name counters, counters are kept per user elsewhere; both must mean the same by "in the last 30 days".
Everything that the seed's `purchase_amount_30d` leaves open is therefore said here:

- `Rolling`: exactly so many milliseconds, the half-open stretch (at − ms, at]. An event stops counting when it is `ms`
  old, to the millisecond.
- `Days`: the calendar day of `zone` in which `at` lies and the n − 1 days before it, whole.
- `Calendar`: the calendar day, week (from Monday), month, quarter or year of `zone` in which `at` lies, so far.
- `Ever`: since the counter is kept.

Days and periods are those of actors/calendar.py. An event counts at its entry's `at`, never at its sender's clock.

Counters that mean the same are one counter, whatever campaigns ask for them: `counter` makes specs in one form, and
`key` is the name of each in a user's state. Two specs are told apart by their keys, never by `==`, for which true is 1.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta

from actors.calendar import DAY_MS, Unit
from actors.comparison import FieldName, FieldTest, sorted_tests

WINDOW_DAYS_MAX = 1_096
"""Three years, of any window but Ever."""
WINDOW_EVENTS_MAX = 1_200
"""Of one counter, told apart; a count beyond it in a rolling window cannot be judged exactly."""
FILTER_TESTS_MAX = 8
KEY_BYTES = 8

EventName = Annotated[str, Meta(pattern=r"^[^\x00-\x20\x7f-\x9f]{1,64}$(?!\n)")]
"""A behaviour's type (`add_to_cart`, or a word of the shop's own) or a fact's kind (`points.earned`)."""


class _Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Rolling(_Window, frozen=True, tag="rolling"):
    ms: Annotated[int, Meta(ge=1_000, le=WINDOW_DAYS_MAX * DAY_MS)]


class Days(_Window, frozen=True, tag="days"):
    n: Annotated[int, Meta(ge=1, le=WINDOW_DAYS_MAX)]
    zone: str


class Calendar(_Window, frozen=True, tag="calendar"):
    unit: Unit
    zone: str


class Ever(_Window, frozen=True, tag="ever"):
    pass


WindowSpec = Rolling | Days | Calendar | Ever


class _Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Count(_Measure, frozen=True, tag="count"):
    """How many events."""


class Sum(_Measure, frozen=True, tag="sum"):
    """What a field of theirs comes to, an integer (money: minor units); where it is missing or no integer, nothing."""

    field: FieldName


class DistinctDays(_Measure, frozen=True, tag="distinct_days"):
    """On how many calendar days of `zone` there was one."""

    zone: str


class LastTime(_Measure, frozen=True, tag="last_time"):
    """When the last one was, ms since 1970 UTC; None when there was none in the window."""


Measure = Count | Sum | DistinctDays | LastTime


class CounterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`measure` over the events of kind `event` whose fields pass `where`, within `window`.

    `net`: what an order's refund (`order_refunded`) or cancellation (`order_cancelled`) names by `order_id` is taken
    out of the event that brought this order in, at that event's own time: sums fall by what was refunded, to 0 at
    least, and an order that is cancelled or wholly refunded is not counted.
    """

    event: EventName
    measure: Measure
    window: WindowSpec
    where: tuple[FieldTest, ...] = ()
    net: bool = False


def counter(
    event: str, measure: Measure, window: WindowSpec, where: tuple[FieldTest, ...] = (), net: bool = False
) -> CounterSpec:
    """The spec in the one form that means this."""
    return CounterSpec(event, measure, window, sorted_tests(where), net)


def key(spec: CounterSpec) -> str:
    """The name of a counter: 16 hexadecimal digits, the same in every process and release. Work it out once."""
    return blake2b(_json(spec), digest_size=KEY_BYTES).hexdigest()


_json = msgspec.json.Encoder(order="deterministic").encode
