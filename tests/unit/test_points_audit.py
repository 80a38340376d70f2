"""The audit: a store that is whole is proven, beside an engine at work too, and each planted lie is found and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from actors.points import audit
from actors.points.audit import Finding, Tally
from actors.points.auditor import Audit, Pace, Share
from actors.points.proof_shown import shown
from actors.points.redemptions import CONFIRMED, HELD
from actors.points.state import Account, Lot
from supervision.clock import VirtualClock
from supervision.engine_events import RETRY
from supervision.entry import segment_of
from supervision.inspection import NO_SPOT, ChainedRow, Kept
from supervision.store_sqlite.beside import reading
from supervision.store_sqlite.copy import Declined
from supervision.store_sqlite.files import STORE_FILE
from supervision.store_sqlite.plan import checked
from supervision.store_sqlite.rows import unchecked
from tests.points_engine import DAY_S, SEGMENTS, PointsEngine

USERS = [f"u{i}" for i in range(24)]
SMALL = Pace(lines=7, users=3, users_max=4)


def busy(engine: PointsEngine, rng: Random, n: int) -> None:
    """So many messages of all sorts."""
    for _ in range(n):
        user, other = rng.sample(USERS, 2)
        number = f"{user}-{rng.randrange(4)}"
        match rng.randrange(10):
            case 0 | 1 | 2:
                engine.say("points_accrue", user, points=rng.randrange(1, 500), order_id=f"O{number}")
            case 3:
                engine.say("points_accrue", user, points=rng.randrange(1, 90), pending={"days": 2})
            case 4:
                engine.say("points_redeem", user, points=rng.randrange(1, 300), reason="mug")
            case 5:
                rid = f"R{number}"
                engine.say("points_reserve", user, points=rng.randrange(1, 100), reservation_id=rid, ttl_s=600)
            case 6:
                engine.say(rng.choice(["points_confirm", "points_cancel"]), user, reservation_id=f"R{number}")
            case 7:
                engine.say("points_reverse", user, order_id=f"O{number}")
            case 8:
                engine.say("points_gift", user, to=other, points=rng.randrange(1, 100))
            case _:
                engine.say("points_adjust", user, points=rng.choice([50, -20]), note="sorry")


def audited(folder: Path, pace: Pace = SMALL, between: Callable[[], None] = lambda: None) -> Audit:
    with reading(folder, VirtualClock()) as (reader, segments):
        made = Audit(reader, segments, pace)
        for _ in made.steps():
            between()
    return made


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after some days of everything, its engine ended."""
    folder = tmp_path_factory.mktemp("lived")
    engine = PointsEngine(folder, expiry={"kind": "days", "n": 2}, reminder_days=1)
    rng = Random(7)
    for _ in range(6):
        busy(engine, rng, 60)
        engine.settle()
        engine.clock.advance(DAY_S)
    busy(engine, rng, 60)
    engine.settle()
    engine.close()
    return folder


