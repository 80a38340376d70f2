"""Coverage marks: the rare branches that worlds must reach, or a clean run proves little.

Each is counted by the engine's own counters or by an observer of the simulation. Every run prints in how many worlds
each occurred; long runs fail when one has become too rare (campaign.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

FROM_TALLY = (
    "restarts", "escalations", "reactions_failed", "stages_rejected", "commits_refused", "loads_refused", "duplicates",
    "business_duplicates", "ids_reused", "dead_letters", "not_taking", "bridge_redelivered", "relay_nacked",
    "relay_returned", "outward_skipped", "transfers", "timers_fired", "timers_stale",
)  # fmt: skip
"""The engine's counters, under their own names."""

OBSERVED: Mapping[str, Mapping[str, str]] = {
    "": {
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
        "expired_by_days": "points ended by a rule of days",
    },
    "ledger": {
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
        "cap_went_on": "what had come under a cap counted on in a window of another kind",
        "cap_began_anew": "what had come under a cap counted no more, its window being of another kind",
        "zone_moved": "another zone counted for a user with points",
        "end_named": "points came whose end was named",
        "end_named_of_pending": "such that could not be spent yet",
        "pending_named": "points came for whose becoming active a moment was named",
        "in_the_past": "points were to end before they could be spent",
        "expired_sliding": "points ended that slide",
        "expired_at_period": "points ended by a rule of months, quarters or years",
        "already_accepted": "something was done under another id already, and its sender was told so",
        "tier_upgraded": "a level was reached",
        "tier_by_money": "one was reached by money spent",
        "tier_rolled": "one was lost whose window rolls",
        "tier_in_grace": "something counted for a level that was held by its grace alone",
        "tier_saved": "it kept the level",
        "tier_granted": "a level was granted that is above the one reached",
        "lots_merged": "lots became one, as there were too many",
        "reminded": "owners heard of an expiry before it",
        "tier_will_drop": "the loss of a level was announced",
        "tier_dropped": "a level was lost",
    },
    "calls": {
        "command_replayed": "a command over HTTP got the answer that it had got before",
        "command_met_itself": "a command over HTTP met its own earlier one, which was not answered yet",
        "command_survived": "its first answer came from another process than the one it was handed to",
        "command_parked": "who waited for a command was told that an operator must decide first",
        "command_parked_answered": "its first answer came after that",
        "key_reused": "an Idempotency-Key came with another body",
    },
    "coupons": {
        "waited_for_stock": "a command about a coupon waited and was promised what it needs",
        "waited_behind_oneself": "one waited behind an earlier one of the same user",
        "recalled": "a segment gave back stock or money that another needs",
        "dry": "a segment was told that there is no more",
        "good_news_after_dry": "and later that there is something after all",
        "freed_gave_back": "what became free of something scarce went back at once",
        "closed_gave_back": "what a segment had of a closed template went back",
        "served_refused": "a command that had waited was refused",
        "occasion_again": "an issue came again for the same occasion",
        "public_code_returned": "a coupon that was taken by a public code went back to the template",
        "expired_while_held": "a coupon's time was up while it was held",
        "rollback_of_expired": "a use was rolled back when the coupon's time was up",
        "others_code": "somebody asked with another user's code",
        "coupon_made_good": "somebody waited for what was thrown away of coupons or their jobs, and it was made good",
        "coupon_guarded": "too many wrong codes came from one user",
    },
    "jobs": {
        "job_pages": "a job sent a page after its first one",
        "job_batch_again": "a batch of a job came again",
        "job_cancelled": "a job was cancelled some of whose users had not been sent",
        "job_continued": "a paused one with such users was continued",
        "listed_waited": "a user of a job waited for stock",
    },
    "hands": {
        "handed_over": "a coupon came to a user whom another gave it",
        "hand_over_refused": "one could not be had by the user whom it was given",
    },
    "browsing": {
        "cart_corrected": "the shop had a cart at another value than its prices come to",
        "cart_given_back": "a cancelled order gave back what it took from a cart",
        "cart_cancelled_late": "one was cancelled too late for that",
    },
    "cart_idle_s": {
        "cart_abandoned": "somebody abandoned a cart",
        "reminder_sent": "who abandoned a cart was reminded",
    },
    "campaigns": {
        "campaign_capped": "a limit kept somebody out of a campaign",
        "campaign_exited": "somebody under way left when it was looked at whether he had to, before an action",
        "campaign_holdout": "somebody was kept out of a campaign to compare with",
        "campaign_slot_unused": "a run that had done nothing gave back what it had taken of limits",
        "campaign_wait_ended": "what somebody under way waited for came",
        "campaign_waited": "somebody under way waited as long as he was to",
        "campaign_waited_in_vain": "what somebody waited for did not come in time",
        "campaign_stayed": "somebody under way went on by the version of his start",
        "campaign_archived_under_way": "somebody was under way in a campaign that was archived",
        "campaign_pages": "a schedule told users on a page after its first one",
        "campaign_schedule_late": "a schedule was more than a minute late",
        "campaign_made_good": "a firing or a word to a segment about campaigns was thrown away, and it was made good",
    },
    "moments": {
        "check_acted": "a delayed check found something in the cart and did what it was to",
        "check_cart_empty": "one found nothing there",
        "check_bought": "a purchase ended one",
        "check_refused": "one was refused, as another of its trigger waited or its moment is too far away",
        "check_again": "one came again under another message",
        "entered_cart_idle": "somebody entered a campaign who had left his cart alone",
        "entered_birthday": "somebody did on his birthday",
        "entered_absent_for": "somebody did who had not done something for days",
        "entered_change": "somebody did for whom a condition came to hold",
    },
    "notices": {
        "campaign_slot_returned": "a message was all that a run had done, and it did not go out",
        "message_held_capped": "a message waited because a limit had no room",
        "message_held_quiet_hours": "one waited for the end of quiet hours",
        "message_held_stopped": "one waited because something was stopped",
        "message_stop_lifted": "a stop was over, and those who waited were told",
        "message_went_later": "a message that had waited went out",
        "message_expired": "one had waited until it was worth nothing any more",
        "message_suppressed_bounced": "one did not go, as its channel does not reach its user",
        "text_put": "a message had the words of a template that was put",
        "channel_bounced": "those who deliver found that a channel does not reach somebody",
        "channel_works_again": "it did after all, or he agreed to hear from it anew",
        "report_again": "something was reported of a message again",
        "report_refused": "a report was of no message of its user",
        "message_dropped": "one that waited must not go any more, for another reason",
    },
    "delayed": {
        "delayed_published": "a message that was to be published later became due",
        "delayed_cancelled": "one was taken back before",
        "delayed_refused": "what was asked of one was refused",
        "delayed_forgotten": "one was forgotten, a week after it was over",
    },
}
"""Name -> what it means, by the dimension of a world (draw.py) without which it cannot be; "" for any world."""

SELDOM: Mapping[str, str] = {
    "came_home": "a coupon came back to whom it was issued to",
    "handed_over_again": "the same hand-over came again when it was done",
}
"""Too rare to be asked of worlds: the models' long lives without an engine must come to these."""

BY_WHERE: Mapping[str, Sequence[str]] = {
    where: (*(() if where else FROM_TALLY), *marks) for where, marks in OBSERVED.items()
}
MARKS = tuple(name for names in BY_WHERE.values() for name in names)


def from_tally(counts: Mapping[str, int]) -> Counter[str]:
    """The engine's own marks from its counters."""
    return Counter({name: counts[name] for name in FROM_TALLY if counts.get(name)})
