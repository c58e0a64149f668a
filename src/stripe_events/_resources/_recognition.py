"""
The self-test: whether the installed stripe-python is one that ``_conversion`` knows.

Three questions, cheapest first: do the SDK's conversion functions look at nothing
private that is unknown here; does a new object have the attributes that are set
here; do samples come out equal to those of the SDK's public constructor.
"""

from __future__ import annotations

import pickle
from importlib import import_module
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, cast

from stripe_events._resources._conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["recognised_conversion"]

_KNOWN: Final = frozenset(
    {
        # of an object
        "_data",
        "_last_response",
        "_previous",
        "_requestor",
        "_retrieve_params",
        "_transient_values",
        "_unsaved_values",
        # of making one
        "_APIRequestor",
        "_construct_from",
        "_convert_to_stripe_object",
        "_global_with_options",
        "_refresh_from",
        "_util",
        # of converting a value
        "_coerce_decimal_string",
        "_coerce_field_value",
        "_coerce_int64_string",
        "_field_encodings",
        "_get_inner_class_is_beneath_dict",
        "_get_inner_class_type",
        "_get_union_variant_class",
        "_inner_class_dicts",
        "_inner_class_types",
        "_inner_class_union_variant_types",
    }
)
_CONSULTED: Final = (
    "__init__",
    "__getitem__",
    "_construct_from",
    "_refresh_from",
    "_coerce_field_value",
    "_get_inner_class_is_beneath_dict",
    "_get_inner_class_type",
)
_SAMPLE: Final[dict[str, Any]] = {
    "id": "self_test",
    "object": "list",
    "url": "",
    "empty": {},
    "none": None,
    "items": [1, "", None, [["a"]], {"get": {"items": [0.5]}}],
    "metadata": {"keys": "", "object": {}},
    "page": {"data": [], "next_page_url": None},
    "data": [{"id": "a", "object": "unheard_of", "nested": {"object": "list", "data": [{}]}}],
}
_FIELDS: Final[dict[str, Any]] = {
    "whole": "12",
    "wholes": ["12", 3, None],
    "exact": "1.50",
    "inner": {"exact": "2.50"},
    "inners": [{"exact": "3.50"}, []],
    "by_currency": {"eur": {"exact": "4.50"}, "usd": None},
    "one_of": {"type": "known", "exact": "5.50"},
}


def recognised_conversion() -> Conversion | None:
    """
    Give the lazy conversion for the installed stripe, or None where it is not to be trusted.

    None for stripe 12 to 14, whose objects are dicts themselves, and for whatever
    a later release changes. Never raises for reasons of the SDK.
    """
    try:
        conversion = Conversion()
        passed = (
            _consults_only_known_names(conversion.base)
            and _has_known_attributes(conversion)
            and _builds_equal_objects(conversion)
            and _converts_equal_fields(conversion)
        )
    except Exception:  # noqa: BLE001 - whatever it is, the SDK's own constructor still works
        return None
    return conversion if passed else None


def _consults_only_known_names(base: Any) -> bool:
    functions: list[Any] = [getattr(base, name) for name in _CONSULTED]
    functions.append(import_module("stripe._util")._convert_to_stripe_object)  # noqa: SLF001
    used = {name for function in functions for name in _private_names(function.__code__)}
    return used <= _KNOWN


def _private_names(code: CodeType) -> Iterator[str]:
    yield from (name for name in code.co_names if name.startswith("_"))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _private_names(constant)


def _has_known_attributes(conversion: Conversion) -> bool:
    values = {"id": "self_test"}
    lazy = cast("object", conversion.build(values)).__dict__
    eager = cast("object", conversion.base.construct_from(values, None)).__dict__
    same_kind = type(lazy["_requestor"]) is type(eager["_requestor"])
    return same_kind and lazy == {**eager, "_requestor": lazy["_requestor"]}


def _builds_equal_objects(conversion: Conversion) -> bool:
    eager = conversion.base.construct_from({"sample": _SAMPLE}, None).sample
    copies = pickle.loads(pickle.dumps((conversion.build(_SAMPLE), eager)))  # noqa: S301 - just made
    return (
        _all_equal(lambda: conversion.build(_SAMPLE), eager)
        and copies[0] == copies[1] == eager
        and str(conversion.build(_SAMPLE)) == str(eager)
    )


def _converts_equal_fields(conversion: Conversion) -> bool:
    base = conversion.base
    inner: Any = type("Inner", (base,), {"_field_encodings": {"exact": "decimal_string"}})
    outer: Any = type(
        "Outer",
        (base,),
        {
            "_field_encodings": {
                "whole": "int64_string",
                "wholes": "int64_string",
                "exact": "decimal_string",
            },
            "_inner_class_types": {"inner": inner, "inners": inner, "by_currency": inner},
            "_inner_class_dicts": ["by_currency"],
            "_inner_class_union_variant_types": {"one_of": ("type", {"known": inner})},
        },
    )
    return _all_equal(
        lambda: conversion.build_as(outer, _FIELDS), outer.construct_from(dict(_FIELDS), None)
    )


def _all_equal(make: Callable[[], Any], eager: Any) -> bool:
    # A new object for each question: the first one converts all values.
    return bool(make() == eager and eager == make() and make().to_dict() == eager.to_dict())
