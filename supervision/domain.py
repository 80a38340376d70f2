"""A domain: a pure fold over a segment's log. The host (host.py) does everything that is not arithmetic.

`react(state, event)` is a function of its arguments: it reads no clock ("now" is `event.at`), draws no random number,
does no I/O and looks at no table. It may change `state` in place; when it raises, the host throws state and outputs
away. Refusing is an output, raising is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from supervision.entry import Entry
from supervision.outputs import Output

S = TypeVar("S")

OCCURRED_BEFORE_MS_MAX = 7 * 24 * 3600 * 1000
OCCURRED_AFTER_MS_MAX = 5 * 60 * 1000
"""A sender's time outside [at - the one, at + the other] is implausible: passed on and flagged, never a reason to
refuse, and no rule may lean on it.
"""


class TimerDue(msgspec.Struct, frozen=True):
    """The body of a firing, kind `timer.<domain>`. Times in ms since 1970 UTC.

    `late_by_ms` is how long after `due` it was appended; `expired`: later than its `valid_for_ms`; `held`: an absence
    timer that stopped waiting for the input watermark, or a bulk one that fires amid ordinary traffic.
    """

    key: str
    gen: int
    due: int
    late_by_ms: int
    expired: bool = False
    held: bool = False
    body: bytes = b""


class Event(msgspec.Struct, frozen=True):
    """An entry as a reaction sees it: body decoded, and the used-up ones among the business keys it asked for."""

    entry: Entry
    body: Any
    at: int
    subject: str
    claimed: Mapping[bytes, bytes] = {}
    page: Sequence[str] = ()
    """For continuation entries: the next subjects of this domain in the segment (see `Domain.page`)."""
    shared: Any = None
    """What the segment shares (`Domain.shared_type`), as the log has it at this place; only to be read. None for
    entries about the segment itself, whose `state` it is."""
    companion: Any = None
    """The state of `Domain.companion`, which the reaction may change as it may its own. None where there is none."""

    @property
    def place(self) -> str:
        return self.entry.place

    @property
    def source_id(self) -> str:
        return self.entry.source_id

    @property
    def occurred_at(self) -> int:
        """What the sender said, ms; `at` when unsaid."""
        return self.entry.occurred_at or self.entry.at

    @property
    def implausible(self) -> bool:
        """What the sender said of the time cannot be so; rules use `at` then."""
        said, at = self.entry.occurred_at, self.entry.at
        return said != 0 and not -OCCURRED_BEFORE_MS_MAX <= said - at <= OCCURRED_AFTER_MS_MAX


class Domain(Generic[S]):
    """Subclassed once per domain; one instance serves all segments, so it holds configuration and nothing else."""

    name: ClassVar[str]
    reacts_to: ClassVar[Mapping[str, Any]]
    """Entry kind -> msgspec type of its JSON body. `timer.<name>` (TimerDue) is understood by itself."""
    state_type: ClassVar[Any] = None
    """A msgspec.Struct, array_like, whose first field is `format: int = N`; None for a domain without state."""
    parks: ClassVar[Literal["subject", "entry"]] = "entry"
    """What a poisonous entry sets aside: money parks the subject, everything else only the entry."""
    holds_money: ClassVar[bool] = False
    """Its lag closes the doors (PROTOCOL, back-pressure)."""

    entries_at_once: ClassVar[int] = 256
    """How many of its entries are folded together at most; fewer where each is big."""

    records_kept_ms: int = 0
    """Its records are forgotten when they are older than this; 0: never."""

    def written_at(self, record: bytes) -> int:
        """When a record of its was written, ms since 1970 UTC: asked of domains that forget some, by the journal."""
        raise NotImplementedError(self.name)

    def fresh(self, subject: str) -> S:
        """The state of a subject never heard of."""
        raise NotImplementedError(self.name)

    format: ClassVar[int] = 0
    """Of the state; 0 without state. Rises when `state_type` changes; `upgrade` reads the older ones."""

    def upgrade(self, fields: list[Any]) -> S:
        """The state from the fields of an older format, `fields[0]` being its number."""
        raise NotImplementedError(f"{self.name} has no upgrade from format {fields[0]}")

    shared_type: ClassVar[Any] = None
    """What all subjects of a segment share in this domain: a msgspec.Struct, array_like, whose first field is
    `format: int = N`. It is the state of the subject `segment:NN`, changed by entries about that; see forms.py."""
    shared_format: ClassVar[int] = 0
    """Rises when `shared_type` changes; `upgrade_shared` reads the older ones."""

    def fresh_shared(self) -> Any:
        """What a segment shares before any entry about it."""
        raise NotImplementedError(self.name)

    def upgrade_shared(self, fields: list[Any]) -> Any:
        """As `upgrade`, of what a segment shares."""
        raise NotImplementedError(f"{self.name} has no upgrade of what is shared from format {fields[0]}")

    def check_shared(self, shared: Any) -> None:
        """As `check`, of what a segment shares."""

    companion_type: ClassVar[Any] = None
    """Of the states that accompany others: a msgspec.Struct, array_like, whose first field is `format: int = N`. They
    belong to the parts of a segment, `segment:NN/...` (entry.py), and there are as many as are named; see forms.py."""
    companion_format: ClassVar[int] = 0
    """Rises when `companion_type` changes; `upgrade_companion` reads the older ones."""

    def companion(self, state: S, event: Event) -> str:
        """What beside its own state the reaction may change: a part of the same segment, or empty. Asking for one that
        is not in memory costs a load of its own, so all events together should ask for few. Pages list companions like
        any other state: those of a domain that has some begin behind `segment:`.
        """
        return ""

    def fresh_companion(self, subject: str) -> Any:
        """The state of a part of a segment never heard of."""
        raise NotImplementedError(self.name)

    def upgrade_companion(self, fields: list[Any]) -> Any:
        """As `upgrade`, of a companion."""
        raise NotImplementedError(f"{self.name} has no upgrade of companions from format {fields[0]}")

    def check_companion(self, companion: Any) -> None:
        """As `check`, of a companion."""

    def react(self, state: S, event: Event) -> Iterable[Output]:
        """What follows from `event`. Pure; see the module's essay."""
        raise NotImplementedError(self.name)

    def discarded(self, state: S, event: Event) -> Iterable[Output]:
        """What follows when `event`, which was parked, is forgotten by an operator's word: others may wait for what now
        will not come, and a firing leaves its timer ended. It is told what `react` would be told, but for the business
        keys that `keys` asks for. When it raises, nothing follows.
        """
        return ()

    def concerns(self, event: Event, shared: Any) -> bool:
        """Whether the event is anything to this domain, by what its segment shares at the event's place. Of one that is
        not, no state is loaded and nothing follows.
        """
        return True

    def keys(self, event: Event) -> Sequence[bytes]:
        """The business keys (`outputs.business_key`) the reaction will ask for."""
        return ()

    def later_keys(self, state: S, event: Event) -> Sequence[bytes]:
        """Business keys that only the state (or the companion) knows of; asking for them costs a load of its own, so
        few events should.
        """
        return ()

    def page(self, event: Event) -> tuple[str, int] | None:
        """For continuation entries: (after, limit <= 256): the reaction sees the next subjects in `event.page`."""
        return None

    def check(self, state: S) -> None:
        """Raise AssertionError when the state is not one this domain can have made. Called before every write."""


def formats(domains: Sequence[Domain[Any]]) -> dict[str, int]:
    """What is kept -> its format, for all that these domains keep: a store refuses programs that know older ones."""
    kept = [(domain.name, domain.format) for domain in domains if domain.format]
    kept += [(f"{domain.name}/shared", domain.shared_format) for domain in domains if domain.shared_format]
    kept += [(f"{domain.name}/companion", domain.companion_format) for domain in domains if domain.companion_format]
    return dict(kept)
