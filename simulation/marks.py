"""Coverage marks: the rare branches that worlds must reach, or a clean run proves little.

Each is counted by the engine's own counters or by an observer of the simulation. Every run prints in how many worlds
each occurred; long runs fail when one has become too rare (campaign.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

FROM_TALLY = (
    "restarts", "escalations", "reactions_failed", "stages_rejected", "commits_refused", "loads_refused", "duplicates",
    "business_duplicates", "ids_reused", "dead_letters", "not_taking", "bridge_redelivered", "relay_nacked",
    "relay_returned", "outward_skipped", "transfers", "timers_fired", "timers_stale",
)  # fmt: skip
"""The engine's counters, under their own names."""

OBSERVED: Mapping[str, str] = {
    "unknown_committed": "a commit whose outcome was unknown had been made",
    "unknown_lost": "a commit whose outcome was unknown had not been made",
    "doubt_refused": "the store did not say at once what became of a commit",
    "fsync_failed": "a failed fsync ended the process",
    "disk_kept": "a crash kept the batch that was not known to be synced",
    "disk_lost": "a crash lost it",
    "disk_torn": "a crash tore it",
    "process_killed": "the process was killed",
    "raised_factory": "a cell's factory raised",
    "raised_started": "a cell's first act raised",
    "raised_keys": "a domain's keys raised",
    "raised_react": "a reaction raised",
    "raised_encode": "a state could not be encoded",
    "raised_receive": "an actor raised between reactions",
    "raised_stopping": "a cell's last act raised",
    "raised_kill": "a reaction took the process with it",
    "parked_ill": "an entry was given up on",
    "parked_later": "a later entry waits behind a parked one",
    "parked_killer": "an entry that kills processes was found and set aside",
    "domain_parked": "a whole domain of a segment was parked",
    "domain_resumed": "an operator let it go on",
    "retried": "parked entries were folded after all",
    "retry_stopped": "a retry stopped at a new failure",
    "discarded": "parked entries were thrown away",
    "suspected": "a process died at an entry, which the next one takes alone",
    "one_by_one": "a process died over several entries again, and the next one takes them one by one",
    "money_alarm": "an alarm said that the ledger set somebody aside",
    "refusals_alarm": "an alarm said that too much was refused",
    "timers_late": "a timer fired more than a second late",
    "timers_expired": "a firing came too late to be of use",
    "absences_held": "an absence timer fired without the watermark",
    "continuations": "an operator's decision went on in a continuation entry",
    "census_pages": "a fan-out went on in a continuation entry",
    "rules_activated": "a version of a rule came into force in a segment",
    "rules_spread_on": "a version went on to more segments in a continuation entry",
    "carried_again": "a transfer was carried again and known by its number",
    "lru_reloads": "a state that memory had dropped was loaded again",
    "ring_missed": "a reader found its entries no longer in the ring",
    "trimmed": "the log was trimmed",
    "ids_forgotten": "an id was forgotten and its input counted again",
    "clock_leaps": "a leap of the wall clock was held, then believed",
    "clock_back": "the wall clock went back",
    "disk_low": "the disk was nearly full",
    "lingering": "a lost consumer held messages when the next one came, who had to wait",
    "effects_again": "an effect was heard more than once",
    "answers_from_store": "a repeated ask found its answer in the store",
    "command_replayed": "a command over HTTP got the answer that it had got before",
    "command_met_itself": "a command over HTTP met its own earlier one, which was not answered yet",
    "command_survived": "its first answer came from another process than the one it was handed to",
    "key_reused": "an Idempotency-Key came with another body",
    "programme_switched": "a segment took on another programme of points",
    "activated": "pending points became active",
    "reservation_expired": "a reservation's time was up",
    "reservation_closed": "a reservation was asked for that had ended",
    "confirm_too_late": "a reservation was confirmed or cancelled when its time was up",
    "refund_in_pieces": "an order was refunded in more than one piece",
    "refund_waited": "a refund waited for its order",
    "refund_given_up": "a refund waited in vain",
    "cancelled_with_points": "an order was cancelled that had earned",
    "accrued_after_cancel": "a cancelled order earned, and gave it back",
    "spent_came_back": "points spent on a refunded order came back",
    "debt": "a refund left a debt",
    "debt_paid": "points that came paid a debt",
    "written_off": "a refund was waived in part",
    "gift_crossed": "a gift came from another segment",
    "gift_limit": "somebody gave too much in a day",
    "cap_cut": "a cap cut what came",
    "cap_reached": "a cap refused what came",
    "cap_of_order": "a cap on an order was reached",
    "cap_of_day": "one on a day",
    "cap_long": "one on a week, a month, a year or for ever",
    "cap_rolling": "one on hours or days that roll",
    "expired_by_days": "points ended by a rule of days",
    "expired_sliding": "points ended that slide",
    "expired_at_period": "points ended by a rule of months, quarters or years",
    "already_accepted": "something was done under another id already, and its sender was told so",
    "tier_upgraded": "a level was reached",
    "tier_granted": "a level was granted that is above the one reached",
    "lots_merged": "lots became one, as there were too many",
    "reminded": "owners heard of an expiry before it",
    "tier_will_drop": "the loss of a level was announced",
    "tier_dropped": "a level was lost",
    "waited_for_stock": "a command about a coupon waited and was promised what it needs",
    "waited_behind_oneself": "one waited behind an earlier one of the same user",
    "recalled": "a segment gave back stock or money that another needs",
    "dry": "a segment was told that there is no more",
    "good_news_after_dry": "and later that there is something after all",
    "idle_gave_back": "what was scarce and lay idle went back",
    "closed_gave_back": "what a segment had of a closed template went back",
    "served_refused": "a command that had waited was refused",
    "occasion_again": "an issue came again for the same occasion",
    "public_code_returned": "a coupon that was taken by a public code went back to the template",
    "expired_while_held": "a coupon's time was up while it was held",
    "rollback_of_expired": "a use was rolled back when the coupon's time was up",
    "others_code": "somebody asked with another user's code",
    "coupon_guarded": "too many wrong codes came from one user",
}
"""Name -> what it means."""

MARKS = (*FROM_TALLY, *OBSERVED)


def from_tally(counts: Mapping[str, int]) -> Counter[str]:
    """The engine's own marks from its counters."""
    return Counter({name: counts[name] for name in FROM_TALLY if counts.get(name)})
