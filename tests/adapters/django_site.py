"""A Django project in this process, with all that may stand between a server and a view."""

from __future__ import annotations

import atexit
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern, URLResolver

__all__ = ["Project", "project"]


_folder = TemporaryDirectory()
atexit.register(_folder.cleanup)


def _database(name: str) -> dict[str, Any]:
    file = f"{_folder.name}/{name}.db"
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "ATOMIC_REQUESTS": True}


settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={name: _database(name) for name in ("default", "other")},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "rest_framework",
    ],
    LOGGING_CONFIG=None,
    LOOK=lambda request: None,
    MIDDLEWARE=[
        f"{__name__}.looking",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
    },
    SECRET_KEY="made up",
)
django.setup()


def looking(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Any:
    """Let the setting LOOK look at each request before anything else does."""

    def look_first(request: HttpRequest) -> HttpResponseBase:
        settings.LOOK(request)
        return get_response(request)

    return look_first


class _Urls:
    def __init__(self, patterns: tuple[URLPattern | URLResolver, ...]) -> None:
        self.urlpatterns = list(patterns)


class Project:
    """The project with its URLs, until it is closed."""

    def __init__(self, *patterns: URLPattern | URLResolver, **options: Any) -> None:
        """Put the URLs and settings in place, then make the handlers, which look at them."""
        self._settings = override_settings(ROOT_URLCONF=_Urls(patterns), **options)
        self._settings.enable()
        self.wsgi, self.asgi = WSGIHandler(), ASGIHandler()

    def close(self) -> None:
        """Give the former settings back."""
        self._settings.disable()


@contextmanager
def project(*patterns: URLPattern | URLResolver, **options: Any) -> Iterator[Project]:
    """Have the project for a block."""
    opened = Project(*patterns, **options)
    try:
        yield opened
    finally:
        opened.close()
