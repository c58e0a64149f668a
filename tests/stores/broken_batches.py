"""Stores whose ``finish_each`` breaks one promise each; see ``test_broken_batches``."""

# ruff: noqa: D102 - the class tells what its methods do wrong
from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import LostClaim, ProcessingError
from stripe_events.storage import Claim, Finished
from tests.stores.broken_stores import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events.storage._results import Ending


class BatchingStore(Store):
    """A sound store, whose batches the broken ones replace."""

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        return [self.told(ending) for ending in endings]

    def told(self, ending: Ending) -> Finished | ProcessingError:
        try:
            return self.finish(*ending)
        except ProcessingError as error:
            return error


class OneRefusalRefusesAll(BatchingStore):
    """Let the first that cannot be recorded end the whole batch."""

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        return [self.finish(*ending) for ending in endings]


class AnswersByEvent(BatchingStore):
    """Give the answers as the database sorts them."""

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        return super().finish_each(sorted(endings))


class LeavesOutTheRefused(BatchingStore):
    """Give no answer for what was not recorded."""

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        return [one for one in super().finish_each(endings) if isinstance(one, Finished)]


class UnfencedBatches(BatchingStore):
    """Record the end for whoever has the claim now."""

    def told(self, ending: Ending) -> Finished | ProcessingError:
        record = self.stored(ending.claim)
        if record is not None and record.state == "claimed" and record.claim_id is not None:
            now = Claim(record.scope, record.id, record.token, record.claim_id)
            ending = ending._replace(claim=now)
        return super().told(ending)


class BatchesForgetErrors(BatchingStore):
    """Write the outcomes only."""

    def told(self, ending: Ending) -> Finished | ProcessingError:
        result = ending.result._replace(error=None, answer=None)
        return super().told(ending._replace(result=result))


class BatchesForgetJoined(BatchingStore):
    """Leave out the handlers that come along with an end."""

    def told(self, ending: Ending) -> Finished | ProcessingError:
        return self._without(ending) if ending.joined.wanted else super().told(ending)

    def _without(self, ending: Ending) -> Finished | ProcessingError:
        try:
            return self.finish(ending.claim, ending.result)
        except (ProcessingError, KeyError, AttributeError):
            return LostClaim("it is done")


class BatchesKeepOrderKeys(BatchingStore):
    """Settle heads without handing their keys on."""

    def told(self, ending: Ending) -> Finished | ProcessingError:
        record = self.stored(ending.claim)
        if record is None or record.order_key is None:
            return super().told(ending)
        self.put(record._replace(order_key=None))
        return super().told(ending)


class CallsFailuresRecorded(BatchingStore):
    """Tell whoever asks while the database is down what it would have written."""

    def told(self, ending: Ending) -> Finished | ProcessingError:
        return Finished("done") if self.down else super().told(ending)
