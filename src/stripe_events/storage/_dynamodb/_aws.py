"""boto3 and botocore, which have no types."""

from __future__ import annotations

from typing import Any, Final

from boto3 import session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from botocore import config, exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

_session: Any = session
_config: Any = config
_exceptions: Any = exceptions

ClientError: Final[type[Any]] = _exceptions.ClientError
"""The service said no."""

NoRegionError: Final[type[Exception]] = _exceptions.NoRegionError
NoAnswerError: Final[type[Exception]] = _exceptions.HTTPClientError
"""The service was not reached, or did not answer in time."""

AWS_ERRORS: Final[tuple[type[Exception], ...]] = (
    _exceptions.ClientError,
    _exceptions.BotoCoreError,
)

_LONGEST_WAIT: Final = 5.0


def new_client(timeout: float) -> Any:
    """Give a client from the environment, which repeats nothing by itself."""
    wait = max(0.1, min(timeout, _LONGEST_WAIT))
    options = _config.Config(
        connect_timeout=wait,
        read_timeout=wait,
        retries={"total_max_attempts": 1},
        max_pool_connections=50,
    )
    # Clients are for several threads, sessions are not.
    return _session.Session().client("dynamodb", config=options)
