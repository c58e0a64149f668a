"""
The two kinds of events as values: ``Event`` (snapshot) and ``EventNotification`` (thin).

The generated classes are bare subclasses of these two. An event is read from
its payload once and never changes; the resource inside it is built when
somebody looks at it, so that a handler that does not look does not pay.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping  # noqa: TC003 - annotations of fields can be resolved
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, Self, TypeAlias, cast

from stripe_events._frozen import frozen

if TYPE_CHECKING:
    import stripe
    from typing_extensions import TypeVar

__all__ = [
    "AnyEvent",
    "Event",
    "EventData",
    "EventNotification",
    "EventRequest",
    "Reason",
    "ReasonRequest",
    "RelatedObject",
    "UnknownEvent",
    "UnknownNotification",
]

if TYPE_CHECKING:
    T_co = TypeVar("T_co", default=Any, covariant=True)
    R_co = TypeVar("R_co", default=Any, covariant=True)
    E_co = TypeVar("E_co", default=Any, covariant=True)
else:
    from typing import TypeVar

    # Before Python 3.13 only typing_extensions knows defaults, and it loads inspect.
    T_co, R_co, E_co = (TypeVar(name, covariant=True) for name in ("T_co", "R_co", "E_co"))

_NOT_BUILT: Final = object()
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_building = threading.Lock()


class EventRequest(NamedTuple):
    """
    The API request that caused an event; both None where no request did.

    Before API version 2017-05-25 Stripe sent the id alone.
    """

    id: str | None = None
    idempotency_key: str | None = None


class EventData(Generic[T_co]):
    """The resource inside a snapshot event, and what it was before."""

    __slots__ = ("_object", "_previous", "_raw")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        """Take the payload's ``data``; its ``object`` is a JSON object."""
        self._raw = raw
        self._object: Any = _NOT_BUILT
        self._previous: Any = _NOT_BUILT

    @property
    def object(self) -> T_co:
        """
        The resource as stripe-python's own class, built on first access.

        Equal to what the SDK builds from the same bytes, with the class that the
        resource's ``object`` names. The same instance at every access and for
        every handler of one delivery. The first access in a process imports
        ``stripe``. None only for pings before 2017, which are about nothing.
        """
        if self._object is _NOT_BUILT:
            from stripe_events import _resources

            raw = self._raw["object"]
            self._keep("_object", None if raw is None else _resources.build(raw))
        return cast("T_co", self._object)

    @property
    def previous(self) -> T_co:
        """
        What the resource was before: the same class, holding only the old values.

        Reading an attribute that did not change raises an AttributeError that
        names ``event.changed()``. Empty where Stripe sent no ``previous_attributes``.
        """
        if self._previous is _NOT_BUILT:
            from stripe_events import _resources

            current: Mapping[str, Any] = self._raw["object"] or _EMPTY
            built = _resources.build_previous(current, self.previous_attributes)
            self._keep("_previous", built)
        return cast("T_co", self._previous)

    @property
    def previous_attributes(self) -> Mapping[str, Any]:
        """The old values as plain JSON; empty where Stripe sent none."""
        return self._raw.get("previous_attributes") or _EMPTY

    def _keep(self, slot: str, built: Any) -> None:
        # Two threads may build at once; both must see the same instance.
        with _building:
            if getattr(self, slot) is _NOT_BUILT:
                setattr(self, slot, built)

    def __reduce__(self) -> tuple[type[EventData[Any]], tuple[Mapping[str, Any]]]:
        """Copy and pickle the raw values alone; resources are built again."""
        return type(self), (self._raw,)

    def __repr__(self) -> str:
        """Name the resource without showing its values."""
        raw: Mapping[str, Any] = self._raw["object"] or _EMPTY
        return f"<EventData {raw.get('object', 'object')} {raw.get('id', '')}>"


