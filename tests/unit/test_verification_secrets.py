"""Which secrets are refused, and how a callable is asked for them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events._verification import SignatureVerifier, sign
from stripe_events.errors import ConfigurationError, InvalidSignature

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_760_000_000
BODY = b'{"id": "evt_1"}'


async def ask_later() -> str:
    """Give what could not be waited for."""
    return "whsec_hidden"


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        (None, "is None"),
        ("", "is blank"),
        (" \t\n", "is blank"),
        (" whsec_hidden", "whitespace or a newline"),
        ("whsec_hidden\n", "whitespace or a newline"),
        ("\ufeffwhsec_hidden", "printable ASCII"),
        ("whsec_hid\u200bden", "printable ASCII"),
        ("whsec_hid\x00den", "printable ASCII"),
        ("whsec_hid\ud800den", "printable ASCII"),
        (b"whsec_hidden", "not bytes"),
        (7, "not int"),
        ("sk_test_hidden", "an API key"),
        ("rk_live_hidden", "a restricted API key"),
        ("pk_live_hidden", "a publishable key"),
        (ask_later, "is an async function"),
        ([], "is empty"),
        ({}, "is empty"),
        (["whsec_a", None], "'1' is None"),
        ([["whsec_hidden"]], "not list"),
        ({"whsec_hidden"}, "not set"),
        ({"platform": "whsec_a", "connect": ""}, "'connect' is blank"),
        ({1: "whsec_hidden"}, "names of signing secrets must be str"),
        ({" ": "whsec_hidden"}, "name of a signing secret is blank"),
        ({"whsec_hidden": "platform"}, "the mapping is {name: secret}"),
    ],
    ids=ascii,
)
def test_a_wrong_secret_is_refused_at_construction(secrets: Any, reason: str) -> None:
    """The refusal says what is wrong and shows nothing of the secret."""
    with pytest.raises(ConfigurationError) as caught:
        SignatureVerifier(secrets)
    assert reason in str(caught.value)
    assert "hid" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_secret_need_not_begin_with_whsec() -> None:
    """Tests make up secrets as they like."""
    assert "default" == SignatureVerifier("s").verify(BODY, sign(BODY, "s")).secret


def test_the_repr_shows_names_only() -> None:
    """It is safe in logs, and does not ask a callable."""
    fixed = SignatureVerifier({"platform": "whsec_hidden"}, tolerance=10)
    asked = SignatureVerifier(lambda: pytest.fail("asked"))
    assert "SignatureVerifier(secrets=['platform'], tolerance=10)" == repr(fixed)
    assert "SignatureVerifier(secrets=<asked for, so far []>, tolerance=300)" == repr(asked)


class Vault:
    """A place that secrets are asked from; ``answer`` is what it gives or raises."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0
        self.seconds = 0.0

    def __call__(self) -> Any:
        """Count and answer."""
        self.asked += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def verifier(self) -> SignatureVerifier:
        """Make a verifier that asks here, on clocks that the test moves."""
        return SignatureVerifier(self, clock=lambda: NOW, monotonic=lambda: self.seconds)


def header(secret: str = "whsec_a") -> str:
    """Make the header's value for BODY."""
    return sign(BODY, secret, timestamp=NOW)["Stripe-Signature"]


def test_a_callable_is_asked_at_the_first_delivery_and_not_again() -> None:
    """What matches needs no asking, however late."""
    vault = Vault("whsec_a")
    verifier = vault.verifier()
    assert 0 == vault.asked
    for vault.seconds in (0.0, 60.0, 3600.0):
        verifier.verify(BODY, header())
    assert 1 == vault.asked


def test_an_unreadable_header_does_not_ask() -> None:
    """Whoever sends no signature at all causes no traffic to the vault."""
    vault = Vault("whsec_a")
    with pytest.raises(InvalidSignature):
        vault.verifier().verify(BODY, "junk")
    assert 0 == vault.asked


