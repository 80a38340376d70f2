"""Bugs of the journal and its turns: what is durable, what was heard before, whose stage counts, who sees it when."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import msgspec

from simulation.bugs.bug import Bug, Method, Swap
from supervision.journal import Journal
from supervision.messages import Append, Appended, Begin, Item
from supervision.store import Batch, FsyncFailed, Head, Refused
from supervision.turn import Turn


def _told_when_it_comes(put: Method) -> Method:
    def wrong(self: Any, message: Any) -> None:
        if isinstance(message, Append) and message.via is None:
            heads, epoch = self.ledger.heads, self.ledger.epoch
            message.done([Appended(item.segment, epoch, heads[item.segment].offset + 1) for item in message.items])
            message = msgspec.structs.replace(message, done=_nobody)
        put(self, message)

    return wrong


def _nobody(_results: Any) -> None:
    """Has been told already."""


def _only_the_store_is_asked(append_item: Method) -> Method:
    def wrong(self: Any, item: Item) -> Any:
        earlier, self._ids = self._ids, {}
        result = append_item(self, item)
        self._ids = earlier | self._ids
        return result

    return wrong


def _an_id_is_an_id(append_item: Method) -> Method:
    def wrong(self: Any, item: Item) -> Any:
        known = self._ids.get(item.id_hash) or self._known.get(item.id_hash)
        return append_item(self, msgspec.structs.replace(item, command_hash=known.command_hash) if known else item)

    return wrong


def _every_stage_is_current(_current: Method) -> Method:
    return lambda self, stage: True


def _begun_at_once(receive: Method) -> Method:
    def wrong(self: Any, message: Any) -> Any:
        if isinstance(message, Begin) and (message.segment, message.domain) in self.ledger.checkpoints:
            self._incarnations[message.segment, message.domain] = message.incarnation
            return self._begun(message)
        return receive(self, message)

    return wrong


def _sent_again(_resolve: Method) -> Method:
    def wrong(self: Any) -> bool:
        _, _, group, _ = self._in_doubt
        self._in_doubt = None
        self._takes_again()
        self._carry(group)
        return True

    return wrong


def _seen_first(commit: Method) -> Method:
    def wrong(self: Any, batch: Batch) -> None:
        for page in batch.pages:
            self._tails[page.segment].publish(page.entries)
        commit(self, batch)

    return wrong


def _published_already(publish: Method) -> Method:
    return lambda self, batch: publish(self, msgspec.structs.replace(batch, pages=()))


def _all_is_done_with(_done_with: Method) -> Method:
    return lambda self, segment: self.ledger.heads[segment].offset


def _whatever_its_number(append: Method) -> Method:
    def wrong(self: Any, message: Append) -> Any:
        if message.via is not None:
            self._inbound[message.via.src, message.items[0].segment] = message.via.n
            message = msgspec.structs.replace(message, via=None)
        return append(self, message)

    return wrong


def _counted_in_memory(batch: Method) -> Method:
    return lambda self: msgspec.structs.replace(batch(self), outbound={})


def _another_try(commit: Method) -> Method:
    def wrong(self: Any, batch: Batch) -> None:
        try:
            commit(self, batch)
        except FsyncFailed as failed:
            raise Refused(str(failed)) from None

    return wrong


def _answers_are_not_kept(commit: Method) -> Method:
    def wrong(self: Any, batch: Batch) -> None:
        stages = [msgspec.structs.replace(stage, replies=()) for stage in batch.stages]
        commit(self, msgspec.structs.replace(batch, stages=stages))

    return wrong


def _begun_in_memory(_begin: Method) -> Method:
    def wrong(self: Any, begin: Begin) -> None:
        self.begins.append(begin)
        head = self._ledger.heads.get(begin.segment, Head()).offset
        self._ledger.checkpoints.setdefault((begin.segment, begin.domain), head)

    return wrong


BUGS = (
    Bug(
        "ack_before_commit",
        "It is on the pile and will be on the disk in a millisecond: why let the sender wait for that?",
        (Swap(Journal, "_put", _told_when_it_comes),),
    ),
    Bug(
        "no_dedupe_within_a_group",
        "The store knows every id, so it is enough to ask the store.",
        (Swap(Turn, "_append_item", _only_the_store_is_asked),),
    ),
    Bug(
        "dedupe_without_the_body",
        "An id is an id: what has been heard under it need not be looked at again.",
        (Swap(Turn, "_append_item", _an_id_is_an_id),),
    ),
    Bug(
        "stage_of_an_old_incarnation",
        "Work that is done is done, whichever incarnation did it; the checkpoint is compared anyway.",
        (Swap(Journal, "_current", _every_stage_is_current),),
    ),
    Bug(
        "begin_not_in_queue_order",
        "A Begin writes nothing, so it can be answered at once, before what is on the pile.",
        (Swap(Journal, "receive", _begun_at_once), Swap(Journal, "_current", _every_stage_is_current)),
    ),
    Bug(
        "unknown_sent_again",
        "No answer means that it did not work: the same group once more.",
        (Swap(Journal, "_resolve_doubt", _sent_again),),
    ),
    Bug(
        "visible_before_commit",
        "The cells can begin while the disk is still busy; it hardly ever says no.",
        (Swap(Journal, "_commit", _seen_first), Swap(Journal, "_publish", _published_already)),
    ),
    Bug(
        "log_trimmed_past_a_reader",
        "What is older than the retention has been read by everybody long ago.",
        (Swap(Journal, "_done_with", _all_is_done_with),),
    ),
    Bug(
        "inbound_not_compared",
        "The courier has a checkpoint, so it carries everything once.",
        (Swap(Turn, "_append", _whatever_its_number),),
    ),
    Bug(
        "outbound_number_not_written",
        "The journal knows how many it has sent; the number stands in each transfer anyway.",
        (Swap(Turn, "batch", _counted_in_memory),),
    ),
    Bug(
        "fsync_error_ignored",
        "A failed fsync is a refusal like others: try again until it works.",
        (Swap(Journal, "_commit", _another_try),),
    ),
    Bug(
        "reply_lost_with_the_crash",
        "Who asked is told as soon as it is committed; nobody needs the answer after that.",
        (Swap(Journal, "_commit", _answers_are_not_kept),),
    ),
    Bug(
        "new_reader_begins_in_memory",
        "A reader that is new begins at the head; its first stage will write that down.",
        (Swap(Turn, "_begin", _begun_in_memory),),
    ),
)
