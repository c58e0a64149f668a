"""How users' contracts are typed: hooks may name their own store, and be async."""

from __future__ import annotations

from stripe_events.storage import MemoryStore, SQLiteStore
from stripe_events.testing import StoreContract, TransactionalStoreContract


class SyncContract(StoreContract):
    def make_store(self) -> MemoryStore:
        return MemoryStore()

    def another(self, store: MemoryStore) -> MemoryStore:
        return store

    def advance(self, store: MemoryStore, seconds: float) -> None: ...


class AsyncContract(StoreContract, TransactionalStoreContract):
    async def make_store(self) -> SQLiteStore:
        return SQLiteStore("ledger.db")

    async def advance(self, store: SQLiteStore, seconds: float) -> None: ...

    async def break_database(self, store: SQLiteStore) -> None: ...

    async def write(self, connection: object, text: str) -> None: ...

    async def written(self, store: SQLiteStore) -> list[str]:
        return []


def calls_of_a_runner(contract: SyncContract) -> None:
    contract.test_steps_of_accept()
    contract.test_steps_of_accept(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
