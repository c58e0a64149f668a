"""
What stripe-python makes of a JSON object, done one level at a time.

This module speaks to the SDK's internals (stripe 15 and newer) by names that
``_recognition`` has checked first. What decides the class of an object and the
form of a value is asked of the SDK itself, never written down here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from stripe_events._resources._values import NOTHING_DONE, LazyValues

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONSTRUCTION", "Conversion", "ResourceShape"]

CONSTRUCTION: Final = ("__init__", "__setattr__", "_construct_from", "_refresh_from")
"""The methods that make an object: where a class has its own, the SDK makes its objects."""


class ResourceShape:
    """How the values of one of the SDK's classes are converted."""

    __slots__ = ("_blank", "_conversion", "_variant", "encoded", "is_regular", "klass")

    def __init__(self, conversion: Conversion, klass: type[Any]) -> None:
        """Take the class; ``is_regular`` tells whether it is made as its base class is."""
        base = conversion.base
        self._conversion = conversion
        # The SDK's rules are methods, but read nothing of the instance.
        self._blank: Any = object.__new__(klass)
        # Unions came with stripe 15.6.
        self._variant = getattr(self._blank, "_get_union_variant_class", None)
        self.klass = klass
        self.encoded: Mapping[str, str] = klass._field_encodings  # noqa: SLF001
        self.is_regular = all(
            _function(getattr(klass, name)) is _function(getattr(base, name))
            for name in CONSTRUCTION
        )

    def convert(self, key: str, value: Any, requestor: Any) -> Any:
        """Give what the SDK holds under ``key`` for this JSON value."""
        blank = self._blank
        child = self._conversion.child
        value = blank._coerce_field_value(key, value)  # noqa: SLF001
        klass = self._variant(key, value) if self._variant else None
        klass = klass or blank._get_inner_class_type(key)  # noqa: SLF001
        if not blank._get_inner_class_is_beneath_dict(key):  # noqa: SLF001
            return child(value, klass, requestor)
        return {name: child(inner, klass, requestor) for name, inner in value.items()}

    def make(self, raw: Mapping[str, Any], requestor: Any) -> Any:
        """Make an object as the SDK's constructor leaves it; ``raw`` is not changed."""
        klass = self.klass
        if not self.is_regular:
            return klass._construct_from(  # noqa: SLF001
                values=dict(raw), requestor=requestor, api_mode="V1"
            )
        values = LazyValues(raw)
        values.done = NOTHING_DONE
        values.requestor = requestor
        values.shape = self
        made: Any = object.__new__(klass)
        # Past the SDK's __setattr__, which would take these for fields.
        attributes = made.__dict__
        attributes["_data"] = values
        attributes["_unsaved_values"] = set()
        attributes["_transient_values"] = set()
        attributes["_last_response"] = None
        attributes["_retrieve_params"] = {}
        attributes["_previous"] = raw
        attributes["_requestor"] = requestor
        return made


class Conversion:
    """Build objects whose values are converted as they are read. Thread-safe."""

    def __init__(self) -> None:
        """Import the parts of the SDK that are needed; raises where one is missing."""
        self.base: Any = import_module("stripe").StripeObject
        self._class_of_name = import_module("stripe._object_classes").get_object_class
        self._sdk_conversion = import_module("stripe._util")._convert_to_stripe_object  # noqa: SLF001
        self._requestors = import_module("stripe._api_requestor")._APIRequestor  # noqa: SLF001
        self._shapes: dict[type[Any], ResourceShape] = {}
        self._shapes_by_name: dict[str, ResourceShape] = {}
        self._base_shape = self.shape_of(self.base)

    def requestor(self) -> Any:
        """Give what objects of ``Webhook.construct_event`` make requests with: global options."""
        return self._requestors._global_with_options()  # noqa: SLF001

    def build(self, raw: Mapping[str, Any]) -> Any:
        """Give the object for a resource of a payload."""
        values = raw if isinstance(raw, dict) else dict(raw)
        return self.child(values, None, self.requestor())

    def build_as(self, klass: type[Any], raw: Mapping[str, Any]) -> Any:
        """Give an object of this class, whatever ``raw`` says it is."""
        return self.shape_of(klass).make(raw, self.requestor())

    def child(self, value: Any, klass: type[Any] | None, requestor: Any) -> Any:
        """Give a JSON value as the SDK does where a field's class is ``klass``."""
        if isinstance(value, dict):
            raw = cast("dict[str, Any]", value)
            name = raw.get("object")
            if isinstance(name, str):
                shape = self._shapes_by_name.get(name) or self._shape_of_name(name)
                return shape.make(raw, requestor)
            if "next_page_url" in raw and "data" in raw:
                # What this becomes in a v1 payload changed within stripe 15.
                return self._sdk_conversion(
                    resp=raw, klass_=klass, requestor=requestor, api_mode="V1"
                )
            return self.shape_of(klass or self.base).make(raw, requestor)
        if isinstance(value, list):
            child, items = self.child, cast("list[Any]", value)  # type: ignore[redundant-cast]
            return [child(item, klass, requestor) for item in items]
        return value

    def shape_of(self, klass: type[Any]) -> ResourceShape:
        """Give the one shape of a class."""
        shape = self._shapes.get(klass)
        if shape is None:
            shape = self._shapes.setdefault(klass, ResourceShape(self, klass))
        return shape

    def _shape_of_name(self, name: str) -> ResourceShape:
        shape = self.shape_of(self._class_of_name("V1", name))
        # Unknown names are the sender's: keeping them would let memory grow.
        if shape is not self._base_shape:
            self._shapes_by_name[name] = shape
        return shape


def _function(method: Any) -> Any:
    return getattr(method, "__func__", method)
