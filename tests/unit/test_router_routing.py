"""Registration with a router, and what it tells of its routing before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, Event, EventHandler, EventRouter, Outcome, parse
from stripe_events._registry import Explanation
from stripe_events.errors import ConfigurationError, DuplicateHandler, UsageError
from stripe_events.events import ChargeFailed, ChargeSucceeded, InvoicePaid
from stripe_events.notifications import V1ChargeSucceeded
from stripe_events.observers import Handled
from tests.unit.deliveries import deliver, router, snapshot, thin

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from stripe_events import AnyEvent


class Log(list[str]):
    """The names of handlers in the order in which they ran."""

    def handler(self, name: str) -> Callable[[AnyEvent], None]:
        """Give a handler that notes that it ran."""
        return lambda event: self.append(name)


@pytest.fixture
def log() -> Log:
    """Give an empty log."""
    return Log()


@pytest.mark.parametrize(
    ("named", "options", "payload"),
    [
        ((ChargeSucceeded,), {}, snapshot()),
        ((ChargeFailed, ChargeSucceeded), {}, snapshot()),
        (("charge.succeeded",), {}, snapshot()),
        (("invoice.paid", "charge.succeeded"), {}, snapshot()),
        (("charge.*",), {}, snapshot()),
        (("*",), {}, snapshot("added.tomorrow")),
        (("added.tomorrow",), {"unlisted": True}, snapshot("added.tomorrow")),
        ((V1ChargeSucceeded,), {}, thin()),
        (("v1.charge.*",), {"kind": "thin"}, thin()),
        (("v9.added",), {"kind": "thin", "unlisted": True}, thin("v9.added")),
    ],
)
def test_an_event_comes_to_who_asked_for_it(
    named: tuple[Any, ...], options: dict[str, Any], payload: dict[str, Any], log: Log
) -> None:
    """By class, by name, by pattern; known or not."""
    to = router()
    to.on(*named, name="asked", **options)(log.handler("asked"))
    to.on(InvoicePaid, name="other")(log.handler("other"))
    assert (Outcome.HANDLED, ["asked"]) == (deliver(to, payload).outcome, log)


def test_a_type_of_the_other_kind_is_not_meant(log: Log) -> None:
    """A star takes snapshot events unless thin ones are asked for."""
    to = router()
    to.on("*")(log.handler("snapshots"))
    assert (Outcome.IGNORED, []) == (deliver(to, thin()).outcome, log)


def test_handlers_are_given_back_as_they_are() -> None:
    """Tests call them like any function."""
    to = router()

    @to.on(ChargeSucceeded)
    def one(event: ChargeSucceeded) -> str:
        return event.id

    @to.on_any
    def two(event: AnyEvent, ctx: Context) -> str:
        return event.id

    @to.on_any(livemode=True)
    def three(event: AnyEvent) -> str:
        return event.id

    @to.fallback
    def four(event: AnyEvent) -> str:
        return event.id

    @to.fallback(name="last")
    def five(event: AnyEvent) -> str:
        return event.id

    event = parse(snapshot())
    assert isinstance(event, ChargeSucceeded)
    assert "evt_1" == one(event) == three(event) == four(event) == five(event)
    names = [each.handler.rpartition(".")[2] for each in to.explain(event)]
    assert ["one", "two", "three", "four", "last"] == names


class Fulfil(EventHandler[ChargeSucceeded | InvoicePaid]):
    """Notes what came."""

    seen: list[str] = []  # noqa: RUF012 - shared, so that a class registered by itself can be asked

    def __init__(self, prefix: str = "") -> None:
        """Take what goes before each note."""
        self.prefix = prefix

    def __call__(self, event: ChargeSucceeded | InvoicePaid, ctx: Context, /) -> None:
        """Note the event's type."""
        self.seen.append(self.prefix + event.type)


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    """Forget what earlier tests left in the class."""
    Fulfil.seen.clear()


def test_an_instance_is_registered_for_what_its_base_names() -> None:
    """It is given back; all its types come to it and no other."""
    to, instance = router(), Fulfil("> ")
    assert instance is to.register(instance)
    for type_ in ("charge.succeeded", "invoice.paid", "charge.failed"):
        deliver(to, snapshot(type_))
    assert ["> charge.succeeded", "> invoice.paid"] == Fulfil.seen


