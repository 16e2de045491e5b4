"""The engine of one machine: spans in one DuckDB file, `open_storage` to open it."""

from collector.storage.duckdb.database import DatabaseOptions, DataFolderInUse
from collector.storage.duckdb.storage import DuckDBStorage, open_storage

__all__ = ["DataFolderInUse", "DatabaseOptions", "DuckDBStorage", "open_storage"]