class EventMethods:
    """What both kinds have in common."""

    __slots__ = ()

    id: str
    created: datetime
    livemode: bool
    payload: Mapping[str, Any]

    def __eq__(self, other: object) -> bool:
        """Compare by class and payload."""
        if not isinstance(other, EventMethods):
            return NotImplemented
        return type(self) is type(other) and self.payload == other.payload

    def __hash__(self) -> int:
        """Hash by id: the same event delivered twice is one member of a set."""
        return hash(self.id)

    def __repr__(self) -> str:
        """Show what identifies the event, never its payload."""
        mode = "live" if self.livemode else "test"
        kind = getattr(self, "type", "")
        return f"<{type(self).__name__} {self.id} {kind} {mode} {self.created.isoformat()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """
        Pickle as the payload, to be parsed again on load.

        Yesterday's UnknownEvent is tomorrow's typed event.
        """
        from stripe_events import _parse

        return _parse.event_of, (self.payload, self.created.timestamp())

    def __copy__(self) -> Self:
        """Give the event itself: it cannot change."""
        return self


@frozen
class Event(EventMethods, Generic[T_co]):
    """
    A snapshot event: something happened, and this is the resource at that time.

    ``T`` is the class of ``data.object``; plain ``Event`` stands for any.
    What a payload may lack has a defined value: no ``livemode`` is False, no
    ``created`` is the time at which it was received, no ``pending_webhooks`` is 0.
    ``account`` is the connected account it belongs to, else None. ``payload`` is
    the JSON as it came. Events compare by class and payload and hash by id.

    https://docs.stripe.com/api/events/object
    """

    __slots__ = (
        "account",
        "api_version",
        "context",
        "created",
        "data",
        "id",
        "livemode",
        "payload",
        "pending_webhooks",
        "request",
    )

    type: ClassVar[str]
    id: str
    created: datetime
    livemode: bool
    account: str | None
    context: str | None
    api_version: str | None
    pending_webhooks: int
    request: EventRequest
    data: EventData[T_co]
    payload: Mapping[str, Any]

    def changed(self, *names: str) -> bool:
        """
        Tell whether any of these attributes of the resource changed.

        Only the first level counts: a change of ``metadata["plan"]`` is a change
        of ``metadata``. Without names: whether anything changed. False for
        events that carry no ``previous_attributes``.
        """
        before = self.data.previous_attributes
        return any(name in before for name in names) if names else bool(before)


class RelatedObject(NamedTuple):
    """The resource a thin event is about: ``type`` and ``url`` say where to fetch it."""

    id: str
    type: str
    url: str


class ReasonRequest(NamedTuple):
    """The API request behind a thin event."""

    id: str
    idempotency_key: str


class Reason(NamedTuple):
    """Why a thin event was made; ``request`` is None unless ``type`` is ``request``."""

    type: str
    request: ReasonRequest | None = None


@frozen
class EventNotification(EventMethods, Generic[R_co, E_co]):
    """
    A thin event: something happened; fetch what you need to know.

    ``R`` is the class of the related object, ``E`` the SDK's class of the whole
    event. ``created`` is rounded down to microseconds; ``created_ns`` is exact.
    ``context`` is the value for the ``Stripe-Context`` header, else None.

    https://docs.stripe.com/event-destinations#events-overview
    """

    __slots__ = (
        "context",
        "created",
        "id",
        "livemode",
        "payload",
        "reason",
        "related_object",
    )

    type: ClassVar[str]
    id: str
    created: datetime
    livemode: bool
    context: str | None
    related_object: RelatedObject | None
    reason: Reason | None
    payload: Mapping[str, Any]

    if not TYPE_CHECKING:

        def __class_getitem__(cls, item: Any) -> Any:
            """Take ``EventNotification[R]`` too: the second parameter has a default."""
            alone = cls is EventNotification and type(item) is not tuple
            return super().__class_getitem__((item, Any) if alone else item)

    @property
    def created_ns(self) -> int:
        """When it was made, in nanoseconds since 1970 (UTC)."""
        microseconds = (self.created - _EPOCH) // timedelta(microseconds=1)
        text = self.payload.get("created") or ""
        beyond = re.search(r"[.,][0-9]{6}([0-9]+)", text)  # what a datetime cannot hold
        return microseconds * 1000 + int(f"{beyond[1] if beyond else '':0<3.3}")

    def fetch_event(self, client: stripe.StripeClient) -> E_co:
        """
        Fetch the whole event, with its data where the type has any.

        Does what stripe-python's own notification class does, with the account
        context of this event. Makes a request at every call.

        Raises:
            stripe.StripeError: what the request raises.
        """
        from stripe_events import _fetch

        return cast("E_co", _fetch.fetch_event(self.payload, client))

    async def afetch_event(self, client: stripe.StripeClient) -> E_co:
        """Do the same as ``fetch_event``, awaited."""
        from stripe_events import _fetch

        return cast("E_co", await _fetch.afetch_event(self.payload, client))

    def fetch_related_object(self, client: stripe.StripeClient) -> R_co:
        """
        Fetch the related object as it is now; None where the event has none.

        Makes a request at every call, with the account context of this event.

        Raises:
            MalformedPayload: the related object's url is not a path of Stripe's API.
            stripe.StripeError: what the request raises.
        """
        from stripe_events import _fetch

        return cast("R_co", _fetch.fetch_related_object(self.payload, client))

    async def afetch_related_object(self, client: stripe.StripeClient) -> R_co:
        """Do the same as ``fetch_related_object``, awaited."""
        from stripe_events import _fetch

        return cast("R_co", await _fetch.afetch_related_object(self.payload, client))


class UnknownEvent(Event[Any]):
    """A snapshot event of a type that this version does not know; ``type`` is the payload's."""

    __slots__ = ()


class UnknownNotification(EventNotification[Any, Any]):
    """A thin event of a type that this version does not know; ``type`` is the payload's."""

    __slots__ = ()


AnyEvent: TypeAlias = Event[Any] | EventNotification[Any, Any]
"""Any event of either kind."""


def _type_in_payload(event: EventMethods) -> str:
    return cast("str", event.payload["type"])


# A property cannot override a ClassVar in a class body, nor be assigned, for both
# type checkers; to them `type` stays a str, which it is.
setattr(UnknownEvent, "type", property(_type_in_payload))  # noqa: B010
setattr(UnknownNotification, "type", property(_type_in_payload))  # noqa: B010
