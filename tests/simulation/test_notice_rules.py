"""The reference model's first moment for a message, against production's, over weeks in which clocks change."""

from __future__ import annotations

from random import Random

from actors.notification import outbox, policy
from actors.notification.messages import SendNotification
from actors.notification.recipient import Recipient
from actors.notification.send_time import Hold, Send, Suppress
from simulation import notices_drawn
from simulation.notice_rules import Answer, Rules, answer, read
from simulation.notices_drawn import BEGIN_HOUR, CHANNELS, PREFERRED, VALID_S, PolicyWords

BEGIN = 1_790_000_000_000
HOUR_MS = 3_600_000
CASES = 3_000


def _messages(rng: Random, n: int) -> list[tuple[int, str]]:
    """When some were sent, and how, the last of them at most two days before the next."""
    moments = sorted(BEGIN + rng.randrange(14 * 24) * HOUR_MS // rng.choice((1, 3)) for _ in range(n))
    return [(at, rng.choice(CHANNELS)) for at in moments]


def test_a_message_goes_at_the_moment_that_production_finds_or_ends_for_the_same_reason() -> None:
    rng = Random(7)
    seen: set[str] = set()
    for _ in range(CASES):
        words = notices_drawn.policy(rng)
        shop, rules = policy.parse(**{name: getattr(words, name) for name in words.__struct_fields__}), Rules(words)
        user = Recipient(zone=rng.choice(("", *BEGIN_HOUR)), preferred=rng.choice((None, *PREFERRED)))
        sent = _messages(rng, rng.randrange(4))
        for at, channel in sent:
            user.slots.times.setdefault("all", []).append(at)
            user.slots.times.setdefault(f"channel:{channel}", []).append(at)
        now = max([at for at, _ in sent], default=BEGIN) + rng.randrange(48 * HOUR_MS)
        end = now + rng.choice(VALID_S) * 1_000
        channel, transactional = rng.choice(("sms", "push")), rng.random() < 0.2
        asked = read({"template": "t", "channel": channel, "params": {}, "transactional": transactional})
        mine = answer(rules, asked, sent, user.zone or rules.zone, user.preferred, now, end)
        match outbox.when(user, shop, SendNotification("t", channel, {}, transactional=transactional), now, end):
            case Send():
                assert mine.go == now, (words, user, mine)
            case Hold(until=until, because=because):
                assert mine == Answer(until, because), (words, user, mine)
            case Suppress(because=because):
                assert mine == Answer(0, because), (words, user, mine)
        seen.add(f"{mine.go > now} {mine.because}" if mine.go != now else "at once")
    reasons = ("capped", "quiet_hours", "preferred_hour")
    assert seen == {"at once", *(f"{held} {reason}" for held in (True, False) for reason in reasons)}


def test_where_nothing_is_decided_nothing_stands_in_the_way() -> None:
    assert Rules(PolicyWords()).says_nothing
    assert not Rules(PolicyWords(consent="deny")).says_nothing
