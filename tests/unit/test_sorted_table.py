"""A dict in the order of its keys."""

from __future__ import annotations

from random import Random

from supervision.sorted_table import SortedTable


def test_it_agrees_with_a_sorted_dict_whatever_is_done_to_it() -> None:
    rng = Random(1)
    table: SortedTable[int, int] = SortedTable()
    model: dict[int, int] = {}
    for step in range(2_000):
        key = rng.randrange(100)
        if rng.random() < 0.6:
            table[key] = model[key] = step
        else:
            assert table.pop(key) == model.pop(key, None)
        assert len(table) == len(model) and (key in table) == (key in model)
    table.check()
    assert list(table.items()) == sorted(model.items())
    assert list(table) == sorted(model) and list(table.values()) == [model[key] for key in sorted(model)]
    for key in range(-1, 101):
        assert list(table.after(key)) == [(k, v) for k, v in sorted(model.items()) if k > key]
        assert table.get(key) == model.get(key)
