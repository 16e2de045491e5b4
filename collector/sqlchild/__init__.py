"""SQL of people: one SELECT over documented views, in a process that can be killed, on a snapshot."""

from __future__ import annotations

from collector.sqlchild.process import Allowance
from collector.sqlchild.runner import ChildRunner
from collector.sqlchild.saved import SavedQueries, SavedQuery
from collector.sqlchild.table import (
    Parameters,
    ResultColumn,
    SqlBusy,
    SqlFailed,
    SqlRefused,
    SqlRunner,
    SqlStopped,
    Table,
)

__all__ = [
    "Allowance",
    "ChildRunner",
    "Parameters",
    "ResultColumn",
    "SavedQueries",
    "SavedQuery",
    "SqlBusy",
    "SqlFailed",
    "SqlRefused",
    "SqlRunner",
    "SqlStopped",
    "Table",
]
