"""The file of the coupon codes' secrets: made once, added to, read by nobody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from actors.coupon.code_keys import KEYS_MAX
from actors.coupon.code_pattern import DEFAULT
from actors.coupon.codes import Located, code_of, locate
from gateway.audit import AuditLog
from gateway.coupon_key_file import COUPON_KEYS_FILE, CouponKeyFile
from gateway.keys import BadKeys

AT = "2026-09-21T14:13:20.000Z"


class World:
    """A data folder, and chance that can be foreseen."""

    def __init__(self, folder: Path) -> None:
        self.file = CouponKeyFile(folder)
        self.audit = AuditLog(folder, lambda: 1_790_000_000_000)
        self._numbers = iter(range(1, 100))

    def random(self, count: int) -> bytes:
        return bytes([next(self._numbers)]) * count

    def create(self) -> None:
        self.file.create(self.random, AT, self.audit, "os:tester")

    def rotate(self) -> int:
        return self.file.rotate(self.random, AT, self.audit, "os:tester")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "data")
    world.create()
    return world


def test_the_first_start_makes_a_key_and_the_second_leaves_it(world: World) -> None:
    keys = world.file.read()
    world.create()
    assert world.file.read() == keys and [key.id for key in keys.keys] == [0]
    assert keys.newest.secret == b"\1" * 32


def test_the_file_is_its_owners_alone(world: World) -> None:
    world.rotate()
    assert stat.S_IMODE(world.file.path.stat().st_mode) == 0o600
    assert sorted(os.listdir(world.file.path.parent)) == ["audit.jsonl", COUPON_KEYS_FILE, f"{COUPON_KEYS_FILE}.lock"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_file_that_others_may_read_is_refused_whatever_is_asked(world: World, mode: int) -> None:
    world.file.path.chmod(mode)
    for ask in (world.file.read, world.file.listed, world.rotate):
        with pytest.raises(BadKeys, match="others than its owner may read it; chmod 600"):
            ask()


def test_codes_of_before_a_rotation_stay_valid(world: World) -> None:
    code = code_of(world.file.read().newest, DEFAULT, 3, 4)
    assert world.rotate() == 1
    keys = world.file.read()
    assert keys.newest.id == 1 and locate(code, keys, 16) == Located(3, 4, 0)


def test_there_may_be_so_many_keys_and_no_more(world: World) -> None:
    assert [world.rotate() for _ in range(1, KEYS_MAX)] == list(range(1, KEYS_MAX))
    before = world.file.read()
    with pytest.raises(BadKeys, match=f"{KEYS_MAX} keys"):
        world.rotate()
    assert world.file.read() == before


def test_a_list_and_the_audit_log_say_nothing_secret(world: World) -> None:
    world.rotate()
    assert world.file.listed() == [{"id": 0, "created": AT}, {"id": 1, "created": AT}]
    newest, first = world.audit.page(10, None).data
    assert (newest.what, newest.about, first.about) == ("coupon_keys.create", "1", "0")
    assert "01" * 32 not in world.file.path.with_name("audit.jsonl").read_text()


def test_a_file_that_is_gone_is_not_made_anew_by_reading(world: World) -> None:
    world.file.path.unlink()
    for ask in (world.file.read, world.rotate):
        with pytest.raises(BadKeys, match="is gone"):
            ask()
    assert not world.file.path.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"keys":[],"format":1}', b'{"keys":[],"format":2}', b"\xff",
        *(
            msgspec.json.encode({"keys": keys})
            for keys in (
                [{"id": 11, "created": AT, "secret": "01" * 32}], [{"id": 0, "created": AT, "secret": "01" * 31}],
                [{"id": 0, "created": AT, "secret": "xy" * 32}], [{"id": 0, "created": AT, "secret": "01" * 32}] * 2,
                [{"id": 0, "created": AT, "secret": "01" * 32, "more": 1}], [{"id": 0, "created": AT}],
            )
        ),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_without_a_word_of_its_secrets(world: World, data: bytes) -> None:
    world.file.path.write_bytes(data)
    with pytest.raises(BadKeys, match=COUPON_KEYS_FILE) as bad:
        world.file.read()
    assert "0101" not in str(bad.value) and "xyxy" not in str(bad.value)


def test_a_rotation_that_died_before_its_end_is_in_no_way_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> None:
        raise OSError("died")

    before = world.file.read()
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", dies)
        with pytest.raises(OSError, match="died"):
            world.rotate()
    assert world.file.read() == before
    assert world.rotate() == 1


def test_a_rotation_that_cannot_be_written_down_is_not_made(world: World) -> None:
    before = world.file.read()
    world.file.path.with_name("audit.jsonl").unlink()
    world.file.path.with_name("audit.jsonl").mkdir()
    with pytest.raises(OSError, match="directory"):
        world.rotate()
    assert world.file.read() == before
