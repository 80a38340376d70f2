"""Who hears what, and when, as somebody would tell it who keeps all the paper and looks at the clock again and again.

The promise is one sentence: limits, quiet hours, the preferred hour and a message's own end are satisfied all at once;
it goes at the first such moment, or, where there is none, is suppressed at once with the reason. Here it is taken by
the word. Nothing is worked out: the moments are tried one after the other, and of what was sent nothing is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.plain_limits import Clocks, Limit

HELD_MAX = 32

Said = tuple[int, str, str, str]
"""(when, what, of which message, why: a reason, and until when)."""


@dataclass(frozen=True)
class Policy:
    """`quiet`: hours."""

    zone: str = "UTC"
    quiet: tuple[int, int] | None = None
    limits: tuple[Limit, ...] = ()
    denied: tuple[str, ...] = ()
    """Channels on which nobody is sent anything who has not agreed."""
    preferred_hours: bool = False
    valid_s: int = 259_200

    @property
    def says_nothing(self) -> bool:
        return not (self.quiet or self.limits or self.denied or self.preferred_hours)

    def quiet_at(self, hour: int) -> bool:
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= hour < end if begin < end else hour >= begin or hour < end


@dataclass(frozen=True)
class Message:
    """`counted`: it takes a slot of the limits, when it goes."""

    name: str
    channel: str
    at: int
    valid_until: int
    limits: tuple[Limit, ...] = ()
    priority: int = 0
    transactional: bool = False
    category: str = ""
    counted: bool = True


@dataclass
class PlainMessages:
    """Of one user. What is said is in `said`, in its order."""

    policy: Policy
    clocks: Clocks
    zone: str = ""
    preferred: int | None = None
    sent: list[tuple[int, str]] = field(default_factory=list)
    """(when, channel), of all that were counted."""
    waiting: list[Message] = field(default_factory=list)
    facts: list[tuple[str, str, bool]] = field(default_factory=list)
    """(channel, category or empty for all, granted), as they came."""
    said: list[Said] = field(default_factory=list)
    asked: dict[str, Message] = field(default_factory=dict)
    """All that were ever asked for, by name."""

    def ask(self, message: Message, now: int) -> None:
        self.asked[message.name] = message
        if not self._agreed(message):
            self._say(now, "suppressed", message, "no_consent")
            return
        self.look(now)
        first, why = self._first(message, now)
        if first == now:
            self._send(message, now)
        elif first is None:
            self._say(now, "suppressed", message, why)
        else:
            self._wait(message, first, why, now)
        self.look(now)

    def look(self, now: int) -> None:
        """Whatever may go now of those that wait goes, the most important first; what may not any more is dropped."""
        while any(self._looked_at(message, now) == "sent" for message in self._in_order(now)):
            pass

    def wakes(self, now: int) -> int | None:
        """When something that waits may go, should nothing happen before."""
        return min((self._first(message, now)[0] or now for message in self.waiting), default=None)

    def limits(self, message: Message) -> list[Limit]:
        """Those that it must keep to."""
        scopes = ("all", f"channel:{message.channel}")
        return [one for one in (*self.policy.limits, *message.limits) if one.scope in scopes]

    def _in_order(self, now: int) -> list[Message]:
        late = [message for message in self.waiting if message.valid_until <= now]
        self.waiting = [message for message in self.waiting if message not in late]
        for message in late:
            self._say(now, "suppressed", message, "expired")
        return sorted(self.waiting, key=lambda message: (-message.priority, message.at))

    def _looked_at(self, message: Message, now: int) -> Literal["sent", "dropped", "waits"]:
        first, why = self._first(message, now) if self._agreed(message) else (None, "no_consent")
        if first is not None and first != now:
            return "waits"
        self.waiting.remove(message)
        if first is None:
            self._say(now, "suppressed", message, why)
            return "dropped"
        self._send(message, now)
        return "sent"

    def _wait(self, message: Message, until: int, why: str, now: int) -> None:
        self.waiting.append(message)
        in_order = self._in_order(now)
        last = in_order[-1] if len(in_order) > HELD_MAX else None
        if last is not message:
            self._say(now, "held", message, f"{why} {until}")
        if last is not None:
            self.waiting.remove(last)
            self._say(now, "suppressed", last, "held_full")

    def _send(self, message: Message, now: int) -> None:
        if message.counted:
            self.sent.append((now, message.channel))
        self._say(now, "sent", message, "")

    def _say(self, now: int, what: str, message: Message, why: str) -> None:
        self.said.append((now, what, message.name, why))

    def _agreed(self, message: Message) -> bool:
        agreed = message.channel not in self.policy.denied
        for channel, category, granted in self.facts:
            if channel == message.channel and category in ("", message.category):
                agreed = granted
        return agreed

    def _first(self, message: Message, now: int) -> tuple[int | None, str]:
        """(the first moment at which it may go, what it has to wait for before all else), or (None, why it never may)
        should nothing change.
        """
        if message.valid_until <= now:
            return None, "expired"
        zone = self.zone or self.policy.zone
        limits = self.limits(message)
        times = {one.scope: self._times(one.scope) for one in limits}
        every = self._times("all")
        ever: set[str] = set()
        because = ""
        for at in self.clocks.moments(limits, zone, every, now, message.valid_until):
            stands = self._stands(message, limits, times, zone, at)
            if not stands:
                return at, because
            because = because or stands
            ever |= {"capped": set[str](), "quiet_hours": {"room"}, "preferred_hour": {"room", "loud"}}[stands]
        return None, "capped" if "room" not in ever else "quiet_hours" if "loud" not in ever else "preferred_hour"

    def _stands(self, message: Message, limits: list[Limit], times: dict[str, list[int]], zone: str, at: int) -> str:
        """What stands in the way at `at`, the first of all; empty: nothing."""
        if not all(self.clocks.room(limit, zone, times[limit.scope], at) for limit in limits):
            return "capped"
        hour = self.clocks.of(zone).shows(at).hour
        if message.transactional:
            return ""
        if self.policy.quiet_at(hour):
            return "quiet_hours"
        preferred = self.preferred if self.policy.preferred_hours else None
        if preferred is None or self.policy.quiet_at(preferred):
            return ""
        return "" if hour == preferred else "preferred_hour"

    def _times(self, scope: str) -> list[int]:
        return [at for at, channel in self.sent if scope in ("all", f"channel:{channel}")]
