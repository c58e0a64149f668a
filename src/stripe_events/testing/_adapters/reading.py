"""Cases: what of a request reaches the router, and what is refused before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events._messages import find_header
from stripe_events.errors import InvalidSignature
from stripe_events.testing._adapters.speaking import SECRET, Hooks, event, signed
from stripe_events.testing._checks import check, check_that
from stripe_events.verification import Verification

if TYPE_CHECKING:
    from stripe_events._messages import Headers

_KEY = "x-contract-key"
_MOST = 5_000


class ReadCases(Hooks):
    """Bodies, headers and methods."""

    def test_a_signed_delivery_is_handled(self) -> None:
        """The handler has run when the answer comes."""
        handled: list[str] = []
        with self.serving() as served:
            served.router.on_any(name="any")(lambda event: handled.append(event.id))
            answer = served.deliver(event())
        check((200, ["evt_1"]), (answer.status, handled), "a signed delivery is handled")

    def test_a_body_arrives_byte_for_byte(self) -> None:
        """Bytes that any decoding or writing anew would change still have their signature."""
        odd = event(note="é💶").replace(b"\n", b"\r\n") + b" \n\t"
        raw = odd.replace(b"\\u00e9", "é".encode()).replace(b"2000", b"2000.000")
        with self.serving() as served:
            answer = served.deliver(raw)
        check(200, answer.status, "the body arrives as it was sent")

    def test_a_body_in_another_encoding_is_refused(self) -> None:
        """What is no UTF-8 is malformed, though signed, and no error of the adapter."""
        with self.serving() as served:
            answer = served.deliver(b'{"id": "\xff\xfe\x00"}')
        check((400, "malformed"), (answer.status, answer.json()["outcome"]), "it is malformed")

    def test_an_empty_body_is_refused(self) -> None:
        """Nothing is read where nothing was sent."""
        with self.serving() as served:
            answer = served.deliver(b"")
        check((400, "malformed"), (answer.status, answer.json()["outcome"]), "it is malformed")

    def test_a_bad_signature_is_refused(self) -> None:
        """No handler runs, and the sender is not told why."""
        handled: list[str] = []
        with self.serving() as served:
            served.router.on_any(name="any")(lambda event: handled.append(event.id))
            answer = served.send("POST", signed(event("evt_2")), event())
        check((400, 0), (answer.status, len(handled)), "a bad signature is refused")
        check({"outcome": "signature_invalid"}, answer.json(), "the sender learns no more")

    def test_a_missing_signature_is_refused(self) -> None:
        """A body alone proves nothing."""
        with self.serving() as served:
            answer = served.send("POST", (), event())
        check(
            (400, {"outcome": "signature_missing"}),
            (answer.status, answer.json()),
            "a delivery without signature is refused",
        )

    def test_the_names_of_headers_have_no_case(self) -> None:
        """Proxies and HTTP/2 write them as they like."""
        body = event()
        ((_, signature),) = (pair for pair in signed(body) if "Signature" in pair[0])
        with self.serving() as served:
            for name in ("stripe-signature", "STRIPE-SIGNATURE"):
                answer = served.send("POST", ((name, signature),), body)
                check(200, answer.status, f"{name} is the signature")

    def test_a_repeated_signature_header_counts_as_one(self) -> None:
        """All of its values are looked at, as if one header had listed them."""
        body = event()
        ((name, value),) = (pair for pair in signed(body) if "Signature" in pair[0])
        time, _, good = value.partition(",")
        headers = ((name, f"{time},v1={'0' * 64}"), (name, good))
        with self.serving() as served:
            answer = served.send("POST", headers, body)
        check(200, answer.status, "the second value of a repeated header counts")

    def test_every_header_reaches_the_verifier(self) -> None:
        """Who brings a verifier may look at any header."""
        with self.serving(verifier=_ByKey(), secrets=()) as served:
            answers = [served.send("POST", ((_KEY, key),), event()) for key in (SECRET, "other")]
        check([200, 400], [answer.status for answer in answers], "a verifier sees all headers")

    def test_other_methods_are_refused(self) -> None:
        """The answer names the method that is allowed; one to HEAD has no body."""
        with self.serving() as served:
            for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
                answer = served.send(method, (), b"")
                check(405, answer.status, f"{method} is not allowed")
                check_that("POST" in answer.headers.get("allow", ""), "POST is", answer.headers)
                check_that(method != "HEAD" or not answer.body, "HEAD has no body", answer.body)

    def test_a_body_of_the_greatest_size_is_handled(self) -> None:
        """The limit itself is within the limit."""
        with self.serving(max_body_bytes=_MOST) as served:
            answer = served.deliver(event().ljust(_MOST))
        check(200, answer.status, f"{_MOST} bytes pass where max_body_bytes={_MOST}")

    def test_a_longer_body_is_refused(self) -> None:
        """The limit is the router's."""
        with self.serving(max_body_bytes=_MOST) as served:
            answer = served.deliver(event().ljust(_MOST + 1))
        check(413, answer.status, f"{_MOST + 1} bytes do not pass where max_body_bytes={_MOST}")


class _ByKey:
    """Trust whoever sends a key in a header."""

    blocking = False

    def verify(self, body: bytes, headers: Headers) -> Verification:
        if body and find_header(headers, _KEY) == SECRET:
            return Verification("key", None)
        raise InvalidSignature("the key is wrong")
