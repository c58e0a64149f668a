"""The view in a project of Django REST framework that asks everyone to log in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import path

from stripe_events.adapters.django import django_view, webhook_path
from tests.adapters.django_site import project
from tests.unit.deliveries import signed, snapshot
from tests.unit.waiting import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


def posted() -> int:
    """Deliver with Django's client, which is told to check for tokens, and give the status."""
    body, headers = signed(snapshot())
    client = Client(enforce_csrf_checks=True, headers=headers)
    return client.post("/stripe", body, content_type="application/json").status_code


def test_the_defaults_do_not_touch_the_view() -> None:
    """No log-in, no token, and no throttle, which would let one request a day pass."""
    with opened() as its_router, project(webhook_path("stripe", django_view(its_router))):
        assert [200, 200, 200] == [posted() for _ in range(3)]


@pytest.mark.parametrize("look", [lambda request: None, lambda request: request.data])
def test_an_api_view_may_hand_its_request_over(look: Callable[[Any], object]) -> None:
    """Also after it has looked at the data; it is the one that lets everyone in."""
    with opened() as its_router:
        view = django_view(its_router)

        from rest_framework.views import APIView  # it reads Django's settings

        class Webhook(APIView):
            authentication_classes = permission_classes = throttle_classes = ()

            def post(self, request: HttpRequest) -> HttpResponse:
                look(request)
                return view(request)

        with project(path("stripe", Webhook.as_view())):
            assert 200 == posted()