def test_a_class_is_registered_and_made_once() -> None:
    """As a decorator would; it is given back as a class."""
    to = router()
    assert Fulfil is to.register(Fulfil)
    deliver(to, snapshot())
    assert ["charge.succeeded"] == Fulfil.seen


def test_class_based_handlers_take_options() -> None:
    """Two instances of one class are told apart by name."""
    to = router()
    to.register(Fulfil("a "), name="a", livemode=False)
    to.register(Fulfil("b "), name="b", livemode=True)
    with pytest.raises(DuplicateHandler):
        to.register(Fulfil("c "), name="a")
    deliver(to, snapshot())
    assert ["a charge.succeeded"] == Fulfil.seen


def test_what_is_no_handler_class_cannot_be_registered() -> None:
    """``on`` is for functions."""
    with pytest.raises(UsageError, match="names no events"):
        router().register(print)  # type: ignore[type-var]


def test_included_handlers_run_after_ones_own(log: Log) -> None:
    """By reference: what the inner router gets later counts too."""
    outer, inner = router(), EventRouter()
    outer.include(inner)
    inner.on(ChargeSucceeded, name="inner")(log.handler("inner"))
    outer.on(ChargeSucceeded, name="outer")(log.handler("outer"))
    deliver(outer, snapshot())
    assert ["outer", "inner"] == log


def test_a_fallback_knows_what_is_included(log: Log) -> None:
    """A handler anywhere counts as registered."""
    outer, inner = router(), EventRouter()
    outer.include(inner)
    outer.fallback(name="outer")(log.handler("outer fallback"))
    inner.fallback(name="inner")(log.handler("inner fallback"))
    inner.on(ChargeSucceeded, name="charge")(log.handler("charge"))
    for type_ in ("charge.succeeded", "plan.created"):
        deliver(outer, snapshot(type_))
    assert ["charge", "outer fallback", "inner fallback"] == log


def test_settings_of_an_included_router_do_not_count(log: Log) -> None:
    """Neither its secrets nor what livemode it expects."""
    outer, inner = router(), EventRouter("whsec_other", expect_livemode=True)
    inner.on(ChargeSucceeded)(log.handler("inner"))
    outer.include(inner)
    assert (Outcome.HANDLED, ["inner"]) == (deliver(outer, snapshot()).outcome, log)


def test_an_included_router_still_works_by_itself(log: Log) -> None:
    """It takes its own deliveries, without the handlers around it."""
    outer, inner = router(), router()
    outer.include(inner)
    outer.on_any(name="outer")(log.handler("outer"))
    inner.on_any(name="inner")(log.handler("inner"))
    deliver(inner, snapshot())
    assert ["inner"] == log


def test_equal_names_in_included_routers_show_at_freezing() -> None:
    """Or else at the first delivery, which is no delivery's fault."""
    outer, inner = router(), EventRouter()
    outer.on_any(name="same")(print)
    inner.on_any(name="same")(print)
    outer.include(inner)
    with pytest.raises(DuplicateHandler, match="'same'"):
        outer.freeze()
    with pytest.raises(DuplicateHandler, match="'same'"):
        deliver(outer, snapshot())


def test_match_gives_the_names_in_running_order() -> None:
    """Only those that would run."""
    to = router()
    for name, options in (("b", {}), ("no", {"livemode": True}), ("a", {"changed": "status"})):
        to.on("charge.*", name=name, **options)(print)
    data = {"object": {}, "previous_attributes": {"status": "pending"}}
    assert ["b", "a"] == to.match(parse(snapshot(data=data)))
    assert ["b"] == to.match(parse(snapshot()))
    assert [] == to.match(parse(thin()))


def test_explain_tells_of_every_handler() -> None:
    """Also of those that are for other events."""
    to = router()
    to.on(InvoicePaid, name="invoice")(print)
    to.on(ChargeSucceeded, name="account", account="acct_1")(print)
    to.on(ChargeSucceeded, name="where", where=lambda event: event.pending_webhooks == 1)(print)
    to.fallback(name="fallback")(print)
    assert [
        Explanation("invoice", runs=False, refused_by="type"),
        Explanation("account", runs=False, refused_by="account"),
        Explanation("where", runs=True, refused_by=None),
        Explanation("fallback", runs=False, refused_by="fallback"),
    ] == to.explain(parse(snapshot()))


