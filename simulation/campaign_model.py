"""The reference model of campaigns: who entered what and why, what was then done, when, and to whom each went out.

It folds what the shadow (shadow.py) tells it was folded, in the order of the log, and says which effects must come of
each entry. campaign_fold.py tells what happens to one user, campaign_book.py keeps it, campaign_words.py reads a
campaign's JSON and campaign_time.py tells the time: none of it shares code with production. Here is what a segment
knows: its campaigns, when a schedule is due next, and how far its users have been told.

Lines of the records, timers and what no two effects may share are compared by campaign_proof.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from simulation.campaign_book import Book, Row
from simulation.campaign_checks import VERSION as CHECKED
from simulation.campaign_fold import ANSWERS, Fold, Told, Why
from simulation.campaign_moments import OWN
from simulation.campaign_time import last_time, next_time
from simulation.campaign_words import Rules
from simulation.model import Said
from supervision.entry import Entry
from supervision.messages import Emission

CAMPAIGN = "campaign:"
EVERY = ""
"""In the place of a campaign's id: of all whom a stop has held."""
ON_TIME_MS = 60_000
VERSIONS_MAX = 4
"""Of a campaign, the newest: a segment knows no more."""
OF_USERS = frozenset({"behaviour.seen", "cart.changed", "user.profile", "campaign.due", "campaign.check"})
"""What always concerns somebody."""
FACTS = frozenset({*ANSWERS, "points.earned", "points.spent", "points.activated", "points.reversed", "points.expiring",
                   "points.expired", "coupon.redeemed", "coupon.rolled_back", "coupon.expiring", "coupon.expired",
                   "cart.abandoned", "message.held"})  # fmt: skip
"""Other domains' words, which concern a campaign when they name it."""


COUNTED = ("entered", "acted", "capped", "holdout")
"""Decisions of which it is kept how many there were, in the order in which they are stored."""


class Pages(msgspec.Struct, frozen=True):
    """How many users a page tells, and how many amid other traffic."""

    users: int
    held: int


class Segment:
    """What one knows. `rows`: its timers, `pages` what those of pages go on with: (campaign, occurrence, after)."""

    def __init__(self) -> None:
        self.campaigns: dict[str, Told] = {}
        self.rows: dict[str, Row] = {}
        self.pages: dict[str, tuple[str, int, str]] = {}
        self.done: dict[str, int] = {}
        """Campaign -> occurrences up to this one have been dealt with."""
        self.users: set[str] = set()
        """Of whom something is known."""
        self.counts: dict[str, Counter[str]] = {}
        """Campaign -> how many decisions it came to, by what they were, and runs that are over, by `over` and why."""
        self.stops = 0
        self.stopped: list[str] = []
        """Scopes, by the newest version that was heard of, which `stops` counts."""
        self.held = False
        """One of them has held somebody since users were last told to go on."""

    def count(self, whys: Sequence[Why], said: Sequence[Said]) -> None:
        """What an entry came to."""
        told = [(why.campaign, why.outcome) for why in whys if why.outcome in COUNTED and why.version != CHECKED]
        told += [(one[2], f"over {one[-1]}") for one in said if one[0] == "campaign.exited"]
        for campaign, what in told:
            self.counts.setdefault(campaign, Counter())[what] += 1


