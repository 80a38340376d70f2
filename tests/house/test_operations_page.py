"""docs/operations.md says what the code says: its settings, metrics, exit statuses and lines are held to it."""

from __future__ import annotations

import re

import msgspec

import run
from gateway.metrics import METRICS, PREFIX
from gateway.settings import Settings, description
from tests.house.ours import root

PAGE = (root / "docs" / "operations.md").read_text()
SOURCES = "".join(
    path.read_text()
    for folder in ("supervision", "topology", "gateway")
    for path in sorted((root / folder).rglob("*.py"))
)


def settings_table() -> str:
    """The table as the page must hold it."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(Settings):
        default = f"`{field.default!r}`".replace("'", '"').replace("False", "false")
        lines.append(f"| `{field.name}` | {default} | {description(field.name)} |")
    return "\n".join(lines) + "\n"


def test_the_settings_table_is_the_settings() -> None:
    assert settings_table() in PAGE, f"docs/operations.md should hold:\n{settings_table()}"


def test_every_metric_the_page_names_exists() -> None:
    outward = {PREFIX + m.name + ("_total" if m.type == "counter" else "") for m in METRICS}
    named = set(re.findall(r"`(ganglion_\w+)", PAGE))
    assert named
    assert named <= outward, named - outward


def test_the_exit_statuses_are_the_programs() -> None:
    listed = {int(status) for status in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert listed == {0, run.EXIT_TROUBLE, run.EXIT_USAGE, run.EXIT_LOCKED, 130}


def test_every_log_line_the_page_names_is_written_somewhere() -> None:
    section = PAGE.partition("## Log lines")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert lines
    for line in lines:
        assert f'"{line}"' in SOURCES, line
