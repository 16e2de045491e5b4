"""The engine of one machine: all signals in a DuckDB file a day, `open_storage` to open them."""

from collector.storage.duckdb.database import LOCK, DatabaseOptions, DataFolderInUse
from collector.storage.duckdb.recent import PythonKeySet
from collector.storage.duckdb.restoring import restore
from collector.storage.duckdb.storage import DuckDBStorage, open_storage
from collector.storage.duckdb.writer import PART_BYTES

__all__ = [
    "LOCK",
    "PART_BYTES",
    "DataFolderInUse",
    "DatabaseOptions",
    "DuckDBStorage",
    "PythonKeySet",
    "open_storage",
    "restore",
]
