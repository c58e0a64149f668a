"""
Handlers and which events they are for: registration and matching, pure.

A ``Registry`` collects; ``compile_table`` makes the immutable ``RoutingTable``
that deliveries read without a lock. Nothing here runs a handler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from stripe_events._callables import is_awaitable
from stripe_events._event import AnyEvent, Event
from stripe_events.errors import DuplicateHandler, UsageError

if TYPE_CHECKING:
    import re

    from stripe_events._retry import Retry

Kind: TypeAlias = Literal["snapshot", "thin"]
Where: TypeAlias = Callable[[Any], object]
Way: TypeAlias = Literal["inline", "inbox"]
"""Who runs a handler: the delivery, before it is answered, or a worker."""


class Selector(NamedTuple):
    """Which event types a handler is for, of either kind."""

    snapshot: frozenset[str] = frozenset()
    thin: frozenset[str] = frozenset()
    snapshot_patterns: tuple[re.Pattern[str], ...] = ()
    thin_patterns: tuple[re.Pattern[str], ...] = ()

    def types(self, kind: Kind) -> frozenset[str]:
        """Give the types of this kind that are named, or were matched in the catalogue."""
        return self.snapshot if kind == "snapshot" else self.thin

    def selects(self, kind: Kind, type_: str) -> bool:
        """Tell whether an event of this kind and type is meant, also one Stripe adds tomorrow."""
        patterns = self.snapshot_patterns if kind == "snapshot" else self.thin_patterns
        return type_ in self.types(kind) or any(p.fullmatch(type_) for p in patterns)


class Filters(NamedTuple):
    """What an event of the right type must fulfil besides; None asks for nothing."""

    changed: tuple[str, ...] | None = None
    livemode: bool | None = None
    accounts: frozenset[str] | None = None
    where: Where | None = None

    def refusal(self, event: AnyEvent) -> str | None:
        """
        Give the name of the first filter that refuses the event, or None.

        ``where`` comes last; what it raises is not caught here.

        Raises:
            UsageError: ``where`` gave something to await, which would count as true.
        """
        refused = self.refusal_but_where(event)
        return "where" if refused is None and not self.passes_where(event) else refused

    def refusal_but_where(self, event: AnyEvent) -> str | None:
        """Do the same without asking ``where``."""
        if self.livemode is not None and event.livemode is not self.livemode:
            return "livemode"
        if self.accounts is not None and account_of(event) not in self.accounts:
            return "account"
        if self.changed is not None and not (
            isinstance(event, Event) and event.changed(*self.changed)
        ):
            return "changed"
        return None

    def passes_where(self, event: AnyEvent) -> bool:
        """
        Tell what ``where`` says; True if there is none. What it raises is not caught here.

        Raises:
            UsageError: it gave something to await, which would count as true.
        """
        return self.where is None or _decided(self.where(event))


NO_FILTERS = Filters()


class Handler(NamedTuple):
    """
    One registered handler; ``selector`` is None for those that take every type.

    ``formerly``: names that it had before. ``stale``: the group whose newest snapshot it
    must not fall behind. ``has_stable_name``: the name is the same in every process.
    ``delivery`` and ``retry``: instead of the router's.
    """

    name: str
    call: Callable[..., Any]
    takes_context: bool
    is_async: bool
    selector: Selector | None
    is_fallback: bool = False
    filters: Filters = NO_FILTERS
    timeout: float | None = None
    middleware: tuple[Callable[..., Any], ...] = ()
    formerly: tuple[str, ...] = ()
    stale: str | None = None
    has_stable_name: bool = True
    delivery: Way | None = None
    retry: Retry | None = None


class Skip(NamedTuple):
    """
    Skip snapshots that are older than the newest one a handler has succeeded on.

    ``group``: share that newest one with the other handlers of the group; None keeps it
    to the one handler, by the first name that it had (``formerly``).
    """

    group: str | None = None


class Planned(NamedTuple):
    """A handler that is to run for an event; ``error`` if its ``where`` raised."""

    handler: Handler
    error: Exception | None = None


class Explanation(NamedTuple):
    """
    Why a handler would or would not run for an event.

    ``refused_by`` is None if it would run, else ``"type"``, ``"fallback"`` (another
    handler is registered for the type) or the name of the filter.
    """

    handler: str
    runs: bool
    refused_by: str | None


class Registry:
    """What was registered with one router, in order."""

    __slots__ = ("frozen", "handlers", "included", "middleware", "names", "observers", "retired")

    def __init__(self) -> None:
        """Start empty."""
        self.handlers: list[Handler] = []
        self.names: set[str] = set()
        self.middleware: list[Callable[..., Any]] = []
        self.observers: list[tuple[type[Any], Callable[[Any], object]]] = []
        self.included: list[Registry] = []
        self.retired: set[str] = set()
        self.frozen = False

    def freeze(self) -> None:
        """Say that nothing may be added any more, here and in all that is included."""
        self.frozen = True
        for registry in self.descendants():
            registry.frozen = True

    def add(self, handler: Handler) -> None:
        """
        Add a handler.

        Raises:
            DuplicateHandler: this registry has one of the same name.
        """
        if handler.name in self.names:
            raise _duplicate(handler.name)
        self.names.add(handler.name)
        self.handlers.append(handler)

    def include(self, other: Registry) -> None:
        """
        Include another registry by reference: what it gets later counts too.

        Raises:
            UsageError: it, or one that it includes, is included already; or it
                would include itself.
        """
        added = {other, *other.descendants()}
        if self in added:
            raise UsageError("a router cannot include itself, not even through another")
        if not added.isdisjoint(self.descendants()):
            raise UsageError("this router is included already; its handlers would run twice")
        self.included.append(other)

    def descendants(self) -> Iterator[Registry]:
        """Give all registries below this one, outermost first."""
        for registry in self.included:
            yield registry
            yield from registry.descendants()

    def all_observers(self) -> Iterator[tuple[type[Any], Callable[[Any], object]]]:
        """Give all observers, outermost first."""
        for registry in (self, *self.descendants()):
            yield from registry.observers

    def compiled_handlers(self, outer: tuple[Callable[..., Any], ...] = ()) -> Iterator[Handler]:
        """Give all handlers in running order, each with the middleware around it."""
        middleware = (*outer, *self.middleware)
        for handler in self.handlers:
            yield handler._replace(middleware=middleware)
        for registry in self.included:
            yield from registry.compiled_handlers(middleware)


_NONE: frozenset[str] = frozenset()


class RoutingTable:
    """What handlers are for which event: made once, read by every delivery."""

    # More types than Stripe has ever had; beyond, types are looked up unremembered.
    _MOST_REMEMBERED = 2000

    __slots__ = ("_by_type", "by_name", "handlers", "retired")

    def __init__(self, handlers: Sequence[Handler], retired: frozenset[str] = _NONE) -> None:
        """Take all handlers in running order, and the names of those that are no more."""
        self.handlers = tuple(handlers)
        self.by_name = {handler.name: handler for handler in handlers}
        self.retired = retired
        # For each type its handlers, and whether any of them has filters.
        self._by_type: dict[tuple[Kind, str], tuple[tuple[Planned, ...], bool]] = {}

    def plan(self, event: AnyEvent) -> tuple[Planned, ...]:
        """
        Give the handlers that are to run for an event, in running order.

        A handler whose ``where`` raised is among them, with the error.
        """
        kind: Kind = "snapshot" if isinstance(event, Event) else "thin"
        key = (kind, event.type)
        selected, any_filtered = self._by_type.get(key) or self._for_type(*key)
        if not any_filtered:
            return selected
        plan = (_filtered(candidate, event) for candidate in selected)
        return tuple(planned for planned in plan if planned is not None)

    def candidates(self, event: AnyEvent) -> tuple[list[Handler], list[Handler]]:
        """Give the handlers that are to run, and those whose ``where`` is yet to be asked."""
        selected, any_filtered = self._for_type(kind_of(event), event.type)
        if not any_filtered:
            return [planned.handler for planned in selected], []
        passed = [
            planned.handler
            for planned in selected
            if planned.handler.filters.refusal_but_where(event) is None
        ]
        wanted = [handler for handler in passed if handler.filters.where is None]
        return wanted, [handler for handler in passed if handler.filters.where is not None]

    def treats_alike(self, event: AnyEvent) -> bool:
        """Tell whether all events of its type have the same handlers, which ask for no more."""
        selected, any_filtered = self._for_type(kind_of(event), event.type)
        return not any_filtered and all(planned.handler.stale is None for planned in selected)

    def middleware(self) -> set[Callable[..., Any]]:
        """Give all middleware that is around any handler."""
        return {layer for handler in self.handlers for layer in handler.middleware}

    def explain(self, event: AnyEvent) -> list[Explanation]:
        """Say for every handler whether it would run; ``where`` may raise."""
        candidates, _ = self._for_type(kind_of(event), event.type)
        selected = [planned.handler for planned in candidates]
        return [_explain(handler, event, selected) for handler in self.handlers]

    def _for_type(self, kind: Kind, type_: str) -> tuple[tuple[Planned, ...], bool]:
        found = self._by_type.get((kind, type_))
        if found is None:
            selected = self._select(kind, type_)
            found = selected, any(p.handler.filters is not NO_FILTERS for p in selected)
            if len(self._by_type) < self._MOST_REMEMBERED:
                self._by_type[kind, type_] = found
        return found

    def _select(self, kind: Kind, type_: str) -> tuple[Planned, ...]:
        named = {
            handler.name
            for handler in self.handlers
            if handler.selector is not None and handler.selector.selects(kind, type_)
        }
        return tuple(
            Planned(handler)
            for handler in self.handlers
            if (not named if handler.is_fallback else handler.selector is None)
            or handler.name in named
        )


def compile_table(registry: Registry) -> RoutingTable:
    """
    Make the routing table of a registry and all that it includes.

    Raises:
        DuplicateHandler: two handlers have the same name, or one has the former or
            retired name of another.
        UsageError: a registry is included twice.
    """
    descendants = list(registry.descendants())
    if len(set(descendants)) < len(descendants):
        raise UsageError(
            "a router is included twice, through two others: its handlers would run twice"
        )
    handlers = list(registry.compiled_handlers())
    seen: set[str] = set()
    for handler in handlers:
        if handler.name in seen:
            raise _duplicate(handler.name)
        seen.add(handler.name)
    retired = frozenset(registry.retired).union(*(below.retired for below in descendants))
    _check_former_names(handlers, seen, retired)
    return RoutingTable(handlers, retired)


def _check_former_names(handlers: list[Handler], names: set[str], retired: frozenset[str]) -> None:
    former = [old for handler in handlers for old in handler.formerly]
    for old in (*former, *retired):
        if old in names or former.count(old) > (old not in retired):
            msg = f"{old!r} cannot be a former or retired name and another handler's name, too"
            raise DuplicateHandler(msg)


def kind_of(event: AnyEvent) -> Kind:
    """Tell which kind of event this is."""
    return "snapshot" if isinstance(event, Event) else "thin"


def account_of(event: AnyEvent) -> str | None:
    """
    Give the connected account an event belongs to, or None.

    A thin event names it as the last part of its context (``org_1/acct_2``).
    """
    if isinstance(event, Event):
        return event.account
    return event.context.rpartition("/")[2] if event.context else None


def _decided(answer: Any) -> bool:
    if isinstance(answer, bool) or answer is None or not is_awaitable(answer):
        return bool(answer)
    getattr(answer, "close", bool)()  # a coroutine would warn that nobody awaited it
    raise UsageError("where= gave something to await: it is a plain function that decides at once")


def _filtered(selected: Planned, event: AnyEvent) -> Planned | None:
    if selected.handler.filters is NO_FILTERS:
        return selected
    try:
        return selected if selected.handler.filters.refusal(event) is None else None
    except Exception as error:  # noqa: BLE001 - a filter is the user's code: it may raise anything
        return Planned(selected.handler, error)


def _explain(handler: Handler, event: AnyEvent, selected: list[Handler]) -> Explanation:
    if handler not in selected:
        reason = "fallback" if handler.is_fallback else "type"
        return Explanation(handler.name, runs=False, refused_by=reason)
    refusal = handler.filters.refusal(event)
    return Explanation(handler.name, runs=refusal is None, refused_by=refusal)


def _duplicate(name: str) -> DuplicateHandler:
    return DuplicateHandler(
        f"there is a handler named {name!r} already: pass name='...' to tell them apart, "
        "or give on() all the classes at once"
    )
