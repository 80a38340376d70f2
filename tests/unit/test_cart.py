"""What lies in a cart, what it is worth, and what an order takes and gives back."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.cart import cart as carts
from actors.cart.cart import (
    CANCEL_GIVES_BACK_MS,
    CATEGORIES_BYTES_MAX,
    LINES_BYTES_MAX,
    LINES_MAX,
    ORDERS_MAX,
    UNTOUCHED,
    Act,
    Add,
    Applied,
    Buy,
    CancelOrder,
    Cart,
    Clear,
    Line,
    Remove,
    value,
)
from actors.money import AMOUNT_MAX
from actors.orders import QUANTITY_MAX

START_MS = 1_790_000_000_000


def add(product: str, variant: str, quantity: int, price: int | None = None, total: int | None = None) -> Add:
    said = price is not None or total is not None
    return Add([Line(product, variant, quantity, price)], total, "CNY" if said else "")


def remove(product: str, variant: str, quantity: int = 0, total: int | None = None) -> Remove:
    return Remove([Line(product, variant, quantity)], total, "" if total is None else "CNY")


TEA = add("tea", "", 2, 500)
CUP = add("cup", "red", 1, 1_200)


class Shopper:
    """One cart; each act a second after the one before, told by the next entry."""

    def __init__(self, *acts: Act) -> None:
        self.cart = Cart()
        self.offset = 0
        self.at = START_MS
        for act in acts:
            self.do(act)

    def do(self, act: Act, after_ms: int = 1_000) -> Applied:
        self.offset += 1
        self.at += after_ms
        applied = carts.apply(self.cart, act, self.offset, self.at)
        carts.check(self.cart)
        self.cart = msgspec.msgpack.decode(msgspec.msgpack.encode(self.cart), type=Cart)
        return applied

    @property
    def lines(self) -> list[tuple[str, str, int]]:
        return [(line.product, line.variant, line.quantity) for line in self.cart.lines]


def test_a_line_keeps_the_first_category_that_is_told_and_takes_it_along() -> None:
    shopper = Shopper(TEA, Add([Line("tea", "", 1, None, "drinks")]), Add([Line("tea", "", 1, None, "food")]))
    assert [line.category for line in shopper.cart.lines] == ["drinks"]
    shopper.do(Buy("A", [Line("tea", "", 1)]))
    shopper.do(CancelOrder("A"))
    assert [line.category for line in shopper.cart.lines] == ["drinks"]


def test_a_category_that_finds_no_room_is_not_kept_and_takes_none_from_lines() -> None:
    goods = [Line(f"{n:080}", "", 1, None, "c" * 128) for n in range(LINES_MAX)]
    for shopper in (Shopper(Add(goods)), Shopper(Add([Line(line.product, "", 1) for line in goods]), Add(goods))):
        kept = [line.category for line in shopper.cart.lines]
        assert len(kept) == LINES_MAX and not shopper.cart.more
        assert sum(map(len, kept)) == CATEGORIES_BYTES_MAX


def test_lines_are_kept_by_product_and_variant() -> None:
    shopper = Shopper(TEA, CUP, add("cup", "blue", 1), TEA)
    assert shopper.lines == [("tea", "", 4), ("cup", "red", 1), ("cup", "blue", 1)]
    assert value(shopper.cart) == 4 * 500 + 1_200


def test_nothing_is_removed_below_zero() -> None:
    shopper = Shopper(TEA)
    assert shopper.do(remove("tea", "", 3)) == Applied("removed")
    assert shopper.lines == []
    assert shopper.do(remove("tea", "", 3)) == Applied()


def test_a_removal_without_a_number_takes_all_of_the_line() -> None:
    assert Shopper(TEA, CUP, remove("tea", "")).lines == [("cup", "red", 1)]


def test_who_does_not_say_which_variant_means_the_one_that_is_there() -> None:
    assert Shopper(CUP, remove("cup", "", 1)).lines == []
    assert Shopper(add("cup", "", 2), remove("cup", "red", 1)).lines == [("cup", "", 1)]
    assert Shopper(CUP, remove("cup", "blue", 1)).lines == [("cup", "red", 1)]


def test_the_shops_total_wins_and_stays_until_it_says_another_or_the_cart_is_empty() -> None:
    shopper = Shopper(TEA)
    assert shopper.do(add("cup", "", 1, 1_200, total=2_000)) == Applied("added", True, corrected=True)
    assert value(shopper.cart) == 2_000
    shopper.do(TEA)
    assert value(shopper.cart) == 3_000, "200 less than the prices come to, as before"
    assert not shopper.do(add("cup", "", 1, 1_200, total=4_200)).corrected
    shopper.do(Clear())
    shopper.do(TEA)
    assert value(shopper.cart) == 1_000


def test_without_prices_the_shops_total_is_the_value_and_nothing_is_corrected() -> None:
    shopper = Shopper()
    assert shopper.do(add("PROD_001", "", 2, total=59_800)) == Applied("added", True)
    assert value(shopper.cart) == 59_800


def test_a_total_alone_changes_the_cart() -> None:
    shopper = Shopper(TEA)
    assert shopper.do(remove("cup", "", 1, total=900)) == Applied("corrected", True, corrected=True)
    assert shopper.do(remove("cup", "", 1, total=900)) == Applied(None, True)


def test_an_order_takes_the_pieces_that_it_names_and_leaves_the_others() -> None:
    shopper = Shopper(TEA, CUP)
    assert shopper.do(Buy("A", [Line("tea", "", 1), Line("cup", "red", 5)])).reason == "bought"
    assert shopper.lines == [("tea", "", 1)]


def test_an_order_without_goods_takes_the_whole_cart() -> None:
    shopper = Shopper(TEA, CUP)
    assert shopper.do(Buy("A")).reason == "bought"
    assert shopper.lines == []


def test_an_order_of_other_goods_leaves_the_cart_alone() -> None:
    shopper = Shopper(TEA)
    assert shopper.do(Buy("A", [Line("hat", "", 1)])) == UNTOUCHED
    assert shopper.cart.idle_since == START_MS + 1_000


def test_an_order_counts_once_whatever_ids_its_messages_come_under() -> None:
    shopper = Shopper(TEA, Buy("A"), CUP)
    assert shopper.do(Buy("A")) == UNTOUCHED
    assert shopper.lines == [("cup", "red", 1)]


def test_an_order_that_came_before_anything_was_added_is_known_all_the_same() -> None:
    shopper = Shopper(Buy("A"), TEA)
    assert shopper.do(Buy("A")) == UNTOUCHED


def test_orders_are_known_as_long_as_there_are_not_too_many() -> None:
    shopper = Shopper(*(Buy(f"o{n}") for n in range(ORDERS_MAX)), TEA)
    assert shopper.do(Buy("o0")) == UNTOUCHED
    shopper.do(Buy("one more", [Line("hat", "", 1)]))
    assert shopper.do(Buy("o0")).reason == "bought"


def test_an_order_cancelled_soon_gives_back_what_it_took_once() -> None:
    shopper = Shopper(TEA, CUP, Buy("A", [Line("tea", "", 1), Line("cup", "red", 1)]), CUP)
    assert shopper.do(CancelOrder("A"), CANCEL_GIVES_BACK_MS - 1_000).reason == "given_back"
    assert shopper.lines == [("tea", "", 2), ("cup", "red", 2)]
    assert shopper.do(CancelOrder("A")) == UNTOUCHED


def test_an_order_cancelled_late_or_unknown_gives_nothing_back() -> None:
    shopper = Shopper(TEA, Buy("A"))
    assert shopper.do(CancelOrder("B")) == UNTOUCHED
    assert shopper.do(CancelOrder("A"), CANCEL_GIVES_BACK_MS + 1) == UNTOUCHED
    assert shopper.cart.orders[0].lines == []


def test_an_order_that_was_cancelled_stays_over() -> None:
    shopper = Shopper(TEA, Buy("A"), CancelOrder("A"))
    assert shopper.do(Buy("A")) == UNTOUCHED
    assert shopper.lines == [("tea", "", 2)]


def test_a_cart_gets_a_new_number_when_an_empty_one_gets_its_first_line() -> None:
    shopper = Shopper(TEA, CUP)
    assert shopper.cart.no == 1
    shopper.do(Clear())
    assert shopper.cart.no == 1
    shopper.do(TEA)
    assert shopper.cart.no == 2


def test_idle_since_is_the_last_touch_and_changed_the_last_change() -> None:
    shopper = Shopper(TEA)
    shopper.do(remove("cup", "", 1))
    assert (shopper.cart.idle_since, shopper.cart.changed) == (START_MS + 2_000, 1)
    shopper.do(CUP)
    assert (shopper.cart.idle_since, shopper.cart.changed) == (START_MS + 3_000, 3)


def test_that_it_was_abandoned_is_news_once_until_the_cart_changes() -> None:
    shopper = Shopper()
    assert not carts.abandon(shopper.cart), "there is nothing"
    shopper.do(TEA)
    assert carts.abandon(shopper.cart)
    assert not carts.abandon(shopper.cart)
    shopper.do(remove("cup", "", 1))
    assert not carts.abandon(shopper.cart), "a touch is no change"
    shopper.do(CUP)
    assert carts.abandon(shopper.cart)


def test_an_addition_that_is_told_after_its_purchase_begins_a_new_cart() -> None:
    shopper = Shopper(TEA, Buy("A"), CUP)
    assert (shopper.lines, shopper.cart.no) == ([("cup", "red", 1)], 2)


def test_a_full_cart_says_that_there_is_more_and_keeps_what_it_has() -> None:
    shopper = Shopper(*(add(f"p{n}", "", 1, 1) for n in range(LINES_MAX)))
    assert not shopper.cart.more
    assert shopper.do(add("one more", "", 1, 7)) == Applied(None, True)
    assert shopper.cart.more and len(shopper.lines) == LINES_MAX
    assert shopper.do(add("p0", "", 1)).reason == "added"
    shopper.do(Buy("A"))
    assert not shopper.cart.more


def test_a_cart_is_bounded_in_bytes_too() -> None:
    shopper = Shopper(*(add(f"{n:0128}", "", 1) for n in range(LINES_BYTES_MAX // 128)))
    assert not shopper.cart.more
    shopper.do(add("x", "", 1))
    assert shopper.cart.more


def test_a_cart_has_one_currency_and_what_was_told_in_another_is_forgotten() -> None:
    shopper = Shopper(TEA, Add([Line("cup", "", 1, 900)], currency="USD"))
    assert (value(shopper.cart), shopper.cart.currency) == (900, "USD")
    shopper.do(Add([Line("hat", "", 1)]))
    assert shopper.cart.currency == "USD", "who tells no amount says nothing of the currency"
    shopper.do(Buy("A"))
    shopper.do(TEA)
    assert (value(shopper.cart), shopper.cart.currency) == (1_000, "CNY")
    shopper.do(CancelOrder("A"))
    assert (value(shopper.cart), shopper.cart.currency) == (900, "USD")


def test_an_order_that_finds_no_room_to_come_back_to_changes_no_prices() -> None:
    shopper = Shopper(Add([Line("cup", "", 1, 900)], currency="USD"), Buy("A"))
    for n in range(LINES_MAX):
        shopper.do(Add([Line(f"p{n}", "", 1, 100)], currency="CNY"))
    assert shopper.do(CancelOrder("A")) == carts.UNTOUCHED
    assert (value(shopper.cart), shopper.cart.currency) == (100 * LINES_MAX, "CNY")


def test_a_cart_that_loses_its_prices_to_another_currency_has_changed() -> None:
    shopper = Shopper(Add([Line("tea", "", 1, 1_000)], currency="CNY"))
    assert shopper.do(Remove([Line("hat", "", 1, 900)], currency="USD")) == Applied("corrected", True)
    assert (value(shopper.cart), shopper.cart.currency) == (0, "USD")


def test_no_number_grows_beyond_its_limit() -> None:
    shopper = Shopper(add("tea", "", QUANTITY_MAX, AMOUNT_MAX), add("tea", "", QUANTITY_MAX), CUP)
    assert shopper.lines[0] == ("tea", "", QUANTITY_MAX)
    assert value(shopper.cart) == AMOUNT_MAX
    shopper.do(remove("tea", "", total=0))
    assert value(shopper.cart) == 0


NAMES = st.sampled_from(("a", "b", "c"))
TOTALS = st.none() | st.integers(0, 50)
ACTS = st.one_of(
    st.builds(add, NAMES, st.just(""), st.integers(1, 3), st.none() | st.integers(0, 9), TOTALS),
    st.builds(remove, NAMES, st.just(""), st.integers(0, 3), TOTALS),
    st.just(Clear()),
    st.builds(
        Buy,
        st.sampled_from(("A", "B", "C")),
        st.dictionaries(NAMES, st.integers(1, 3)).map(lambda goods: [Line(p, "", n) for p, n in goods.items()]),
    ),
    st.builds(CancelOrder, st.sampled_from(("A", "B", "C"))),
)


@given(st.lists(ACTS, max_size=20))
def test_any_acts_leave_what_a_plain_dictionary_would_hold(acts: list[Act]) -> None:
    shopper = Shopper()
    plain: dict[str, int] = {}
    took: dict[str, dict[str, int]] = {}
    for act in acts:
        before = dict(plain)
        match act:
            case Add([line]):
                plain[line.product] = plain.get(line.product, 0) + line.quantity
            case Remove([line]):
                plain[line.product] = max(0, plain.get(line.product, 0) - (line.quantity or 99))
            case Clear():
                plain = {}
            case Buy(order_id, lines) if order_id not in took:
                goods = {line.product: line.quantity for line in lines} or dict.fromkeys(plain, 99)
                taken = {product: min(quantity, plain.get(product, 0)) for product, quantity in goods.items()}
                plain = {product: quantity - taken.get(product, 0) for product, quantity in plain.items()}
                took[order_id] = taken
            case CancelOrder(order_id):
                for product, quantity in took.get(order_id, {}).items():
                    plain[product] = plain.get(product, 0) + quantity
                took.update({order_id: {}} if order_id in took else {})
            case _:
                pass
        plain = {product: quantity for product, quantity in plain.items() if quantity}
        applied = shopper.do(act)
        assert {line.product: line.quantity for line in shopper.cart.lines} == plain
        assert (applied.reason not in (None, "corrected")) == (plain != before) or isinstance(act, Add)