def test_a_rolled_secret_is_found_by_asking_again() -> None:
    """The delivery that did not match is accepted once the callable gives its secret."""
    vault = Vault("whsec_a")
    verifier = vault.verifier()
    verifier.verify(BODY, header())
    vault.answer, vault.seconds = ["whsec_b", "whsec_a"], 60.0
    assert "0" == verifier.verify(BODY, header("whsec_b")).secret
    assert "1" == verifier.verify(BODY, header()).secret
    assert 2 == vault.asked


def test_mismatches_ask_at_most_once_a_minute() -> None:
    """The minute begins with the last asking, the first one included."""
    vault = Vault("whsec_a")
    verifier = vault.verifier()
    asked = []
    for vault.seconds in (5.0, 64.9, 65.0, 70.0, 124.9, 125.0):
        with pytest.raises(InvalidSignature):
            verifier.verify(BODY, header("whsec_b"))
        asked.append(vault.asked)
    assert [1, 1, 2, 2, 2, 3] == asked


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (TimeoutError("of whsec_hidden"), "failed with TimeoutError"),
        ("", "is blank"),
        ([], "is empty"),
    ],
    ids=["raises", "blank", "none"],
)
def test_a_failing_refresh_hides_no_mismatch(answer: Any, reason: str) -> None:
    """The old secrets stay, the rejection mentions the trouble, the minute holds."""
    vault = Vault("whsec_a")
    verifier = vault.verifier()
    verifier.verify(BODY, header())
    vault.answer, vault.seconds = answer, 60.0
    with pytest.raises(InvalidSignature, match="secrets may be out of date") as caught:
        verifier.verify(BODY, header("whsec_b"))
    assert reason in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)
    assert "default" == verifier.verify(BODY, header()).secret
    with pytest.raises(InvalidSignature):
        verifier.verify(BODY, header("whsec_b"))
    assert 2 == vault.asked


def test_a_failing_first_asking_is_a_configuration_error() -> None:
    """It has the callable's exception as its cause, and the next delivery asks again."""
    vault = Vault(TimeoutError())
    verifier = vault.verifier()
    with pytest.raises(ConfigurationError, match="failed with TimeoutError") as caught:
        verifier.verify(BODY, header())
    assert vault.answer is caught.value.__cause__
    vault.answer = "whsec_a"
    assert "default" == verifier.verify(BODY, header()).secret


def test_an_interrupt_passes_through_and_leaves_no_lock_behind() -> None:
    """Only exceptions of the callable are translated."""
    vault = Vault(KeyboardInterrupt())
    verifier = vault.verifier()
    with pytest.raises(KeyboardInterrupt):
        verifier.verify(BODY, header())
    vault.answer = "whsec_a"
    assert "default" == verifier.verify(BODY, header()).secret


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """Run ``work`` in several threads that begin together."""
    start = threading.Barrier(count)

    def run() -> Any:
        start.wait()
        return work()

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(count)]]


class MeetingVault(Vault):
    """A vault that is slow and lets a second caller come in beside the first."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer)
        self.second = threading.Barrier(2)

    def __call__(self) -> Any:
        """Wait for a second caller, who should never come; 90 seconds pass by the clock."""
        answer = super().__call__()
        self.seconds += 90.0
        try:
            self.second.wait(timeout=0.1)
        except threading.BrokenBarrierError:
            self.second.reset()
        return answer


def test_threads_at_their_first_delivery_ask_once() -> None:
    """One asks, the others wait for its answer."""
    vault = MeetingVault("whsec_a")
    verifier = vault.verifier()
    assert ["default"] * 8 == at_once(8, lambda: verifier.verify(BODY, header()).secret)
    assert 1 == vault.asked


def test_threads_that_miss_together_ask_once_and_all_match() -> None:
    """Who waited for another thread's answer uses it."""
    vault = MeetingVault("whsec_a")
    verifier = vault.verifier()
    verifier.verify(BODY, header())
    vault.answer, vault.seconds = {"new": "whsec_b"}, 150.0
    assert ["new"] * 8 == at_once(8, lambda: verifier.verify(BODY, header("whsec_b")).secret)
    assert 2 == vault.asked
