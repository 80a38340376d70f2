"""API keys: what they are, the file they are in, and the engine that reads it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest
import structlog.testing

from gateway.audit import AuditLog
from gateway.key_file import GONE, KEYS_FILE, KeyFile
from gateway.key_ring import LOOK_S, KeyRing
from gateway.keys import (
    ID_BITS,
    KEYS_MAX,
    NAME_BYTES_MAX,
    RATE_PER_MINUTE_MAX,
    SCOPES,
    SECRET_BITS,
    BadKeys,
    Key,
    KeyBook,
    KeyIndex,
    digest_of,
    id_of,
    looks_like_a_secret,
    parse,
    render,
    revoked,
    scopes_of,
    secret_of,
    shown,
    with_key,
)
from supervision.clock import VirtualClock
from supervision.counters import Tally

AT = "2026-09-21T14:13:20.000Z"


def key(n: int, **more: object) -> Key:
    made = Key(id=id_of(n), name=f"key {n}", scopes=("admin",), created=AT, sha256=digest_of(secret_of(n)))
    return msgspec.structs.replace(made, **more)


def audit(folder: Path) -> AuditLog:
    return AuditLog(folder, lambda: 1_790_000_000_000)


def added(file: KeyFile, *keys: Key) -> None:
    for one in keys:
        file.create(one, audit(file.path.parent), "os:tester")


def test_a_secret_has_200_bits_and_a_form_that_can_be_searched_for() -> None:
    assert SECRET_BITS >= 160
    for bits in (0, 1, (1 << SECRET_BITS) - 1):
        assert looks_like_a_secret(secret_of(bits))
    assert len({secret_of(bits) for bits in (0, 1, 2, 1 << 199)}) == 4
    for bits in (-1, 1 << SECRET_BITS):
        with pytest.raises(ValueError, match="200 bits"):
            secret_of(bits)


def test_a_secret_is_found_by_its_hash_and_nothing_else_is() -> None:
    index = KeyIndex(KeyBook((key(1), key(2), key(3, revoked=AT))))
    assert index.holder(secret_of(2)) == key(2)
    for other in ("", "gk_", secret_of(3), secret_of(4), secret_of(2)[:-1], digest_of(secret_of(2)), "\udcff"):
        assert index.holder(other) is None


def test_a_hash_that_begins_alike_is_not_the_key() -> None:
    digest = digest_of(secret_of(2))
    index = KeyIndex(KeyBook((key(1, sha256=digest[:-1] + ("0" if digest[-1] != "0" else "1")),)))
    assert index.holder(secret_of(2)) is None


def test_keys_are_needed_as_soon_as_there_was_ever_one() -> None:
    assert not KeyIndex(KeyBook()).needed
    assert KeyIndex(KeyBook((key(1, revoked=AT),))).needed


def test_scopes_are_known_or_refused_by_name() -> None:
    assert scopes_of(",".join(reversed(SCOPES))) == SCOPES
    for text in ("", "points:read,", "everything"):
        with pytest.raises(BadKeys, match="known: events:write"):
            scopes_of(text)


def test_what_is_written_is_read() -> None:
    book = KeyBook((key(1), key(2, rate_per_minute=60, staging=True, revoked=AT)))
    assert parse(render(book)) == book


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"id": "x"}, "key number 1"), ({"sha256": "0" * 63}, "64 hexadecimal"), ({"name": ""}, "empty"),
        ({"name": "x" * (NAME_BYTES_MAX + 1)}, "too_long"), ({"scopes": ()}, "at least one"),
        ({"scopes": ("admin", "admin")}, "each once"), ({"rate_per_minute": -1}, "no limit"),
        ({"rate_per_minute": RATE_PER_MINUTE_MAX + 1}, "1000000"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_is_refused_with_the_limit(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(BadKeys, match=words):
        with_key(KeyBook(), key(1, **wrong))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b'{"keys":[{}]}', b'{"keys":[],"format":2}', b'{"keys":[],"more":1}',
        render(KeyBook((key(1),))).replace(b"admin", b"god"), b"\xff",
        msgspec.json.encode({"keys": [key(1), key(1)], "format": 1}),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused(data: bytes) -> None:
    with pytest.raises(BadKeys):
        parse(data)


def test_no_refusal_says_anything_of_a_key() -> None:
    secret = secret_of(7)
    for wrong in ({"id": secret}, {"name": secret + "\n"}, {"sha256": secret}, {"created": 5}, {secret: 1}):
        one = msgspec.structs.asdict(key(1)) | wrong
        with pytest.raises(BadKeys) as bad:
            parse(msgspec.json.encode({"keys": [one]}))
        assert secret not in str(bad.value) or secret in wrong


def test_there_may_be_so_many_keys_and_no_more() -> None:
    full = KeyBook(tuple(key(n) for n in range(KEYS_MAX)))
    with pytest.raises(BadKeys, match=f"the limit is {KEYS_MAX}"):
        with_key(full, key(KEYS_MAX))


def test_a_key_is_revoked_once() -> None:
    book, old, new = revoked(KeyBook((key(1), key(2))), id_of(2), AT)
    assert (old.revoked, new.revoked) == ("", AT)
    assert book.keys == (key(1), new)
    for id in (id_of(2), id_of(3)):
        with pytest.raises(BadKeys):
            revoked(book, id, AT)
    assert id_of((1 << ID_BITS) - 1).startswith("key_")


def test_what_is_shown_of_a_key_has_no_hash() -> None:
    assert "sha256" not in shown(key(1)) and shown(key(1))["id"] == id_of(1)


def test_the_file_is_its_owners_alone_and_holds_no_secret(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "data")
    added(file, key(1))
    for path in (file.path, file.path.with_name("audit.jsonl")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert secret_of(1) not in path.read_text()
    assert digest_of(secret_of(1)) not in file.path.with_name("audit.jsonl").read_text()
    assert file.read() == KeyBook((key(1),))


def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    added(file, key(1))
    file.path.chmod(0o620)
    with pytest.raises(BadKeys, match="others than its owner"):
        file.read()


def test_two_writers_lose_nothing_of_each_other(tmp_path: Path) -> None:
    writers = [threading.Thread(target=added, args=(KeyFile(tmp_path), key(n), key(n + 100))) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(KeyFile(tmp_path).read().keys) == 16
    assert len(audit(tmp_path).page(500, None).data) == 16


def test_a_change_that_died_before_its_end_is_in_no_way_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = KeyFile(tmp_path)
    added(file, key(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", _dies)
        with pytest.raises(OSError, match="died"):
            added(file, key(2))
    assert file.read() == KeyBook((key(1),))
    added(file, key(3))
    assert file.read() == KeyBook((key(1), key(3)))


def _dies(*_: object) -> None:
    raise OSError("died")


def test_every_change_of_keys_leaves_a_record_before_it_is_made(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    added(file, key(1))
    file.revoke(id_of(1), AT, audit(tmp_path), "os:tester")
    last, first = audit(tmp_path).page(10, None).data
    assert (first.who, first.what, first.about, first.old) == ("os:tester", "keys.create", id_of(1), None)
    assert first.new["scopes"] == ["admin"]
    assert (last.what, last.old["revoked"], last.new["revoked"]) == ("keys.revoke", "", AT)


def test_a_change_that_cannot_be_written_down_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(OSError, match="directory"):
        added(KeyFile(tmp_path), key(1))
    assert KeyFile(tmp_path).read() == KeyBook()


class Ring:
    """A ring, its file and its clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.tally = Tally()
        self.file = KeyFile(folder)
        self.ring = KeyRing(self.file, self.clock, self.tally)

    def looks(self) -> bool:
        """A second later; whether the file was read."""
        self.clock.advance(LOOK_S)
        reload = self.ring.look()
        if reload is not None:
            reload()
        return reload is not None

    def stale(self) -> float:
        return self.tally.gauges["keys_stale", ()]


