"""What befalls requests to DynamoDB, by hooks of botocore: moto's server never fails or lags."""

from __future__ import annotations

import json
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class DiedError(BaseException):
    """The process is gone: nothing catches it."""


@contextmanager
def hooked(client: Any, event: str, hook: Callable[..., Any]) -> Generator[None, None, None]:
    """Call a hook at an event of a client: ``before-send``, for one."""
    client.meta.events.register(f"{event}.dynamodb", hook)
    yield
    client.meta.events.unregister(f"{event}.dynamodb", hook)


@contextmanager
def refused(
    client: Any, code: str, times: int, *, only: str = "", status: int = 400, **members: Any
) -> Generator[list[str], None, None]:
    """Refuse so many requests with an error of AWS; gives the operations that came."""
    came: list[str] = []

    def refuse(request: Any, **_: Any) -> AWSResponse | None:
        if only and operation_of(request) != only:
            return None
        came.append(operation_of(request))
        return error(request, code, status, members) if len(came) <= times else None

    with hooked(client, "before-send", refuse):
        yield came


@contextmanager
def answers_lost(
    client: Any, operation: str, *, after: int = 0
) -> Generator[list[str], None, None]:
    """Lose an answer to such an operation, after the server has done it and so many others."""
    lost: list[str] = []
    rest = count(-after)

    def lose(event_name: str, **_: Any) -> None:
        came = event_name.rpartition(".")[2]
        if came == operation and next(rest) == 0:
            lost.append(operation)
            raise ReadTimeoutError(endpoint_url="http://dynamodb")

    with hooked(client, "response-received", lose):
        yield lost


@contextmanager
def died_before(client: Any, number: int) -> Generator[None, None, None]:
    """Let the process be gone before it sends the write of this number, from 0."""
    writes: list[str] = []

    def die(request: Any, **_: Any) -> None:
        operation = operation_of(request)
        if operation in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
            writes.append(operation)
            if len(writes) > number:
                raise DiedError

    with hooked(client, "before-send", die):
        yield


@contextmanager
def lagging_indexes(client: Any, table: str) -> Generator[None, None, None]:
    """Let indexes stay as they are now, for queries by this client."""
    entries = {
        index: client.scan(TableName=table, IndexName=index)["Items"]
        for index in ("waiting", "seen")
    }

    def note(params: Any, context: Any, **_: Any) -> None:
        context["asked"] = dict(params)

    def replace(parsed: Any, context: Any, **_: Any) -> None:
        asked = context.get("asked", {})
        if "IndexName" in asked:
            shard = asked["ExpressionAttributeValues"][":shard"]
            parsed["Items"] = [one for one in entries[asked["IndexName"]] if one["shard"] == shard]
            parsed.pop("LastEvaluatedKey", None)

    with hooked(client, "before-parameter-build", note), hooked(client, "after-call", replace):
        yield


def operation_of(request: Any) -> str:
    """Give what a request asks for."""
    target = request.headers["X-Amz-Target"]
    return str(target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]


def error(request: Any, code: str, status: int, members: Any) -> AWSResponse:
    """Give an error as the service sends it."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    body = json.dumps({"__type": kind, "message": f"{code}: too much", **members}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, _Raw(body))


class _Raw(BytesIO):
    """A body as urllib3 has it."""

    def stream(self, **_: Any) -> Generator[bytes, None, None]:
        yield self.read()