@pytest.fixture
def spoilt(lived: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of that store, to be spoilt by hand."""
    shutil.copy(lived / STORE_FILE, tmp_path / STORE_FILE)
    with closing(sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)) as db:
        yield db


def found(db: sqlite3.Connection) -> list[Finding]:
    """What an audit finds in the copy, and the same whatever its pace."""
    (path,) = [Path(row[2]) for row in db.execute("PRAGMA database_list")]
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("PRAGMA journal_mode = DELETE")
    findings = audited(path.parent).findings
    assert set(audited(path.parent, Pace()).findings) == set(findings)
    return findings


def some(db: sqlite3.Connection, sql: str) -> tuple[Any, ...]:
    row = db.execute(sql).fetchone()
    assert row is not None, f"the store has no such thing: {sql}"
    return row


def change_account(db: sqlite3.Connection, subject: str, change: Callable[[Account], None]) -> None:
    (blob,) = db.execute("SELECT state FROM states WHERE domain = 'points' AND subject = ?", (subject,)).fetchone()
    account = msgspec.msgpack.decode(unchecked(blob, subject), type=Account)
    change(account)
    blob = checked(msgspec.msgpack.encode(account))
    db.execute("UPDATE states SET state = ? WHERE domain = 'points' AND subject = ?", (blob, subject))


def whose(db: sqlite3.Connection, fits: Callable[[Account], object]) -> tuple[str, Account]:
    """A user whose account is of that sort."""
    for subject, blob in db.execute(
        "SELECT subject, state FROM states WHERE domain = 'points' AND subject LIKE 'user:%' ORDER BY subject"
    ):
        account = msgspec.msgpack.decode(unchecked(blob, subject), type=Account)
        if fits(account):
            return subject, account
    raise AssertionError("nobody has such an account")


def test_a_store_that_lived_is_proven_whatever_the_portions(lived: Path) -> None:
    large, small = audited(lived, Pace()), audited(lived)
    assert large.findings == small.findings == []
    assert (large.records, large.users, large.totals) == (small.records, small.users, small.totals)
    with closing(sqlite3.connect(lived / STORE_FILE)) as db:
        (lines,) = db.execute("SELECT count(*) FROM records WHERE domain = 'points'").fetchone()
    assert large.records == lines > 300
    sums = large.everything()
    assert sums.balanced and sums.sent == sums.received > 0
    assert min(sums.expired, sums.reversed, sums.spent, sums.withdrawn) > 0, "the days were too quiet"
    assert list(shown(large))[-1] == "the books are proven"


def test_users_that_are_too_many_are_halved_within_their_segment() -> None:
    share = Share(16, 1, 0, {})
    users = [subject for i in range(4_000) if segment_of(subject := f"user:{i}", 16) == 3]
    share.take([(i + 1, 0, subject, 0, 0, b"") for i, subject in enumerate(users)], [])
    other = share.halve()
    assert set(share.tallies) == {subject for subject in users if share.holds(subject)}
    assert all(share.holds(subject) != other.holds(subject) for subject in users)
    assert 0.4 < len(share.tallies) / len(users) < 0.6


def test_beside_an_engine_at_work_there_is_no_false_alarm_and_gifts_on_their_way_are_seen(tmp_path: Path) -> None:
    engine = PointsEngine(tmp_path)
    rng = Random(3)
    under_way = commits = 0

    def go_on() -> None:
        busy(engine, rng, 3)
        engine.step(rng.randrange(70))

    for number in range(5):
        busy(engine, rng, 60)
        engine.step(rng.randrange(60))
        before = engine.store.commit_no()
        made = audited(tmp_path, Pace(lines=15, users=2, users_max=4 if number % 2 else 100), go_on)
        assert made.findings == [], number
        under_way += made.in_transit
        commits += engine.store.commit_no() - before
    assert under_way > 0, "no gift was on its way at any of the cuts"
    assert commits > 150, "the engine did too little meanwhile"
    engine.close()


def test_a_store_whose_engine_was_killed_in_the_midst_of_it_is_proven_and_so_after_the_next_life(
    tmp_path: Path,
) -> None:
    rng = Random(5)
    clock = VirtualClock()
    for _ in range(5):
        engine = PointsEngine(tmp_path, clock)
        busy(engine, rng, 120)
        engine.step(rng.randrange(20, 400))
        engine.kill()
        assert audited(tmp_path).findings == []
    engine = PointsEngine(tmp_path, clock)
    engine.settle()
    engine.close()
    assert audited(tmp_path).findings == []


def test_a_lot_with_a_point_too_many_is_found_and_named(spoilt: sqlite3.Connection) -> None:
    subject, before = whose(spoilt, lambda account: account.main.lots)

    def flip(account: Account) -> None:
        account.main.lots[0].points += 1

    change_account(spoilt, subject, flip)
    findings = found(spoilt)
    available = sum(lot.points for lot in before.main.lots)
    assert Finding("sums_differ", subject, "", "available", available, available + 1) in findings
    assert {(each.what, each.subject) for each in findings} == {("sums_differ", subject), ("state_not_whole", subject)}


def test_a_lie_that_keeps_the_equation_is_found_too(spoilt: sqlite3.Connection) -> None:
    subject, before = whose(spoilt, lambda account: account.main.lots)

    def enrich(account: Account) -> None:
        account.main.books.issued += 1000
        account.main.lots.append(Lot(account.main.lots[-1].expires, 1000, 2_000_000_000, 1))

    change_account(spoilt, subject, enrich)
    issued = before.main.books.issued
    assert Finding("sums_differ", subject, "", "issued", issued, issued + 1000) in found(spoilt)


def test_moves_of_a_line_that_were_changed_are_found(spoilt: sqlite3.Connection) -> None:
    subject, place, n, blob = some(
        spoilt, "SELECT subject, place, n, body FROM records WHERE domain = 'points' AND instr(body, 'issued') LIMIT 1"
    )
    line = msgspec.json.decode(unchecked(blob, subject))
    line["moves"]["issued"] += 7
    where = "WHERE domain = 'points' AND subject = ? AND place = ? AND n = ?"
    spoilt.execute(f"UPDATE records SET body = ? {where}", (checked(msgspec.json.encode(line)), subject, place, n))
    findings = found(spoilt)
    assert {each.subject for each in findings} == {subject}
    assert {each.what for each in findings} >= {"line_unbalanced", "sums_differ"}
    assert any(f"line {place}.{n}" in each.told() for each in findings)


@pytest.mark.parametrize("which", ["oldest", "newest", "inner"])
def test_a_line_that_was_taken_out_is_found(spoilt: sqlite3.Connection, which: str) -> None:
    subject, *_ = some(
        spoilt, "SELECT subject FROM records WHERE domain = 'points' GROUP BY subject HAVING count(*) > 4"
    )
    rows = spoilt.execute(
        "SELECT place, n FROM records WHERE subject = ? AND domain = 'points' ORDER BY place, n", (subject,)
    ).fetchall()
    place, n = {"oldest": rows[0], "newest": rows[-1], "inner": rows[2]}[which]
    spoilt.execute("DELETE FROM records WHERE subject = ? AND place = ? AND n = ?", (subject, place, n))
    assert Finding("line_missing", subject, detail=f"line {place}.{n}") in found(spoilt)


def test_a_line_that_was_put_in_is_found(spoilt: sqlite3.Connection) -> None:
    segment, subject, place = some(
        spoilt,
        "SELECT segment, subject, place FROM records WHERE domain = 'points' AND n = 0 ORDER BY place LIMIT 1 OFFSET 5",
    )
    body = checked(b'{"change":"increase","balance":9,"moves":{"issued":9,"available":9}}')
    spoilt.execute(
        "INSERT INTO records VALUES (?, 'points', ?, 77, ?, ?, 0, ?)", (segment, place, subject, place, body)
    )
    findings = found(spoilt)
    assert {(each.what, each.subject) for each in findings} >= {("line_outside", subject)}
    assert any(f"line {place}.77" in each.told() for each in findings)


def test_flipped_bits_are_found(spoilt: sqlite3.Connection) -> None:
    subject, *_ = whose(spoilt, lambda account: account.main.lots)
    spoilt.execute(
        "UPDATE states SET state = CAST(x'00000000' || state AS BLOB) WHERE domain = 'points' AND subject = ?",
        (subject,),
    )
    other, place = some(
        spoilt, f"SELECT subject, place FROM records WHERE domain = 'points' AND subject <> '{subject}'"
    )
    spoilt.execute(
        "UPDATE records SET body = CAST(body || 'x' AS BLOB) WHERE subject = ? AND place = ? AND n = 0", (other, place)
    )
    findings = {(each.what, each.subject) for each in found(spoilt)}
    assert findings >= {("state_unreadable", subject), ("line_unreadable", other)}


def test_a_state_that_is_gone_is_found(spoilt: sqlite3.Connection) -> None:
    subject, *_ = whose(spoilt, lambda account: account.main.lots)
    spoilt.execute("DELETE FROM states WHERE domain = 'points' AND subject = ?", (subject,))
    assert ("state_missing", subject) in {(each.what, each.subject) for each in found(spoilt)}


def test_a_timer_that_is_gone_late_or_nobodys_is_found(spoilt: sqlite3.Connection) -> None:
    users: list[tuple[str, int]] = spoilt.execute(
        "SELECT subject, due FROM timers WHERE domain = 'points' ORDER BY subject LIMIT 2"
    ).fetchall()
    (gone, due), (late, later) = users
    spoilt.execute("DELETE FROM timers WHERE domain = 'points' AND subject = ?", (gone,))
    spoilt.execute("UPDATE timers SET due = due + 1 WHERE domain = 'points' AND subject = ?", (late,))
    spoilt.execute(
        "INSERT INTO timers SELECT segment, domain, 'user:nobody', key, gen, due, body, absence, valid_for_ms, fired,"
        " depth FROM timers WHERE domain = 'points' LIMIT 1"
    )
    findings = found(spoilt)
    assert Finding("timer_differs", gone, term="due", expected=due, found=0) in findings
    assert Finding("timer_differs", late, term="due", expected=later, found=later + 1) in findings
    assert {each.subject for each in findings} == {gone, late, "user:nobody"}


def test_a_timer_that_agrees_with_a_state_which_forgot_what_comes_is_found(spoilt: sqlite3.Connection) -> None:
    subject, _ = whose(spoilt, lambda account: account.main.lots and account.armed)

    def forget(account: Account) -> None:
        account.armed = 0

    change_account(spoilt, subject, forget)
    spoilt.execute("DELETE FROM timers WHERE domain = 'points' AND subject = ?", (subject,))
    (finding,) = found(spoilt)
    assert (finding.what, finding.subject, finding.found) == ("timer_late", subject, 0)


def test_a_hold_that_was_closed_and_is_held_is_found(spoilt: sqlite3.Connection) -> None:
    subject, account = whose(spoilt, lambda account: account.reservations)
    rid, key = next(iter(account.reservations)), audit.reservation_keys(subject, account)[0]
    assert spoilt.execute("SELECT value FROM keys WHERE key = ?", (key,)).fetchone() == (HELD,)
    spoilt.execute("UPDATE keys SET value = ? WHERE key = ?", (CONFIRMED, key))
    (finding,) = found(spoilt)
    assert (finding.what, finding.subject) == ("reservation_closed", subject)
    assert finding.detail == f"{rid!a} is held, and known as confirmed"


def on_its_way(folder: Path) -> tuple[int, int, int]:
    """A store that was left with one gift between two segments; -> (from, to, its number)."""
    engine = PointsEngine(folder)
    giver, receiver = next(
        (a, b) for a in USERS for b in USERS if segment_of(f"user:{a}", SEGMENTS) != segment_of(f"user:{b}", SEGMENTS)
    )
    pair = (segment_of(f"user:{giver}", SEGMENTS), segment_of(f"user:{receiver}", SEGMENTS))
    engine.say("points_accrue", giver, points=100)
    engine.say("points_gift", giver, to=receiver, points=30)
    engine.runtime.pause("p/readers/courier", 1e6)
    assert engine.runtime.run_until(lambda: engine.store.reader().cut("points", "courier").outbound != {}, 20_000)
    engine.kill()
    return (*pair, 1)


def test_a_gift_on_its_way_is_counted_and_one_that_was_called_taken_is_found(tmp_path: Path) -> None:
    src, dst, n = on_its_way(tmp_path)
    made = audited(tmp_path)
    assert (made.findings, made.in_transit) == ([], 30)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as db, db:
        db.execute("INSERT OR REPLACE INTO transfers VALUES (1, ?, ?, ?)", (src, dst, n))
    assert audited(tmp_path).findings == [Finding("gifts_differ", "all users", term="in transit", expected=30, found=0)]
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as db, db:
        db.execute("UPDATE transfers SET n = n + 1 WHERE inward = 1")
    assert "transfer_unknown" in {each.what for each in audited(tmp_path).findings}


def test_a_gift_that_the_log_has_lost_is_found(tmp_path: Path) -> None:
    src, dst, n = on_its_way(tmp_path)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as db, db:
        db.execute("UPDATE transfers SET n = n + 1 WHERE inward = 0")
    findings = audited(tmp_path).findings
    assert findings == [
        Finding(
            "transfer_lost",
            f"segment:{src:02} to segment:{dst:02}",
            detail=f"number {n + 1} is on its way and not in the log",
        )
    ]


def test_a_gift_that_is_parked_is_on_its_way_and_a_retry_behind_the_reading_is_no_false_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PointsEngine(tmp_path)
    engine.say("points_accrue", "u1", points=100)
    engine.say("points_accrue", "u2", points=5)
    engine.settle()
    with monkeypatch.context() as ill:
        ill.setattr("actors.points.gifts.arrives", lambda *_: 1 // 0)
        engine.say("points_gift", "u1", to="u2", points=30)
        engine.settle()
        engine.say("points_accrue", "u2", points=7)  # waits behind it
        engine.settle(100.0)
    assert audited(tmp_path).in_transit == 30
    for user in USERS:
        engine.say("points_accrue", user, points=1)
    engine.settle()
    retried: list[int] = []

    def retry() -> None:
        retried.append(1)
        if len(retried) == 6:
            engine.decide(RETRY, "u2")
            engine.settle()

    made = audited(tmp_path, Pace(lines=2, users=50), retry)
    assert (made.findings, made.in_transit, len(retried) > 6) == ([], 30, True)
    made = audited(tmp_path)
    assert (made.findings, made.in_transit, made.everything().received) == ([], 0, 30)
    engine.close()


def test_an_engine_that_is_started_meanwhile_is_declined(lived: Path, tmp_path: Path) -> None:
    shutil.copy(lived / STORE_FILE, tmp_path / STORE_FILE)
    with pytest.raises(Declined, match="an engine was started"), reading(tmp_path, VirtualClock()):
        engine = PointsEngine(tmp_path)
    engine.close()
    with pytest.raises(Declined, match="there is no"), reading(tmp_path / "nowhere", VirtualClock()):
        pass


def row(offset: int, before: int, body: bytes, n: int = 0) -> ChainedRow:
    return (offset, n, "user:a", before, 0, body)


def test_lines_of_before_the_books_are_an_opening_balance() -> None:
    findings: list[Finding] = []
    tally = Tally()
    tally.take(row(1, 0, b'{"change":"increase","balance":100}'), findings)
    tally.take(row(2, 1, b'{"change":"decrease","balance":70}'), findings)
    assert (tally.sums()[""].issued, tally.sums()[""].available) == (70, 70)
    tally.take(row(3, 2, b'{"change":"decrease","balance":60,"moves":{"spent":10,"available":-10}}'), findings)
    assert findings == [] and tally.sums()[""].available == 60
    format_1 = msgspec.msgpack.encode([1, [[1_800_000_000_000, 60, 1, 1]], 1_800_000_000_000, 0, 0])
    assert audit.prove(Kept("user:a", format_1, (3, 0)), tally, findings) is not None
    assert {each.term for each in findings} == {"issued", "spent"}, "a line with moves has made it a state of now"


def test_a_line_that_came_behind_the_reading_is_no_false_alarm_once_the_chain_is_looked_at() -> None:
    """An operator's retry of the entry at 2 came when the reading had passed it."""
    lines = [
        row(1, 0, b'{"change":"increase","balance":1,"moves":{"issued":1,"available":1}}'),
        row(2, 1, b'{"change":"increase","balance":3,"moves":{"issued":2,"available":2}}'),
        row(3, 2, b'{"change":"increase","balance":7,"moves":{"issued":4,"available":4}}'),
    ]
    findings: list[Finding] = []
    tally = Tally()
    tally.take(lines[0], findings)
    tally.take(lines[2], findings)
    assert findings == [] and audit.since(tally) == NO_SPOT
    whole = audit.follow(Kept("user:a", None, (3, 0), (), lines[::-1]), tally, findings)
    assert whole is not None and findings == [] and whole.sums()[""].available == 7


def test_only_so_many_findings_are_kept_and_all_are_counted(
    lived: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(lived / STORE_FILE, tmp_path / STORE_FILE)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as db, db:
        (n,) = db.execute("SELECT count(*) FROM timers WHERE domain = 'points'").fetchone()
        db.execute("DELETE FROM timers WHERE domain = 'points'")
    monkeypatch.setattr("actors.points.auditor.FINDINGS_MAX", 3)
    made = audited(tmp_path, Pace())
    assert (len(made.findings), made.found) == (3, n)
