"""
Signing secrets: what is refused, what they are called, and where they come from.

No message and no ``repr`` here shows a secret. Errors are raised outside ``except``
blocks where the caught error would hold one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from stripe_events._fork import Lock
from stripe_events.errors import ConfigurationError

__all__ = ["REFRESH_SECONDS", "AskedKeys", "FixedKeys", "Key", "Secrets", "read_keys"]

Secrets: TypeAlias = (
    str | Sequence[str] | Mapping[str, str] | Callable[[], str | Sequence[str] | Mapping[str, str]]
)
"""
One signing secret, several, several by name, or a callable that gives any of these.
"""

REFRESH_SECONDS = 60.0
"""The shortest time between two askings for secrets that are already there."""

_NOT_SIGNING_SECRETS = {
    "sk_": "an API key",
    "rk_": "a restricted API key",
    "pk_": "a publishable key",
}


class Key:
    """
    A named secret as the bytes that are hashed with.

    A class of its own for its ``repr``: error trackers print the variables of
    every frame, and these are in the frames that reject a delivery.
    """

    __slots__ = ("name", "secret")

    def __init__(self, name: str, secret: bytes) -> None:
        """Take both as they are."""
        self.name = name
        self.secret = secret

    def __repr__(self) -> str:
        """Show the name only."""
        return f"<Key {self.name!r}>"


Keys: TypeAlias = tuple[Key, ...]


def read_keys(secrets: object) -> Keys:
    """
    Check secrets and name them, in their order.

    A single one is called "default"; those of a sequence "0", "1" and so on; a
    mapping brings its names. The same secret under two names counts as the first.

    Raises:
        ConfigurationError: there is none, or one is no ``str``, blank, surrounded
            by whitespace, not printable ASCII, or looks like an API key; or a
            name is blank or looks like a secret itself.
    """
    named = _named(secrets)
    if not named:
        raise ConfigurationError(
            "secrets= is empty: without a signing secret every delivery would be refused"
        )
    return tuple(_key(name, secret) for name, secret in named)


def _named(secrets: object) -> list[tuple[object, object]]:
    if isinstance(secrets, Mapping):
        return list(cast("Mapping[object, object]", secrets).items())
    # bytes are a sequence, of numbers: as one wrong secret they get the better message.
    if isinstance(secrets, Sequence) and not isinstance(secrets, (str, bytes, bytearray)):
        items = cast("Sequence[object]", secrets)
        return [(str(index), secret) for index, secret in enumerate(items)]
    return [("default", secrets)]


def _key(name: object, secret: object) -> Key:
    complaint = _complaint_about_name(name)
    if complaint:
        raise ConfigurationError(complaint)
    complaint = _complaint_about_secret(secret)
    if complaint:
        raise ConfigurationError(f"the signing secret {name!r} {complaint}")
    return Key(cast("str", name), cast("str", secret).encode("ascii"))


def _complaint_about_name(name: object) -> str | None:
    if not isinstance(name, str):
        return f"the names of signing secrets must be str, not {type(name).__name__}"
    if not name.strip():
        return "the name of a signing secret is blank"
    if name.startswith(("whsec_", *_NOT_SIGNING_SECRETS)):
        return "the name of a signing secret looks like a secret: the mapping is {name: secret}"
    return None


def _complaint_about_secret(secret: object) -> str | None:
    if secret is None:
        return "is None: is the setting or environment variable that should hold it not set?"
    if not isinstance(secret, str):
        return f"must be a str, not {type(secret).__name__}"
    for start, kind in _NOT_SIGNING_SECRETS.items():
        if secret.startswith(start):
            return f"looks like {kind}; the signing secret of an endpoint begins with whsec_"
    return _complaint_about_characters(secret)


def _complaint_about_characters(secret: str) -> str | None:
    if not secret.strip():
        return "is blank: anyone could sign with it"
    if secret != secret.strip():
        return "begins or ends with whitespace or a newline: strip it where it is read"
    if not (secret.isascii() and secret.isprintable()):
        return "has characters other than printable ASCII: were invisible ones copied along?"
    return None


class FixedKeys:
    """Keys that never change."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Keys) -> None:
        """Take keys that are already checked."""
        self._keys = keys

    def current(self) -> Keys:
        """Give the keys."""
        return self._keys

    def refreshed(self) -> Keys:
        """Give the keys: there are no others."""
        return self._keys

    def __repr__(self) -> str:
        """Show the names only."""
        return repr([key.name for key in self._keys])


class AskedKeys:
    """
    Keys that a callable gives, asked for again when none of them matches.

    Deliveries that match read without a lock. One thread at a time asks; the
    others that found no match wait for its answer and use it. While there is no
    answer yet, every delivery asks.
    """

    __slots__ = ("_ask", "_asked_at", "_keys", "_lock", "_monotonic")

    def __init__(self, ask: Callable[[], object], monotonic: Callable[[], float]) -> None:
        """Keep the callable for the first delivery; nothing is asked yet."""
        self._ask = ask
        self._asked_at = 0.0
        self._keys: Keys = ()
        self._lock = Lock()
        self._monotonic = monotonic

    def current(self) -> Keys:
        """
        Give the keys of the last good answer, asking first where there is none.

        Raises:
            ConfigurationError: the callable failed, with its exception as the
                cause, or gave secrets that are refused.
        """
        if not self._keys:
            with self._lock:
                if not self._keys:
                    self._load()
        return self._keys

    def refreshed(self) -> Keys:
        """
        Give the keys after asking for them again, where the last asking was a minute ago.

        Raises:
            ConfigurationError: as ``current`` does; the keys stay what they were.
        """
        with self._lock:
            if self._monotonic() - self._asked_at >= REFRESH_SECONDS:
                self._load()
            return self._keys

    def _load(self) -> None:
        try:
            secrets = self._ask()
        except Exception as error:
            raise ConfigurationError(
                f"asking for the signing secrets failed with {type(error).__name__}"
            ) from error
        finally:
            # A failure counts too. After the call, so that who waited does not ask anew.
            self._asked_at = self._monotonic()
        self._keys = read_keys(secrets)

    def __repr__(self) -> str:
        """Show the names known by now; ask nothing."""
        return f"<asked for, so far {[key.name for key in self._keys]!r}>"
