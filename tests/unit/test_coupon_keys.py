"""Which keys an engine makes coupon codes with: its own, from its first start on, and others after a restore."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

import run
from actors.coupon.code_keys import CodeKeys
from actors.coupon.code_pattern import DEFAULT
from actors.coupon.codes import code_of
from gateway.audit import AuditLog
from gateway.coupon_key_file import COUPON_KEYS_FILE, CouponKeyFile
from gateway.coupon_keys import keys_of
from gateway.keys import BadKeys
from tests.coupon_engine import SEGMENTS, CouponEngine
from tests.unit.test_backup_program import ended

AT = "2026-09-21T14:13:20.000Z"


def started(engine: CouponEngine) -> CodeKeys:
    """The keys of an engine that starts on the store of `engine`."""
    audit = AuditLog(engine.folder, engine.clock.now_ms)
    with closing(engine.store.reader()) as reader:
        return keys_of(CouponKeyFile(engine.folder), reader, SEGMENTS, os.urandom, AT, audit, "os:tester")


def code(keys: CodeKeys) -> str:
    """Of one certain coupon."""
    return code_of(keys.newest, DEFAULT, 1, 70)


def test_two_folders_make_different_codes_and_each_the_same_again(tmp_path: Path) -> None:
    codes: list[str] = []
    for name in ("one", "other"):
        engine = CouponEngine(tmp_path / name)
        codes.append(code(started(engine)))
        assert code(started(engine)) == codes[-1]
        engine.close()
    assert codes[0] != codes[1]


def test_a_store_whose_users_have_coupons_gets_no_new_keys(tmp_path: Path) -> None:
    engine = CouponEngine(tmp_path / "data")
    engine.put()
    engine.settle()
    started(engine)
    (tmp_path / "data" / COUPON_KEYS_FILE).unlink()
    started(engine)  # nobody has a coupon yet
    engine.say("coupon_issue", "u", template="T1")
    engine.settle()
    (tmp_path / "data" / COUPON_KEYS_FILE).unlink()
    with pytest.raises(BadKeys, match="is gone"):
        started(engine)
    engine.close()


def test_keys_are_listed_without_their_secrets_and_rotated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = ended(capsys, "coupons", "keys", "list", "--data", tmp_path)
    assert status == run.EXIT_USAGE and "is gone" in err
    engine = CouponEngine(tmp_path)
    before = started(engine)
    engine.close()
    status, out, _ = ended(capsys, "coupons", "keys", "rotate", "--data", tmp_path)
    assert status == 0 and out.startswith("made the key 1;")
    status, out, _ = ended(capsys, "coupons", "keys", "list", "--data", tmp_path)
    assert status == 0 and [json.loads(line)["id"] for line in out.splitlines()] == [0, 1]
    after = CouponKeyFile(tmp_path).read()
    assert after.keys[0] == before.newest and code(after) != code(before)
    assert not any(key.secret.hex() in out for key in after.keys)


def test_a_restored_store_does_not_make_the_codes_again_that_were_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    engine = CouponEngine(data)
    lost = code(started(engine))
    engine.close()
    assert ended(capsys, "backup", "--to", tmp_path / "copy", "--data", data)[0] == 0
    declined = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", data)
    assert declined[0] == run.EXIT_USAGE and len(CouponKeyFile(data).read().keys) == 1
    status, out, _ = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", data, "--replace")
    assert status == 0 and "made the key 1" in out
    again = CouponEngine(data)
    keys = started(again)
    again.close()
    assert code(keys) != lost and code(CodeKeys(keys.keys[:1])) == lost


def test_a_restore_beside_no_keys_says_what_is_to_be_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = CouponEngine(tmp_path / "data")
    engine.close()
    assert ended(capsys, "backup", "--to", tmp_path / "copy", "--data", tmp_path / "data")[0] == 0
    status, out, _ = ended(capsys, "restore", "--from", tmp_path / "copy", "--data", tmp_path / "new")
    assert status == 0 and f"put its {COUPON_KEYS_FILE} into {tmp_path / 'new'}" in out