def test_a_ring_reads_the_file_again_only_when_it_has_changed(tmp_path: Path) -> None:
    one = Ring(tmp_path)
    assert not one.looks() and not one.ring.index.needed
    added(one.file, key(1))
    assert one.looks() and one.ring.index.holder(secret_of(1)) == key(1)
    assert not one.looks()
    one.file.revoke(id_of(1), AT, audit(tmp_path), "os:tester")
    assert one.looks() and one.ring.index.holder(secret_of(1)) is None


def test_a_ring_looks_at_the_file_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Ring(tmp_path)
    stats: list[int] = []
    monkeypatch.setattr(one.file, "stamp", lambda: stats.append(1) or GONE)
    for _ in range(100):
        one.clock.advance(LOOK_S / 10)
        one.ring.look()
    assert 9 <= len(stats) <= 10


@pytest.mark.parametrize("spoil", ["broken", "gone", "open"])
def test_a_file_that_cannot_be_believed_leaves_the_old_keys_and_is_said(tmp_path: Path, spoil: str) -> None:
    one = Ring(tmp_path)
    added(one.file, key(1))
    one.looks()
    good = one.file.path.read_bytes()
    with structlog.testing.capture_logs() as lines:
        if spoil == "broken":
            one.file.path.write_bytes(good[:-9])
        elif spoil == "gone":
            one.file.path.unlink()
        else:
            one.file.path.write_bytes(good + b"\n")
            one.file.path.chmod(0o666)
        assert one.looks() and one.looks()
    assert one.ring.index.holder(secret_of(1)) == key(1)
    assert KEYS_FILE in one.ring.trouble and one.stale() == 1
    assert [line["event"] for line in lines] == ["keys_refused"]
    one.file.path.write_bytes(good)
    one.file.path.chmod(0o600)
    assert one.looks() and one.ring.trouble == "" and one.stale() == 0


def test_an_engine_does_not_start_with_keys_that_cannot_be_believed(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).write_bytes(b"{")
    with pytest.raises(BadKeys, match=KEYS_FILE):
        Ring(tmp_path)
