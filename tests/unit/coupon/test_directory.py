"""What a segment knows of templates: it agrees with all others once it has heard the same, in whatever order."""

from __future__ import annotations

from itertools import permutations

from actors.coupon.directory import Directory, Listed, enter


def heard(*news: tuple[str, int, str]) -> Directory:
    """A directory that has heard (template, number, status) of templates with one public code, in this order."""
    directory = Directory()
    for template, number, status in news:
        known = directory.templates.get(template)
        if known is None or known.number < number:
            enter(directory, template, Listed(number, status, "DOUBLE11"))
    return directory


def test_of_two_templates_with_one_public_code_every_segment_chooses_the_same_in_whatever_order_it_hears_of_them() -> (
    None
):
    cases: list[tuple[list[tuple[str, int, str]], str]] = [
        ([("A", 1, "draft"), ("B", 1, "draft")], "A"),
        ([("A", 1, "draft"), ("B", 1, "draft"), ("B", 2, "active")], "B"),
        ([("A", 1, "draft"), ("A", 2, "active"), ("B", 1, "draft"), ("B", 2, "active")], "A"),
        ([("A", 1, "draft"), ("B", 1, "draft"), ("A", 2, "closed")], "B"),
        ([("A", 2, "closed"), ("B", 2, "paused"), ("C", 1, "draft")], "B"),
    ]
    for news, winner in cases:
        assert {heard(*order).codes["DOUBLE11"] for order in permutations(news)} == {winner}, news


def test_who_has_a_public_code_keeps_it_when_closed_until_another_has_it() -> None:
    assert heard(("A", 1, "draft"), ("A", 2, "closed")).codes == {"DOUBLE11": "A"}
    assert heard(("A", 1, "draft"), ("A", 2, "closed"), ("B", 1, "draft"), ("B", 2, "closed")).codes == {
        "DOUBLE11": "B"
    }
    directory = heard(("A", 1, "active"))
    enter(directory, "A", Listed(2, "active", "OTHER"))
    assert directory.codes == {"OTHER": "A"}


def test_who_has_an_activity_keeps_it_until_closed() -> None:
    directory = Directory()
    for template, number, status in (("B", 1, "active"), ("A", 1, "active")):
        enter(directory, template, Listed(number, status, activity_id="act"))
    assert directory.activities == {"act": "B"}
    enter(directory, "B", Listed(2, "closed", activity_id="act"))
    enter(directory, "A", Listed(2, "active", activity_id="act"))
    assert directory.activities == {"act": "A"}
