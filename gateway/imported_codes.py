"""Codes that a shop brings, below HTTP: texts in, entries into the log, and what each came to, from the store.

A code decides for itself whose it is (actors/coupon/imported.py), so the answer waits until it has: then whether a code
is new, was the template's already, or is another's stands in the store. So who sends a file again, after a broken
connection or to be sure, adds nothing and is told the same but that they are known. A bad text refuses itself alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from actors.commands import Refusal
from actors.coupon.imported import IMPORT, ImportCode, ImportedCodesActor
from actors.coupon.listing import compiled
from actors.coupon.spelling import SUBJECT, imported_subject
from gateway.coupon_codes import CouponCodes, directory
from gateway.problems import Problem
from gateway.readers import ReaderPool
from gateway.templates import Templates
from supervision.entry import Draft, Origin, encode_draft, segment_of
from supervision.messages import Append, Appended, AppendResult, Item
from supervision.runtime import Address
from topology.wire import clipped

CODES_AT_ONCE = 1_000
"""Appended and waited for together."""
REFUSED_NAMED_MAX = 100

_encode = msgspec.json.Encoder().encode


class RefusedCode(msgspec.Struct, frozen=True):
    """A text of which no code of the template was made."""

    code: str
    reason: str
    detail: str


class CodesTaken(msgspec.Struct):
    """Answer of `POST /v1/coupon-templates/{id}/codes`: of `codes` texts, `imported` are new codes of the template and
    `known` were its codes before; the others are `refused` by reason. `first_refused`: the first 100 of these.
    """

    template: str
    codes: int = 0
    imported: int = 0
    known: int = 0
    refused: dict[str, int] = {}
    first_refused: list[RefusedCode] = []

    def refuse(self, text: Any, reason: str, detail: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        if len(self.first_refused) < REFUSED_NAMED_MAX:
            shown = text if isinstance(text, str) else msgspec.json.encode(text).decode()
            self.first_refused.append(RefusedCode(clipped(shown)[1:-1], reason, detail))


class ImportedCodes:
    """Any thread may call; what reads the store blocks for as long as that takes. `closed()` is why no input is taken
    now (Ingest.not_taking).
    """

    domain = ImportedCodesActor.name

    def __init__(
        self, templates: Templates, codes: CouponCodes, journal: Address, readers: ReaderPool, segments: int,
        closed: Callable[[], Problem | None],
    ) -> None:  # fmt: skip
        self._templates = templates
        self._codes = codes
        self._journal = journal
        self._readers = readers
        self._segments = segments
        self.closed = closed

    def look(self, template: str) -> None:
        """Raises Problem when the template takes no codes: `unknown_template`, `no_such_change`."""
        found = self._templates.shown(template)
        if found.status == "closed":
            raise Problem("no_such_change", f"the template {template} is closed, and takes no more codes")
        if not compiled(found.template.decode()).template.code.imported:
            raise Problem("no_such_change", f"the template {template} takes no codes: put it with code.imported first")

    def items(self, taken: CodesTaken, texts: Sequence[Any]) -> Sequence[Item]:
        """The entries that the texts are; what is none is refused in `taken`, and what comes twice is known."""
        with self._readers.one() as reader:
            public = directory(reader, 0).codes
        subjects: dict[str, None] = {}
        for text in texts:
            taken.codes += 1
            subject = imported_subject(text) if isinstance(text, str) else _NO_TEXT
            if isinstance(subject, Refusal):
                taken.refuse(text, subject.code, subject.message)
            elif other := public.get(subject.removeprefix(SUBJECT)):
                taken.refuse(text, "taken", f"it is the public code of the template {other}")
            elif subject in subjects:
                taken.known += 1
            else:
                subjects[subject] = None
        body = _encode(ImportCode(taken.template))
        return [self._item(subject, body) for subject in subjects]

    def _item(self, subject: str, body: bytes) -> Item:
        draft = Draft(IMPORT, subject, body, origin=Origin.OPERATOR)
        return Item(segment_of(subject, self._segments), draft, encode_draft(draft), bulk=True)

    def hand_in(self, items: Sequence[Item], answer: Callable[[Sequence[Appended] | Problem], None]) -> None:
        """Append them; `answer` is called once, in the journal's thread."""

        def done(results: Sequence[AppendResult] | None) -> None:
            if results is None:
                answer(
                    Problem("segment_lost", "this process no longer owns a segment; nothing is promised, send again")
                )
            else:
                answer([result for result in results if isinstance(result, Appended)])

        self._journal.tell(Append(items, done, sum(len(item.encoded) for item in items)))

    def count(self, taken: CodesTaken, items: Sequence[Item], places: Sequence[Appended]) -> None:
        """What each entry came to, once it is folded."""
        with self._readers.one() as reader:
            for item, place in zip(items, places, strict=True):
                code = item.draft.subject.removeprefix(SUBJECT)
                state = self._codes.imported(reader, code)
                if state.template != taken.template:
                    taken.refuse(code, "taken", f"it is a code of the template {state.template}")
                elif state.at == place.offset:
                    taken.imported += 1
                else:
                    taken.known += 1


_NO_TEXT = Refusal("wrong_type", "code", "code must be a string")
