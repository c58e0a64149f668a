"""Registration and matching by themselves: order, filters, routing tables."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import parse
from stripe_events._registry import (
    Explanation,
    Filters,
    Handler,
    Registry,
    RoutingTable,
    Selector,
    account_of,
    compile_table,
    kind_of,
)
from stripe_events.errors import DuplicateHandler, UsageError
from tests.unit.deliveries import snapshot, thin

if TYPE_CHECKING:
    from stripe_events import AnyEvent

CHARGES = Selector(frozenset({"charge.succeeded"}))


def handler(name: str, selector: Selector | None = CHARGES, **fields: Any) -> Handler:
    """Give a handler that takes an event and does nothing."""
    return Handler(name, print, takes_context=False, is_async=False, selector=selector, **fields)


def registry(*names: str) -> Registry:
    """Give a registry with handlers of these names."""
    made = Registry()
    for name in names:
        made.add(handler(name))
    return made


def names(table: RoutingTable, event: AnyEvent | None = None) -> list[str]:
    """Give the names of the handlers planned for an event."""
    return [planned.handler.name for planned in table.plan(event or parse(snapshot()))]


def test_handlers_run_in_the_order_of_registration() -> None:
    """Not by name, nor in the order of a set."""
    assert ["b", "a", "c"] == names(compile_table(registry("b", "a", "c")))


def test_an_outer_registry_comes_before_what_it_includes() -> None:
    """Also before what it included earlier than it got its handlers."""
    outer, middle, inner, second = Registry(), registry("m"), registry("i"), registry("s")
    outer.include(middle)
    outer.include(second)
    middle.include(inner)
    outer.add(handler("o"))
    assert ["o", "m", "i", "s"] == names(compile_table(outer))


def test_middleware_of_outer_registries_is_around_that_of_inner_ones() -> None:
    """Each handler has its own registry's and all further out."""
    outer, inner = registry("o"), registry("i")
    outer.include(inner)
    outer.middleware += [abs, all]
    inner.middleware += [any]
    table = compile_table(outer)
    assert {"o": (abs, all), "i": (abs, all, any)} == {h.name: h.middleware for h in table.handlers}
    assert {abs, all, any} == table.middleware()


def test_one_registry_has_no_name_twice() -> None:
    """A ledger keeps what was done by name."""
    with pytest.raises(DuplicateHandler, match=r"'a' already: pass name="):
        registry("a", "a")


def test_two_registries_have_no_name_in_common() -> None:
    """That shows when they are put together."""
    outer = registry("a")
    outer.include(registry("a"))
    with pytest.raises(DuplicateHandler, match="'a'"):
        compile_table(outer)


def chain(length: int) -> list[Registry]:
    """Give registries each of which includes the next."""
    links = [Registry() for _ in range(length)]
    for outer, inner in itertools.pairwise(links):
        outer.include(inner)
    return links


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_registry_cannot_include_itself(length: int) -> None:
    """Not even through others."""
    links = chain(length)
    with pytest.raises(UsageError, match="cannot include itself"):
        links[-1].include(links[0])


@pytest.mark.parametrize("length", [2, 3])
def test_a_registry_cannot_be_included_twice(length: int) -> None:
    """Its handlers would run twice."""
    links = chain(length)
    with pytest.raises(UsageError, match="included already"):
        links[0].include(links[-1])


def test_a_registry_cannot_bring_along_what_is_included_already() -> None:
    """What comes with an included one counts as well, also without any handler in it."""
    outer, middle, shared = Registry(), Registry(), Registry()
    outer.include(shared)
    middle.include(shared)
    with pytest.raises(UsageError, match="included already"):
        outer.include(middle)


def test_a_registry_included_twice_behind_the_back_of_another_shows_in_the_end() -> None:
    """The inner one cannot know who includes it."""
    outer, middle, shared = Registry(), Registry(), Registry()
    outer.include(shared)
    outer.include(middle)
    middle.include(shared)
    with pytest.raises(UsageError, match="included twice"):
        compile_table(outer)


def test_freezing_reaches_everything_included() -> None:
    """A late handler of an inner registry would be as lost as one of the outer."""
    links = chain(3)
    links[0].freeze()
    assert [True, True, True] == [link.frozen for link in links]


def test_freezing_does_not_reach_outwards() -> None:
    """Another may still be built around it."""
    links = chain(3)
    links[1].freeze()
    assert [False, True, True] == [link.frozen for link in links]


ANY = handler("any", None)
FALLBACK = handler("fallback", None, is_fallback=True)
REFUSING = handler("refusing", filters=Filters(livemode=True))


@pytest.mark.parametrize(
    ("handlers", "expected"),
    [
        ([FALLBACK], ["fallback"]),
        ([FALLBACK, handler("a")], ["a"]),
        ([FALLBACK, ANY], ["fallback", "any"]),
        ([ANY, FALLBACK], ["any", "fallback"]),
        ([ANY, handler("a"), FALLBACK], ["any", "a"]),
        ([FALLBACK, REFUSING], []),
        (
            [FALLBACK, handler("thin", Selector(thin=frozenset({"charge.succeeded"})))],
            ["fallback"],
        ),
        (
            [FALLBACK, handler("other", Selector(frozenset({"plan.created"})))],
            ["fallback"],
        ),
    ],
)
def test_a_fallback_runs_where_no_handler_is_registered(
    handlers: list[Handler], expected: list[str]
) -> None:
    """``on_any`` does not count as registered; a handler whose filter refuses does."""
    assert expected == names(RoutingTable(handlers))