class CampaignModel:
    """Books by user, and what each segment knows."""

    domain = "campaign"
    kinds = frozenset({"programme.activated", "timer.campaign", *OF_USERS, *FACTS})
    parks_subject = True
    timer_key = ""

    def __init__(self, pages: Pages, marks: Counter[str]) -> None:
        self._pages, self._marks = pages, marks
        self.segments: dict[int, Segment] = {}
        self.books: dict[str, Book] = {}
        self.whys: list[tuple[str, int, Why]] = []
        """(subject, offset, line) of what was folded since it was looked at."""

    def fold(self, entry: Entry, at: int) -> list[Said]:
        """What must be said because of `entry`, folded at `at`."""
        segment, body = self._segment(entry), msgspec.json.decode(entry.body)
        if entry.kind == "programme.activated":
            return self._hear(segment, entry, body, at)
        if entry.subject.startswith("segment:"):
            return self._time(segment, entry, body, at)
        return self._of_user(segment, entry, body, at) if _concerns(entry.kind, body) else []

    def _segment(self, entry: Entry) -> Segment:
        return self.segments.setdefault(entry.segment, Segment())

    def _of_user(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        book = self.books.setdefault(entry.subject, Book())
        if entry.kind == "timer.campaign" and not _fires(book.rows, body):
            return []
        segment.users.add(entry.subject)
        fold = Fold(book, segment.campaigns, entry, at, self._mark, segment.stopped)
        match entry.kind:
            case "timer.campaign" if body["key"] == "next":
                book.believes = 0
                fold.time()
            case "timer.campaign":
                fold.idle(body["key"].removeprefix("idle:"))
            case "campaign.due" if body["campaign"] == EVERY:
                fold.go_on()
            case "campaign.due":
                fold.due(body["campaign"], body["occurrence"])
            case "behaviour.seen":
                fold.heard(body["behavior_type"], body, True)
            case "cart.changed":
                fold.cart(body["value"], body["lines"])
            case "user.profile":
                fold.told_of(body["profile_changes"])
            case "campaign.check":
                fold.checks.asked(body)
            case _:
                fold.heard(entry.kind, body, False)
        fold.end()
        segment.held = segment.held or fold.held
        segment.count(fold.whys, fold.said)
        self.whys += [(entry.subject, entry.offset, why) for why in fold.whys]
        return fold.said

    def _mark(self, name: str) -> None:
        self._marks[name] += 1

    # Segments.

    def _hear(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        """Of a version of a campaign."""
        campaign = body["name"].removeprefix(CAMPAIGN)
        if body["name"] == "stops":
            self._switch(segment, entry, body, at)
        if not body["name"].startswith(CAMPAIGN):
            return []
        before = segment.campaigns.get(campaign)
        if before is None or before.number < body["number"]:
            listing = msgspec.json.decode(body["body"])
            rules = Rules(bytes(msgspec.json.decode(body["body"], type=_Listing).campaign).decode())
            versions = dict(before.versions) if before and listing["status"] != "archived" else {}
            versions.pop(rules.version, None)
            versions[rules.version] = rules
            while len(versions) > VERSIONS_MAX:
                del versions[next(iter(versions))]
            segment.campaigns[campaign] = Told(body["number"], listing["status"], rules, versions)
        if before is None or not _goes_on(before, segment.campaigns[campaign]):
            self._wait(segment, campaign, entry, at)
            segment.done[campaign] = at
        return []

    def _switch(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> None:
        """Of what is stopped; whoever was held goes on when something is let go."""
        if body["number"] <= segment.stops:
            return
        before, segment.stops = segment.stopped, body["number"]
        segment.stopped = [one["scope"] for one in msgspec.json.decode(body["body"])["stopped"]]
        if segment.held and not set(before) <= set(segment.stopped):
            segment.held = False
            self._turn(segment, EVERY, 0, "user:", entry, at)

    def _wait(self, segment: Segment, campaign: str, entry: Entry, at: int) -> None:
        """Set the timer to the next time of a schedule."""
        told = segment.campaigns[campaign]
        trigger = told.rules.trigger
        segment.rows.pop(f"cron:{campaign}", None)
        if trigger["type"] == "schedule" and told.status == "active":
            due = next_time(trigger["cron"], told.rules.zone, at)
            segment.rows[f"cron:{campaign}"] = (due, entry.offset)
        elif trigger["type"] in OWN and told.status == "active":
            self._turn(segment, campaign, 0, "user:", entry, at)

    def _time(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        """A schedule's time has come, or that of a page."""
        key = body["key"]
        if not _fires(segment.rows, body):
            return []
        if key.startswith("page:"):
            return self._page(segment, entry, body, at)
        campaign = key.removeprefix("cron:")
        told = segment.campaigns[campaign]
        trigger = told.rules.trigger
        if trigger["type"] != "schedule" or told.status != "active":
            return []
        latest = last_time(trigger["cron"], told.rules.zone, at)
        late = at - latest > ON_TIME_MS
        self._marks["campaign_schedule_late"] += late
        if latest > segment.done[campaign] and not (late and trigger.get("catch_up", "once") == "skip"):
            self._turn(segment, campaign, latest, "user:", entry, at)
        segment.done[campaign] = max(segment.done[campaign], body["due"])
        self._wait(segment, campaign, entry, at)
        return []

    def _turn(self, segment: Segment, campaign: str, occurrence: int, after: str, entry: Entry, at: int) -> None:
        """A page's turn comes at once, unless something goes first."""
        key = f"page:{campaign}:{occurrence}"
        segment.rows[key] = (at, entry.offset)
        segment.pages[key] = (campaign, occurrence, after)

    def _page(self, segment: Segment, entry: Entry, body: dict[str, Any], at: int) -> list[Said]:
        """The next users are told."""
        campaign, occurrence, after = segment.pages.pop(body["key"])
        if campaign != EVERY and segment.campaigns[campaign].status != "active":
            return []
        most = self._pages.held if body["held"] else self._pages.users
        users = sorted((user for user in segment.users if user.encode() > after.encode()), key=str.encode)[:most]
        if users:
            self._marks["campaign_pages"] += after != "user:" and campaign != EVERY
            self._turn(segment, campaign, occurrence, users[-1], entry, at)
        return [("campaign.due", user, campaign, occurrence) for user in users]

    # What the shadow asks.

    def discarded(self, entry: Entry, at: int) -> list[Said]:
        """An operator threw it away. What a segment hears and sends is carried out all the same, and a user's firing
        comes again in a moment; all else has not come.
        """
        if entry.subject.startswith("segment:"):
            self._marks["campaign_made_good"] += 1
            return self.fold(entry, at)
        body, book = msgspec.json.decode(entry.body), self.books.get(entry.subject)
        if entry.kind == "campaign.due" and body["campaign"] == EVERY and book is not None:
            book.look_again(at, entry.offset)
        if entry.kind != "timer.campaign" or book is None or not _fires(book.rows, body):
            return []
        self._marks["campaign_made_good"] += 1
        book.again(body["key"], at, entry.offset)
        return []

    def armed(self, subject: str) -> tuple[int, int] | None:
        return None

    def state_fits(self, subject: str, data: bytes) -> str:
        stored = msgspec.msgpack.decode(data)
        if not subject.startswith("segment:"):
            return self.books[subject].unlike(stored)
        number, _, part = subject.removeprefix("segment:").partition("/")
        segment = self.segments[int(number)]
        if part:
            theirs = {id: _counted(total) for id, total in stored[2].items()}
            if stored[1] != segment.held:
                return f"somebody is held: {stored[1]}, the model says {segment.held}"
            return "" if theirs == segment.counts else f"the store counts {theirs}, the model {segment.counts}"
        known = segment.campaigns
        mine = {id: [told.number, told.status, told.rules.version, list(told.versions)] for id, told in known.items()}
        theirs = {id: [*each[:3], list(each[3])] for id, each in stored[1].items()}
        return "" if theirs == mine else f"the store knows of {theirs}, the model of {mine}"

    def heard(self, emission: Emission) -> Said | None:
        """What an emission says, in the model's words."""
        kind, subject = emission.draft.kind, emission.draft.subject
        body = msgspec.json.decode(emission.draft.body)
        campaign, version, run = (body.get(name) for name in ("campaign_id", "campaign_version", "run"))
        match kind:
            case "campaign.due":
                return (kind, subject, body["campaign"], body["occurrence"])
            case "campaign.entered":
                return (kind, subject, campaign, version, run)
            case "campaign.exited":
                return (kind, subject, campaign, version, run, body["reason"])
            case "campaign.effect":
                return (kind, subject, campaign, version, run, body["effect"])
            case "notify.requested":
                of_run = body["reference"].split(".", 2)
                return (kind, subject, campaign, version, int(of_run[1]), body["channel"], body["template"])
            case "coupon.issue":
                of_run = body["activity_id"].split(".", 2)
                return (kind, subject, of_run[0], int(of_run[1]), body["template"])
            case "points.accrue":
                return (kind, subject, body["points"], body["reason"])
            case _:
                return None

    def at_rest(self) -> str:
        """Empty when nobody waits for what can no longer come."""
        for subject, book in self.books.items():
            for campaign, run in book.runs.items():
                held = any(each.stopped for each in self.segments.values()) and run.held
                if not run.due and not held:
                    return f"{subject} is under way in {campaign} for ever"
        return ""


def _goes_on(before: Told, now: Told) -> bool:
    """Whether it is the same schedule, active before and after: its timer stays as it was."""
    crons = {
        (told.status, told.rules.trigger["type"], told.rules.trigger.get("cron"), told.rules.zone)
        for told in (before, now)
    }
    return len(crons) == 1 and now.status == "active" and now.rules.trigger["type"] == "schedule"


class _Listing(msgspec.Struct):
    status: str
    campaign: msgspec.Raw


def _counted(total: list[Any]) -> dict[str, int]:
    """Of a campaign as it is stored, what there is any of."""
    plain = dict(zip(COUNTED, total, strict=False))
    return {what: n for what, n in (plain | {f"over {why}": n for why, n in total[6].items()}).items() if n}


def _concerns(kind: str, body: dict[str, Any]) -> bool:
    return kind not in FACTS or bool(body.get("campaign_id") or body.get("activity_id"))


def _fires(rows: dict[str, Row], body: dict[str, Any]) -> bool:
    """Whether a firing is of what stands, which it ends."""
    row = rows.get(body["key"])
    if row is None or row[1] != body["gen"]:
        return False
    del rows[body["key"]]
    return True
