"""Bugs of campaigns: who gets something twice, or although he bought; what is counted by another clock; reasons that
are told too late; schedules that nobody goes on with.

Compiled campaigns are remembered from world to world, so what is exchanged here is looked at when they are at work,
never while one is compiled.
"""

# What is replaced here is private and untyped on purpose.
# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from actors.campaign import entering, fanout, running, schedule
from actors.campaign.actor import CampaignActor
from actors.campaign.desk import Desk
from actors.campaign.index import active
from actors.campaign.schedule import Times
from actors.windows import window_edges
from actors.windows.window_spec import Calendar, Days
from simulation.bugs.bug import Bug, Method, Swap
from supervision.domain import TimerDue
from supervision.outputs import Arm, Record


def _until_something_was_done(_exits: Method) -> Method:
    return lambda desk, one, run: not run.acts and _exits(desk, one, run)


def _slots_beside_the_books(_for_user: Method) -> Method:
    """The actor is made anew with each process."""

    def wrong(self: Any, member: Any, event: Any) -> Iterator[Any]:
        member.slots = self.__dict__.setdefault("slots", {}).setdefault(event.subject, member.slots)
        yield from _for_user(self, member, event)

    return wrong


def _numbers_beside_the_books(_for_user: Method) -> Method:
    def wrong(self: Any, member: Any, event: Any) -> Iterator[Any]:
        numbers = self.__dict__.setdefault("numbers", {})
        member.numbered = max(member.numbered, numbers.get(event.subject, 0))
        yield from _for_user(self, member, event)
        numbers[event.subject] = member.numbered

    return wrong


def _reasons_with_the_next(_for_user: Method) -> Method:
    def wrong(self: Any, member: Any, event: Any) -> Iterator[Any]:
        later = self.__dict__.setdefault("reasons", {})
        yield from later.pop(event.subject, [])
        for output in _for_user(self, member, event):
            if isinstance(output, Record):
                later.setdefault(event.subject, []).append(output)
            else:
                yield output

    return wrong


def _is_a_page(event: Any) -> bool:
    return isinstance(event.body, TimerDue) and event.body.key.startswith(fanout.PAGE)


def _where_we_were(page: Method) -> Method:
    def wrong(self: Any, event: Any) -> tuple[str, int] | None:
        asked = page(self, event)
        if asked is None:
            return None
        return self.__dict__.setdefault("places", {}).get((event.subject, event.body.key), fanout.SUBJECTS), asked[1]

    return wrong


def _remember_where(react: Method) -> Method:
    def wrong(self: Any, state: Any, event: Any) -> Iterable[Any]:
        outputs = list(react(self, state, event))
        if _is_a_page(event) and any(isinstance(output, Arm) for output in outputs):
            self.__dict__.setdefault("places", {})[event.subject, event.body.key] = event.page[-1]
        return outputs

    return wrong


def _what_the_wall_shows(_moments: Method) -> Method:
    def wrong(self: Any, walls: Iterator[Any]) -> Iterator[int]:
        seen: list[Any] = []

        def looked_at() -> Iterator[Any]:
            for wall in walls:
                seen.append(wall)
                yield wall

        for moment in _moments(self, looked_at()):
            if schedule._shown(self._calendar, moment) == seen[-1].replace(tzinfo=None):
                yield moment

    return wrong


def _newest(_version_of: Method) -> Method:
    def wrong(self: Any, campaign: str, run: Any) -> Any:
        listed = self.directory.campaigns[campaign]
        return active(campaign, listed.version, listed.bodies[listed.version])

    return wrong


def _by_the_servers_clock(begins: Method) -> Method:
    def wrong(window: Any, now: int) -> int:
        moved = msgspec.structs.replace(window, zone="UTC") if isinstance(window, Days | Calendar) else window
        return begins(moved, now)

    return wrong


def _its_own_alone(reserve: Method) -> Method:
    return lambda slots, limits, now, also, kept: reserve(slots, limits, now)


BUGS = (
    Bug(
        "exit_not_looked_at_again",
        "Whoever has got the first message is in the campaign; the exit is for those who are not yet.",
        (Swap(running, "_exits", _until_something_was_done),),
    ),
    Bug(
        "campaign_slot_reserved_twice",
        "Slots are asked for at every event; kept beside the books they need not be decoded each time.",
        (Swap(CampaignActor, "_for_user", _slots_beside_the_books),),
    ),
    Bug(
        "campaign_slot_not_returned",
        "Who entered has used up his turn, whatever became of it.",
        (Swap(running, "give_back", lambda _give_back: lambda slots, slot: None),),
    ),
    Bug(
        "limit_on_a_tag_counts_its_own",
        "A campaign without limits reserves nothing, so there is nothing to write down.",
        (Swap(entering, "reserve", _its_own_alone),),
    ),
    Bug(
        "cron_skipped_in_the_gap",
        "It was to be at half past two, and there was no half past two.",
        (Swap(Times, "_moments", _what_the_wall_shows),),
    ),
    Bug(
        "another_run_on_replay",
        "A run needs a number that no other has had: count up, and never down again.",
        (Swap(CampaignActor, "_for_user", _numbers_beside_the_books),),
    ),
    Bug(
        "due_page_repeated_after_a_crash",
        "How far the users have been told changes with every page; the actor knows it.",
        (Swap(CampaignActor, "page", _where_we_were), Swap(CampaignActor, "react", _remember_where)),
    ),
    Bug(
        "why_with_the_next_stage",
        "Nobody reads the reasons now: written with the next stage they cost nothing.",
        (Swap(CampaignActor, "_for_user", _reasons_with_the_next),),
    ),
    Bug(
        "version_switched_under_way",
        "The newest version is what marketing means now, also for those who are half through.",
        (Swap(Desk, "version_of", _newest),),
    ),
    Bug(
        "window_by_the_servers_clock",
        "A day is a day, and servers run on UTC.",
        (Swap(window_edges, "begins", _by_the_servers_clock),),
    ),
    Bug(
        "buyer_still_waited_for",
        "The exit condition finds out who has bought, so waiting need not end with it.",
        (Swap(entering, "unwatch", lambda _unwatch: lambda desk, campaign: None),),
    ),
    Bug(
        "discarded_firing_of_a_campaign",
        "What an operator has thrown away is thrown away.",
        (Swap(CampaignActor, "discarded", lambda _discarded: lambda self, state, event: ()),),
    ),
)
