"""docs/campaigns.md says of the rule language what its types say."""

from __future__ import annotations

from tests.house import campaign_page


def test_what_is_made_from_the_code_is_up_to_date() -> None:
    page = campaign_page.PATH.read_text()
    assert all(campaign_page.BEGIN.format(name) in page for name in campaign_page.sections())
    assert campaign_page.renewed(page) == page, "run python -m tests.house.campaign_page"
