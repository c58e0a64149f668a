"""
Receive Stripe's webhooks in AWS Lambda, from a function URL or whatever else invokes it.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/aws_lambda.py

That is a stand-in for a function URL; Lambda calls ``aws_lambda.handler``. Every path is served,
``/stripe`` and ``/stripe/`` alike. Instances share no disk: there, take ``PostgresStore``.
"""

import os
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stripe_events import EventRouter
from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

store = SQLiteStore(os.environ.get("DATABASE", "app.db"))
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


handler = lambda_handler(router)


class FunctionURL(BaseHTTPRequestHandler):
    """Turns a request into an event for the function, and its answer into a response."""

    def answer(self) -> None:
        """Invoke the function."""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {"http": {"method": self.command}},
            "body": b64encode(self.rfile.read(int(self.headers["Content-Length"] or 0))).decode(),
            "isBase64Encoded": True,
        }
        answer = handler(event, None) or {}
        self.send_response(answer["statusCode"])
        body = answer["body"].encode()
        for name, value in {**answer["headers"], "Content-Length": len(body)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET = do_HEAD = do_PUT = answer  # noqa: N815 - names that the server looks for


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), FunctionURL) as it:
        print(f"http://127.0.0.1:{it.server_port}/stripe", flush=True)
        it.serve_forever()
