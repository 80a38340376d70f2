"""Programmes over HTTP, below HTTP: put a version of rules, read the active one, see which segments have it.

A put is no message of other programs: it is read by the one domain that knows what it means, and the entry is made
here, in its canonical form, with the name of who asks. It waits for the domain's answer, since only the log says whose
change came first. An answer that does not come is not success and not failure; the same put again is harmless, because
putting what is active changes nothing.

Of some programmes there is always a version in force. Before the first put it is what the settings say, version number
0, which the log knows nothing of; so who names it names "none yet" to the domain. Of others, a coupon template for
instance, there is nothing before the first put, and who makes it names nothing.

A version is in force in a segment once the segment's committed shared state says so, which is asked of the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from actors.commands import Refusal
from actors.programmes.actor import Shelf
from actors.programmes.kind import Kind, KindOf, Parsed
from actors.programmes.messages import NAME, PUT, PutAnswer, PutProgramme, subject_of
from gateway.asking import Forget, ask
from gateway.problems import FieldError, Problem
from gateway.readers import ReaderPool
from supervision.entry import Draft, Origin, encode_draft, segment_of, segment_subject
from supervision.messages import AppendResult, Item
from supervision.runtime import Address

BODY_BYTES_MAX = 64 * 1024
"""Of a programme: every segment's log and state hold it."""
SOURCE = "programmes"

Answer = Callable[[PutAnswer | Problem], None]

_answer = msgspec.json.Decoder(PutAnswer).decode
_shelf = msgspec.msgpack.Decoder(Shelf).decode


class Active(msgspec.Struct, frozen=True):
    """The version in force. `body` is JSON in canonical form. `number` 0: nothing was put yet, the settings say it, or
    nobody does: then `body` is empty.
    """

    number: int
    version: str
    body: bytes


class Wanted(msgspec.Struct, frozen=True):
    """A put that was read: `new` is to replace `present`, if that is still in force then."""

    name: str
    present: Active
    new: Parsed
    item: Item

    @property
    def changes(self) -> bool:
        """Whether it is another version than the present one."""
        return self.new.version != self.present.version or not self.present.number


class Programmes:
    """Any thread may call. `settings` has what is in force before the first put, by name; `families` are the kinds of
    programmes of which there are many, by what their names begin with.
    """

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        settings: Mapping[str, Parsed],
        readers: ReaderPool,
        journal: Address,
        segments: int,
        made_up_id: Callable[[], str],
        families: Mapping[str, KindOf] | None = None,
    ) -> None:
        self._kinds = kinds
        self._families = families or {}
        self._settings = settings
        self._readers = readers
        self._journal = journal
        self._segments = segments
        self._made_up_id = made_up_id

    def domain(self, name: str) -> str:
        """Who obeys the programme `name`; raises Problem `unknown_programme`."""
        return self._kind(name).domain

    def read(self, name: str, body: bytes, if_match: str, by: str) -> Wanted:
        """What it is to make `body` the version in force in the place of `if_match`. Nothing is done yet.

        Raises Problem `unknown_programme`, `too_large`, `refused_programme`, and as the store's readers do.
        """
        new, present = self._parsed(name, body), self.active(name)
        replaces = "" if not present.number and if_match == present.version else if_match
        put = PutProgramme(name, new.version, new.canonical.decode(), replaces, by)
        return Wanted(name, present, new, self._item(name, put))

    def put(self, wanted: Wanted, answer: Answer) -> Forget:
        """Do it. `answer` is called once, perhaps in the journal's thread, or never: -> what to call when nobody waits
        for it any more.
        """

        def told(reply: bytes | None) -> None:
            assert reply is not None, "a made-up id has one waiter"
            answer(_answer(reply))

        def placed(result: AppendResult | None) -> None:
            if result is None:
                answer(Problem("segment_lost", "this process no longer owns the segment; nothing is promised"))

        return ask(self._journal, wanted.item, NAME, placed, told)

    def active(self, name: str) -> Active:
        """The version that the store holds, else the settings', else an empty one. Raises as the store's readers do."""
        self._kind(name)
        subject = subject_of(name)
        with self._readers.one() as reader:
            state, _ = reader.snapshot(segment_of(subject, self._segments), NAME, subject)
        shelf = _shelf(state) if state is not None else Shelf()
        if not shelf.number:
            own = self._settings.get(name)
            return Active(0, own.version, own.canonical) if own is not None else Active(0, "", b"")
        return Active(shelf.number, shelf.version, shelf.body.encode())

    def pending(self, name: str, number: int, among: Collection[int] | None = None) -> list[int]:
        """The segments, of those `among`, where somebody who obeys it does not have version `number` or a later one.
        O(segments) reads.
        """
        kind = self._kind(name)
        waiting: list[int] = []
        if not number:  # nobody had to hear of that
            return waiting
        with self._readers.one() as reader:
            for segment in range(self._segments) if among is None else among:
                for domain, number_of in {kind.domain: kind.number_of, **kind.others}.items():
                    state, _ = reader.snapshot(segment, domain, segment_subject(segment))
                    if state is None or number_of(state) < number:
                        waiting.append(segment)
                        break
        return waiting

    def parked(self, name: str) -> Problem | None:
        """Why a put is not answered: an operator must see to an earlier one first."""
        subject = subject_of(name)
        segment = segment_of(subject, self._segments)
        with self._readers.one() as reader:
            if any(reader.parked(segment, NAME, stuck, -1, 1) for stuck in (subject, "*")):
                return Problem("parked", f"changes of the programme {name!a} are parked, see /v1/parked")
        return None

    def _kind(self, name: str) -> Kind:
        if name in self._kinds:
            return self._kinds[name]
        for beginning, kind_of in self._families.items():
            if name.startswith(beginning):
                return kind_of(name)
        raise Problem("unknown_programme", f"there is no programme {name!a}")

    def _parsed(self, name: str, body: bytes) -> Parsed:
        kind = self._kind(name)
        if len(body) > BODY_BYTES_MAX:
            raise _too_large(len(body))
        parsed = kind.parse(body)
        if isinstance(parsed, Refusal):
            errors = (FieldError(parsed.field, parsed.code, parsed.message),)
            raise Problem("refused_programme", parsed.message, errors)
        if len(parsed.canonical) > BODY_BYTES_MAX:
            raise _too_large(len(parsed.canonical))
        return parsed

    def _item(self, name: str, put: PutProgramme) -> Item:
        subject = subject_of(name)
        id = f"{SOURCE}|{self._made_up_id()}"
        draft = Draft(PUT, subject, msgspec.json.encode(put), id, id, origin=Origin.OPERATOR, asked=True)
        return Item(segment_of(subject, self._segments), draft, encode_draft(draft))


def _too_large(nbytes: int) -> Problem:
    return Problem("too_large", f"the programme has {nbytes} bytes, the limit is {BODY_BYTES_MAX}")
