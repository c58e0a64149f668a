"""Middleware around one handler run, under the sync driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, EventRouter, Outcome, Permanent
from stripe_events.errors import HandlerError, UsageError
from stripe_events.observers import Dead, Failed, Handled
from tests.unit.deliveries import deliver, router, snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from stripe_events import AnyEvent, WebhookResponse

    Layer = Callable[[AnyEvent, Context], Generator[None, Any, None]]


def with_layers(
    *layers: Layer, handler: Callable[[Any], Any] = lambda event: "result"
) -> EventRouter:
    """Give a router with one handler and these around it."""
    to = router()
    for layer in layers:
        to.middleware(layer)
    to.on_any(name="handler")(handler)
    return to


def failing(error: BaseException) -> Callable[[Any], Any]:
    """Give a handler that raises."""

    def handler(event: Any) -> None:
        raise error

    return handler


def noting(log: list[Any], name: str) -> Layer:
    """Give middleware that notes how it is entered and left."""

    def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        log.append(f"{name} in")
        try:
            result = yield
        except BaseException as error:
            log.append(f"{name} {type(error).__name__}")
            raise
        else:
            log.append(f"{name} {result}")
        finally:
            log.append(f"{name} out")

    return layer


def failure(response: WebhookResponse) -> Exception:
    """Give what the only handler failed with."""
    assert isinstance(response.error, HandlerError)
    (error,) = response.error.exceptions
    return error


def test_the_first_registered_is_outermost() -> None:
    """Each sees the handler's result."""
    log: list[str] = []
    to = with_layers(noting(log, "a"), noting(log, "b"))
    assert Outcome.HANDLED is deliver(to, snapshot()).outcome
    assert ["a in", "b in", "b result", "b out", "a result", "a out"] == log


def test_middleware_of_an_outer_router_is_around_that_of_an_inner_one() -> None:
    """And around inner handlers only the inner router's besides."""
    log: list[str] = []
    outer, inner = router(), EventRouter()
    outer.include(inner)
    outer.middleware(noting(log, "outer"))
    inner.middleware(noting(log, "inner"))
    outer.on_any(name="o")(lambda event: 1)
    inner.on_any(name="i")(lambda event: 2)
    deliver(outer, snapshot())
    assert ["outer in", "outer 1", "outer out"] == log[:3]
    assert ["outer in", "inner in", "inner 2", "inner out", "outer 2", "outer out"] == log[3:]


def test_middleware_is_around_each_handler_by_itself() -> None:
    """One generator for one run, each with the context of that run."""
    names: list[str] = []

    def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        names.append(ctx.idempotency_key)
        yield

    to = with_layers(layer)
    to.on_any(name="second")(print)
    deliver(to, snapshot())
    assert ["evt_1/handler", "evt_1/second"] == names


def test_an_error_passes_through_all_layers() -> None:
    """And is the handler's failure in the end, the same object."""
    log: list[str] = []
    error = ValueError("boom")
    to = with_layers(noting(log, "a"), noting(log, "b"), handler=failing(error))
    assert error is failure(deliver(to, snapshot()))
    assert ["a in", "b in", "b ValueError", "b out", "a ValueError", "a out"] == log


