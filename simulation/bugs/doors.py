"""Bugs at the edge to the broker: acks that cover too much, effects that change, vanish or lose their order."""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway import commands
from gateway.wiring import Wiring
from simulation.bugs.bug import Bug, Method, Swap
from supervision.entry import Entry
from supervision.reader import LogReader
from topology.intake import Intake
from topology.outflow import Lane, Outflow
from topology.ports import Confirm, Outgoing
from topology.table import EFFECTS


def _up_to_the_newest(_ack: Method) -> Method:
    def wrong(self: Any) -> int | None:
        upto = max(self._settled, default=0)
        self._settled.clear()
        if upto <= self.acked:
            return None
        self.acked = upto
        return upto

    return wrong


def _a_tag_is_a_tag(appended: Method) -> Method:
    def wrong(self: Any, generation: int, tags: Sequence[int], results: Sequence[Any] | None) -> Any:
        if results is None or generation == self.generation:
            return appended(self, generation, tags, results)
        self._settled.update(tags)
        return None

    return wrong


def _out_of_mind(bury: Method) -> Method:
    def wrong(self: Any, bad: Sequence[tuple[Any, Any]]) -> Any:
        self._settled.update(delivery.tag for delivery, _ in bad)
        return bury(self, bad)

    return wrong


def _whoever_asks(business_key: Method) -> Method:
    return lambda caller, method, path, key: business_key(method, path, key)


def _somebody_is(parked: Method) -> Method:
    def wrong(self: Any, handed: Any, offset: int) -> Any:
        with self._readers.one() as reader:
            rows = reader.parked(handed.segment, handed.domain, None, -1, 1)
        subject = rows[0].subject if rows else handed.subject
        return parked(self, msgspec.structs.replace(handed, subject=subject), offset)

    return wrong


def _alone(_active: Method) -> Method:
    return lambda self: True


def _knows_the_epoch(make: Method) -> Method:
    def wrong(self: Any, me: Any) -> Any:
        relay = make(self, me)
        for reader in relay._readers.values():
            reader.epoch = self.recovery.epoch
        return relay

    return wrong


def _of_this_epoch(pull: Method) -> Method:
    def wrong(self: Any, n: int) -> list[Entry]:
        epoch: int | None = vars(self).get("epoch")
        entries: list[Entry] = pull(self, n)
        return [msgspec.structs.replace(e, epoch=epoch) for e in entries] if epoch is not None else entries

    return wrong


def _counted_as_they_leave(pump: Method) -> Method:
    def wrong(self: Any) -> Any:
        counts: dict[str, int] = vars(self).setdefault("counts", {})
        out, again_s = pump(self)
        return [_numbered(message, counts) if message.exchange == EFFECTS else message for message in out], again_s

    return wrong


def _numbered(message: Outgoing, counts: dict[str, int]) -> Outgoing:
    headers = dict(message.props.headers or {})
    segment = headers["segment"]
    headers["seq"] = counts[segment] = counts.get(segment, int(headers["seq"]) - 1) + 1
    return msgspec.structs.replace(message, props=msgspec.structs.replace(message.props, headers=headers))


def _advances(pump: Method) -> Method:
    def wrong(self: Any) -> Any:
        result = pump(self)
        for lane in self.lanes.values():
            if lane.source.running and lane.unforgotten:
                lane.source.finished(lane.source.cursor)
        return result

    return wrong


def _has_advanced(_advance: Method) -> Method:
    def wrong(self: Any) -> None:
        while self.unforgotten and self.unforgotten[0].confirmed:
            self.unforgotten.popleft()

    return wrong


def _has_arrived(_restart: Method) -> Method:
    def wrong(self: Any) -> None:
        self.unforgotten.clear()
        self.under_way = 0
        self.nacked = False

    return wrong


def _remembers(pump: Method) -> Method:
    def wrong(self: Any) -> Any:
        if self._tag == 0:
            self.messages, self.refused = {}, []
        if not self.flowing:
            return pump(self)
        again, self.refused = vars(self).get("refused", []), []
        for sent, message in again:
            self._track(sent)
            self.messages[self._tag] = message
        first = self._tag + 1
        out, again_s = pump(self)
        self.messages.update(enumerate(out, first))
        return [message for _, message in again] + out, again_s

    return wrong


def _that_one_again(confirmed: Method) -> Method:
    def wrong(self: Any, batch: Sequence[Confirm]) -> Any:
        good: list[Confirm] = []
        for confirm in batch:
            message = self.messages.get(confirm.tag)
            if confirm.ack or confirm.multiple or message is None or message.exchange != EFFECTS:
                good.append(confirm)
            else:
                self.refused.append((self._under_way.pop(confirm.tag), message))
        return confirmed(self, good)

    return wrong


BUGS = (
    Bug(
        "key_without_its_program",
        "An Idempotency-Key is a UUID: nobody else will ever have the same.",
        (Swap(commands, "business_key", _whoever_asks),),
        where="calls",
    ),
    Bug(
        "parked_because_somebody_else_is",
        "Whether something is parked is asked by segment and domain; whose it is does not matter to who waits.",
        (Swap(commands.Commands, "parked", _somebody_is),),
        where="calls",
    ),
    Bug(
        "ack_multiple_past_one_not_durable",
        "An ack covers everything before it, so the newest tag that is durable is the one to ack.",
        (Swap(Intake, "ack", _up_to_the_newest),),
    ),
    Bug(
        "ack_on_another_connection",
        "The journal says that tag 7 is durable; then tag 7 can be acked.",
        (Swap(Intake, "appended", _a_tag_is_a_tag),),
    ),
    Bug(
        "dead_letter_acked_before_its_confirm",
        "A message that nobody can read is no loss: ack it and let the relay see to its copy.",
        (Swap(Intake, "_bury", _out_of_mind),),
    ),
    Bug(
        "empty_queue_of_a_waiting_consumer",
        "The broker counts one consumer, and that is us: an empty queue is empty into our hands.",
        (Swap(Intake, "_active", _alone),),
    ),
    Bug(
        "id_with_the_running_epoch",
        "The epoch is the process's, so it need not be read back from every entry.",
        (Swap(Wiring, "_make_relay", _knows_the_epoch), Swap(LogReader, "pull", _of_this_epoch)),
    ),
    Bug(
        "seq_counted_at_publish",
        "Whoever publishes knows best how many there were before.",
        (Swap(Outflow, "pump", _counted_as_they_leave),),
    ),
    Bug(
        "relay_advances_before_the_confirm",
        "It is written to the socket; confirms only say what we know already.",
        (Swap(Outflow, "pump", _advances), Swap(Lane, "advance", _has_advanced)),
    ),
    Bug(
        "not_sent_again_after_a_cut",
        "What was written before the connection broke has arrived; only its confirm is missing.",
        (Swap(Lane, "restart", _has_arrived),),
    ),
    Bug(
        "resent_out_of_order_after_a_nack",
        "Only one was refused, so only that one needs to go again.",
        (Swap(Outflow, "pump", _remembers), Swap(Outflow, "confirmed", _that_one_again)),
    ),
)
