"""Bugs of what a shop decides about its messages: whose day it is, what is asked again of a message that has waited,
what becomes of the place that it took, and what is believed of those who deliver.
"""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

import msgspec

from actors.campaign import running
from actors.notification import actor, directory, held, outbox, reach, reports
from actors.notification.directory import Directory
from actors.notification.listing import FAMILY
from actors.notification.reach import Reached
from actors.notification.templates import Templates
from actors.windows.window_edges import NEVER
from simulation.bugs.bug import Bug, Method, Swap


def _when_it_was_refused(_settled: Method) -> Method:
    def wrong(desk: Any, reference: str, code: str) -> None:
        _settled(desk, reference, "" if code in SUPPRESSED else code)

    return wrong


SUPPRESSED = tuple(code for part in get_args(held.Reason) for code in get_args(part))


def _whatever_the_hour(next_allowed: Method) -> Method:
    def wrong(now: int, wishes: Any, free_at: int, valid_until: int, transactional: bool = False) -> Any:
        return next_allowed(now, wishes, free_at, valid_until if valid_until > now else NEVER, transactional)

    return wrong


def _of_the_shop(in_zone: Method) -> Method:
    return lambda limits, zone: in_zone(limits, "UTC")


def _agreed_to_already(_judged: Method) -> Method:
    def wrong(here: Any, policy: Any, at: int, stopped: Collection[str], one: Any) -> Any:
        return outbox.when(here, policy, outbox.asked_for(one), at, one.valid_until, stopped)

    return wrong


def _on_its_way(next_due: Method) -> Method:
    return lambda here, policy, at, stopped=(): next_due(here, policy, at)


def _whatever_became_of_it(key: Method) -> Method:
    return lambda report: key(msgspec.structs.replace(report, status="delivered"))


def _as_they_come(_found: Method) -> Method:
    def wrong(reached: Any, channel: str, works: bool, at: int, entry_at: int) -> None:
        reached[channel] = Reached(min(at, entry_at), works)

    return wrong


def _or_the_engines_own(render: Method) -> Method:
    def wrong(templates: Any, known: Directory, name: str, *more: Any) -> Any:
        silent = {id for id, listed in known.templates.items() if not listed.body}
        spoken = {id: listed for id, listed in known.templates.items() if id not in silent}
        return render(templates, Directory(templates=spoken), name, *more)

    return wrong


def _by_those_before(_hear: Method) -> Method:
    """Of a template that a segment knows already the second version is not believed."""

    def wrong(known: Directory, said: Any) -> None:
        template = FAMILY.id_of(said.name)
        before = known.templates.get(template)
        if before is None or not before.body or FAMILY.read(said.body)[0] != "active":
            _hear(known, said)
        else:
            known.templates[template] = msgspec.structs.replace(before, number=said.number, version=said.version)

    return wrong


BUGS = (
    Bug(
        "slot_kept_by_what_was_suppressed",
        "The message was decided on and asked for; what others make of it is not the campaign's affair.",
        (Swap(running, "_settled", _when_it_was_refused),),
    ),
    Bug(
        "held_message_sent_after_its_end",
        "It has waited for this hour, so now it goes; how late the timer fires is nobody's fault.",
        (
            Swap(held, "_expired", lambda _expired: lambda queue, now: []),
            Swap(outbox, "next_allowed", _whatever_the_hour),
        ),
    ),
    Bug(
        "message_limit_by_the_servers_day",
        "Three a day means a day of the server's; asking each user what his clock shows is a luxury.",
        (Swap(outbox, "in_zone", _of_the_shop),),
    ),
    Bug(
        "consent_not_asked_again",
        "Whether the user agrees was looked at when the message was asked for; it only waits for its hour.",
        (Swap(outbox, "_judged", _agreed_to_already),),
    ),
    Bug(
        "stop_not_looked_at_by_what_waits",
        "A stop is for what comes from now on; what is in the queue was let in before.",
        (Swap(outbox, "next_due", _on_its_way),),
    ),
    Bug(
        "what_was_delivered_cannot_bounce",
        "A message has one end, and it has been reported; whatever comes after that is the same news again.",
        (Swap(reports, "key", _whatever_became_of_it),),
    ),
    Bug(
        "older_bounce_believed",
        "Reports come in the order in which things happen, more or less; the last one knows best.",
        (Swap(reach, "found", _as_they_come),),
    ),
    Bug(
        "bounce_outlives_a_new_consent",
        "Whether he agrees is one thing and whether his address works another; why should one change the other?",
        (Swap(reach, "agreed", lambda _agreed: lambda *_: None),),
    ),
    Bug(
        "report_of_anybodys_message",
        "Who delivers for us knows which messages he had from us; his word is good enough.",
        (Swap(reports, "may_be_ours", lambda _ours: lambda *_: True),),
    ),
    Bug(
        "archived_text_of_the_engines_own",
        "Where nobody's template is in force there is still the one that comes with the engine; better than no text.",
        (Swap(Templates, "render", _or_the_engines_own),),
    ),
    Bug(
        "text_in_the_shops_language",
        "The shop has a language, and that is what it says everything in; who speaks another one will manage.",
        (Swap(actor, "Reader", lambda reader: lambda _locale, zone: reader("", zone)),),
    ),
    Bug(
        "active_text_kept_when_written_anew",
        "It is active and was compiled; what changes from version to version is its number.",
        (Swap(directory, "told", _by_those_before),),
    ),
)