def test_a_fallback_and_on_any_take_events_of_both_kinds() -> None:
    """Known or not."""
    table = RoutingTable([ANY, FALLBACK])
    events = [thin(), thin("v9.new"), snapshot("new.type")]
    assert [["any", "fallback"]] * 3 == [names(table, parse(payload)) for payload in events]


@pytest.mark.parametrize(
    ("filters", "payload", "expected"),
    [
        (Filters(livemode=True), snapshot(livemode=True), None),
        (Filters(livemode=True), snapshot(), "livemode"),
        (Filters(livemode=False), snapshot(), None),
        (Filters(livemode=False), thin(livemode=True), "livemode"),
        (Filters(accounts=frozenset({"acct_1"})), snapshot(account="acct_1"), None),
        (Filters(accounts=frozenset({"acct_1"})), snapshot(account="acct_2"), "account"),
        (Filters(accounts=frozenset({"acct_1"})), snapshot(), "account"),
        (Filters(accounts=frozenset({"acct_1"})), thin(context="acct_1"), None),
        (Filters(accounts=frozenset({"acct_1"})), thin(context="org_1/acct_1"), None),
        (Filters(accounts=frozenset({"acct_1"})), thin(), "account"),
        (Filters(changed=("a", "b")), snapshot(), "changed"),
        (Filters(changed=("a",)), thin(), "changed"),
        (Filters(where=lambda _: True), snapshot(), None),
        (Filters(where=lambda _: 0), snapshot(), "where"),
        (Filters(where=lambda event: event.id == "evt_1"), snapshot(), None),
    ],
)
def test_a_filter_refuses_by_its_name(
    filters: Filters, payload: dict[str, Any], expected: str | None
) -> None:
    """None where the event fulfils all of them."""
    assert expected == filters.refusal(parse(payload))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [(("b",), None), (("a", "b"), None), (("a",), "changed"), (("c",), "changed")],
)
def test_one_change_of_several_is_enough(changed: tuple[str, ...], expected: str | None) -> None:
    """Only the first level of the resource counts."""
    data = {"object": {"a": 1, "b": {"c": 2}}, "previous_attributes": {"b": {"c": 1}}}
    assert expected == Filters(changed=changed).refusal(parse(snapshot(data=data)))


def test_where_is_asked_last_and_once() -> None:
    """It may be dear; the others are not."""
    asked: list[str] = []

    def where(event: AnyEvent) -> bool:
        asked.append(event.id)
        return True

    table = RoutingTable([handler("a", filters=Filters(livemode=True, where=where))])
    names(table)
    assert ["a"] == names(table, parse(snapshot(id="evt_live", livemode=True)))
    assert ["evt_live"] == asked


def test_a_filter_that_raises_plans_its_handler_with_the_error() -> None:
    """It is not known whether the handler should run, so it must not be forgotten."""

    def where(_: AnyEvent) -> bool:
        raise KeyError("gone")

    table = RoutingTable([handler("a", filters=Filters(where=where)), handler("b")])
    planned = table.plan(parse(snapshot()))
    assert [("a", KeyError), ("b", type(None))] == [
        (each.handler.name, type(each.error)) for each in planned
    ]


def test_every_handler_is_explained_in_order() -> None:
    """Whether it would run, and what refuses it."""
    accounts = Filters(accounts=frozenset({"acct_1"}))
    other = Selector(frozenset({"plan.created"}))
    table = RoutingTable(
        [ANY, handler("a"), handler("o", other), FALLBACK, REFUSING, handler("c", filters=accounts)]
    )
    assert [
        Explanation("any", runs=True, refused_by=None),
        Explanation("a", runs=True, refused_by=None),
        Explanation("o", runs=False, refused_by="type"),
        Explanation("fallback", runs=False, refused_by="fallback"),
        Explanation("refusing", runs=False, refused_by="livemode"),
        Explanation("c", runs=False, refused_by="account"),
    ] == table.explain(parse(snapshot()))


def test_only_so_many_types_are_remembered() -> None:
    """Whoever sends ever new types does not fill the memory; they are still routed."""
    table = RoutingTable([ANY])
    events = [parse(snapshot(f"type.{n}")) for n in range(table._MOST_REMEMBERED + 5)]
    assert [["any"]] * len(events) == [names(table, event) for event in events]
    assert table._MOST_REMEMBERED == len(table._by_type)


@pytest.mark.parametrize(
    ("payload", "kind", "account"),
    [
        (snapshot(), "snapshot", None),
        (snapshot(account="acct_1"), "snapshot", "acct_1"),
        (thin(), "thin", None),
        (thin(context=""), "thin", None),
        (thin(context="acct_1"), "thin", "acct_1"),
        (thin(context="org_1/acct_2"), "thin", "acct_2"),
    ],
)
def test_kind_and_account_of_an_event(
    payload: dict[str, Any], kind: str, account: str | None
) -> None:
    """A thin event has its account at the end of its context."""
    event = parse(payload)
    assert (kind, account) == (kind_of(event), account_of(event))


def test_a_filter_that_would_have_to_be_awaited_decides_nothing() -> None:
    """What it gives is true, so that the handler would run for every event."""

    async def refuses(_: object) -> bool:
        return False

    with pytest.raises(UsageError, match="where= gave something to await"):
        Filters(where=refuses).refusal(parse(snapshot()))


@pytest.mark.parametrize(("answer", "expected"), [("", "where"), ("acct_1", None), (None, "where")])
def test_a_filter_decides_by_the_truth_of_its_answer(answer: object, expected: str | None) -> None:
    """It need not be a bool."""
    assert expected == Filters(where=lambda _: answer).refusal(parse(snapshot()))