def swallow(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Let no ValueError pass."""
    try:
        yield
    except ValueError:
        return


def test_a_swallowed_error_is_no_failure() -> None:
    """Layers further out see a run without a result."""
    log: list[str] = []
    to = with_layers(noting(log, "a"), swallow, handler=failing(ValueError()))
    assert Outcome.HANDLED is deliver(to, snapshot()).outcome
    assert ["a in", "a None", "a out"] == log


def test_an_error_can_be_made_into_another() -> None:
    """A layer knows which failures no retry can help."""

    def give_up(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        try:
            yield
        except KeyError as error:
            raise Permanent("no such customer") from error

    response = deliver(with_layers(give_up, handler=failing(KeyError())), snapshot())
    assert (Outcome.DEAD, KeyError) == (response.outcome, type(failure(response).__cause__))


def skip_and_return(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Have nothing to do, and return before the yield."""
    if event.id == "evt_1":
        ctx.skip("not today")
        return
    yield


def skip_and_yield(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Have nothing to do, and yield nevertheless."""
    ctx.skip("not today")
    yield


def skip_without_reason(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Have nothing to do, and not say why."""
    ctx.skip("")
    return
    yield


@pytest.mark.parametrize("skip", [skip_and_return, skip_and_yield, skip_without_reason])
def test_a_skipped_handler_does_not_run(skip: Layer) -> None:
    """Layers further out are left, those further in are not entered; it counts as settled."""
    log: list[Any] = []
    to = with_layers(noting(log, "a"), skip, noting(log, "b"), handler=log.append)
    to.observe(Handled)(lambda record: log.append(record.runs[0].outcome))
    assert Outcome.HANDLED is deliver(to, snapshot()).outcome
    assert ["a in", "a None", "a out", "skipped"] == log


def return_silently(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Return before the yield by mistake."""
    if event.id != "evt_1":
        yield


def test_returning_before_the_yield_without_a_word_is_a_failure() -> None:
    """Else a handler would be lost by a slip, and nobody would know."""
    log: list[Any] = []
    to = with_layers(noting(log, "a"), return_silently, handler=log.append)
    error = failure(deliver(to, snapshot()))
    assert (UsageError, ["a in", "a UsageError", "a out"]) == (type(error), log)
    assert "return_silently returned before its yield: call ctx.skip" in str(error)


def yield_twice(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Yield again after the handler, whatever it did."""
    try:
        yield
    except ValueError:
        yield
    else:
        yield


def test_yielding_twice_is_a_failure() -> None:
    """A handler does not run again."""
    log: list[Any] = []
    error = failure(deliver(with_layers(yield_twice, handler=log.append), snapshot()))
    assert (UsageError, 1) == (type(error), len(log))
    assert "yield_twice yielded twice" in str(error)


def test_yielding_twice_does_not_hide_what_the_handler_raised() -> None:
    """Both are to be read in the log."""
    cause = ValueError("boom")
    error = failure(deliver(with_layers(yield_twice, handler=failing(cause)), snapshot()))
    assert (UsageError, cause) == (type(error), error.__cause__)


def raise_before(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Raise before the yield."""
    raise KeyError("before")
    yield


def raise_after(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    """Raise after the yield."""
    yield
    raise KeyError("after")


@pytest.mark.parametrize(("layer", "ran"), [(raise_before, 0), (raise_after, 1)])
def test_an_error_of_middleware_is_a_failure_of_the_handler(layer: Layer, ran: int) -> None:
    """Layers further out see it like one of the handler."""
    log: list[Any] = []
    runs: list[Any] = []
    to = with_layers(noting(log, "a"), layer, handler=runs.append)
    assert KeyError is type(failure(deliver(to, snapshot())))
    assert (["a in", "a KeyError", "a out"], ran) == (log, len(runs))


def test_an_error_in_one_run_leaves_other_handlers_alone() -> None:
    """Each run has its layers for itself."""

    def picky(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        if ctx.idempotency_key.endswith("/handler"):
            raise KeyError
        yield

    ran: list[Any] = []
    to = with_layers(picky)
    to.on_any(name="second")(ran.append)
    assert (Outcome.FAILED, 1) == (deliver(to, snapshot()).outcome, len(ran))


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_goes_through_all_layers_and_out(signal: type[BaseException]) -> None:
    """Locks are given back, then the process gets its way."""
    log: list[str] = []
    to = with_layers(noting(log, "a"), noting(log, "b"), handler=failing(signal()))
    to.on_any(name="second")(lambda event: log.append("second"))
    with pytest.raises(signal):
        deliver(to, snapshot())
    name = signal.__name__
    assert ["a in", "b in", f"b {name}", "b out", f"a {name}", "a out"] == log


def test_an_interruption_without_middleware_goes_out() -> None:
    """Nothing is made of it, and the router goes on afterwards."""
    errors = [KeyboardInterrupt()]

    def handler(event: Any) -> None:
        if errors:
            raise errors.pop()

    to = with_layers(handler=handler)
    with pytest.raises(KeyboardInterrupt):
        deliver(to, snapshot())
    assert Outcome.HANDLED is deliver(to, snapshot()).outcome
    to.close(wait=0)


def test_a_stop_iteration_of_a_handler_is_an_ordinary_failure() -> None:
    """It ends no generator of ours; one of the user's makes a RuntimeError of it (PEP 479)."""
    bare = failure(deliver(with_layers(handler=failing(StopIteration(1))), snapshot()))
    layered = failure(
        deliver(with_layers(noting([], "a"), handler=failing(StopIteration(1))), snapshot())
    )
    assert (StopIteration, RuntimeError) == (type(bare), type(layered))
    assert StopIteration is type(layered.__cause__)


def test_a_falsy_result_is_seen_as_it_is() -> None:
    """Neither is it dropped, nor is its truth asked for."""
    seen: list[Any] = []

    def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        seen.append((yield))

    deliver(with_layers(layer, handler=lambda event: 0), snapshot())
    assert [0] == seen


def test_middleware_shares_the_context_with_the_handler() -> None:
    """What the handler answered can be seen, and what it skipped."""
    skipped: list[str | None] = []

    def layer(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
        yield
        skipped.append(ctx.skipped)

    to = router()
    to.middleware(layer)

    @to.on_any
    def handler(event: AnyEvent, ctx: Context) -> None:
        ctx.skip("done before")

    deliver(to, snapshot())
    assert ["done before"] == skipped


async def around(event: AnyEvent, ctx: Context) -> AsyncGenerator[None, Any]:
    """Be middleware for the async driver."""
    yield


def test_async_middleware_needs_the_async_driver() -> None:
    """A thread has no loop to run it on; refused before anything runs."""
    ran: list[Any] = []
    to = with_layers(around, handler=ran.append)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"ahandle\(\)"):
        deliver(to, snapshot())
    with pytest.raises(UsageError, match=r"aprocess\(\)"):
        to.process(snapshot())
    assert [] == ran


@pytest.mark.parametrize(
    ("handler", "expected"),
    [(failing(ValueError()), Failed), (failing(Permanent("no")), Dead)],
)
def test_observers_are_told_of_what_came_out_of_the_layers(
    handler: Callable[[Any], Any], expected: type
) -> None:
    """The record is of the run as a whole."""
    told: list[Any] = []
    to = with_layers(noting([], "a"), handler=handler)
    to.observe(Failed, Dead, Handled)(told.append)
    deliver(to, snapshot())
    assert [expected] == [type(record) for record in told]
