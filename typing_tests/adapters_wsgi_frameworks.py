"""Frameworks on WSGI take what their adapters give."""

from __future__ import annotations

import falcon
from django.urls import path
from flask import Flask

from stripe_events import EventRouter
from stripe_events.adapters import Endpoint
from stripe_events.adapters.django import adjango_view, django_view, webhook_path
from stripe_events.adapters.falcon import falcon_sink
from stripe_events.adapters.flask import flask_view

router = EventRouter("whsec_test")
endpoint = Endpoint.of(router)

falcon.App().add_sink(falcon_sink(router), r"/stripe/?\Z")
Flask("shop").add_url_rule("/stripe", view_func=flask_view(endpoint), strict_slashes=False)
urlpatterns = [
    path("stripe", django_view(router)),
    path("stripe", adjango_view(endpoint)),
    webhook_path("stripe", django_view(router), name="stripe"),
    webhook_path("stripe", adjango_view(router)),
]

flask_view("whsec_test")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
django_view("whsec_test")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