def test_asking_runs_nothing(log: Log) -> None:
    """No handler, no middleware, no observer; and the router can still be added to."""
    to = router()

    @to.middleware
    def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        log.append("middleware")
        yield

    to.on_any(name="first")(log.handler("first"))
    to.observe(Handled)(log.handler("observer"))
    event = parse(snapshot())
    assert ["first"] == to.match(event)
    assert (1, ["*"]) == (len(to.explain(event)), to.enabled_events()[:1])
    to.on_any(name="second")(log.handler("second"))
    assert (["first", "second"], []) == (to.match(event), log)


def test_a_filter_that_raises_raises_out_of_match() -> None:
    """Whoever asks learns why there is no answer."""

    def where(event: Any) -> bool:
        raise KeyError("gone")

    to = router()
    to.on(ChargeSucceeded, where=where)(print)
    for ask in (to.match, to.explain):
        with pytest.raises(KeyError):
            ask(parse(snapshot()))


def frozen_by_freezing() -> EventRouter:
    """Give a router that was frozen by name."""
    to = router()
    to.freeze()
    return to


def frozen_by_delivery() -> EventRouter:
    """Give a router that was frozen by its first delivery."""
    to = router()
    deliver(to, snapshot())
    return to


def frozen_by_inclusion() -> EventRouter:
    """Give a router that was frozen because the one around it was."""
    outer, inner = router(), EventRouter()
    outer.include(inner)
    outer.freeze()
    return inner


def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Do nothing around a handler."""
    yield


@pytest.mark.parametrize("make", [frozen_by_freezing, frozen_by_delivery, frozen_by_inclusion])
@pytest.mark.parametrize(
    "change",
    [
        lambda to: to.on(ChargeSucceeded)(print),
        lambda to: to.on("charge.*")(print),
        lambda to: to.on_any(print),
        lambda to: to.on_any(livemode=True)(print),
        lambda to: to.fallback(print),
        lambda to: to.register(Fulfil),
        lambda to: to.middleware(layer),
        lambda to: to.observe(Handled)(print),
        lambda to: to.include(EventRouter()),
        lambda to: setattr(to, "expect_livemode", True),
    ],
)
def test_nothing_is_registered_after_freezing(
    make: Callable[[], EventRouter], change: Callable[[EventRouter], object]
) -> None:
    """Deliveries read the table without a lock, so that it stays as it is."""
    with pytest.raises(UsageError, match="frozen: register everything before"):
        change(make())


def test_a_frozen_router_can_be_asked_and_included() -> None:
    """Freezing twice changes nothing."""
    inner = frozen_by_freezing()
    inner.freeze()
    outer = router()
    outer.include(inner)
    assert [] == inner.match(parse(snapshot())) == outer.match(parse(snapshot()))


def test_a_decorator_made_before_freezing_is_too_late_afterwards() -> None:
    """What counts is when the handler comes."""
    to = router()
    decorator, observer = to.on(ChargeSucceeded), to.observe(Handled)
    to.freeze()
    for late in (decorator, observer):
        with pytest.raises(UsageError, match="frozen"):
            late(print)


def test_one_function_is_no_two_handlers() -> None:
    """All classes go into one call, or else a second name."""
    to = router()

    def handle(event: Event) -> None:
        """Do nothing."""

    to.on(ChargeSucceeded)(handle)
    with pytest.raises(DuplicateHandler, match=r"name='...'.*all the classes at once"):
        to.on(InvoicePaid)(handle)
    to.on(InvoicePaid, name="for invoices")(handle)
    assert 2 == len(to.explain(parse(snapshot())))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"secrets": "whsec_a", "verifier": object()}, "not both"),
        ({"secrets": ""}, "blank"),
        ({"secrets": None}, "environment variable that should hold it not set"),
        ({"secrets": []}, "empty"),
        ({"secrets": {"a": " "}}, "blank"),
        ({"secrets": "whsec_a", "tolerance": 0}, "tolerance"),
        ({"expect_livemode": "false"}, "expect_livemode"),
        ({"expect_livemode": 1}, "expect_livemode"),
        ({"max_body_bytes": 0}, "max_body_bytes"),
        ({"max_body_bytes": -1}, "max_body_bytes"),
        ({"handler_threads": 0}, "handler_threads"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, Any], why: str) -> None:
    """At start-up, not at the first delivery; a str is no livemode, though it is true."""
    with pytest.raises(ConfigurationError, match=why):
        EventRouter(**options)
