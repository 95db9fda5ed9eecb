"""The errors of the protocol and of its callers."""

from __future__ import annotations

from ._abi import List
from ._instance import Function
from ._interface import ERROR
from .types import WscodecError

__all__ = ["error_table"]

_error_table = Function("types", "error-table", [], List(ERROR))


def error_table() -> list[WscodecError]:
    """Every error, without a place. The codes do not change; sentences can.

    >>> [error.close_code for error in error_table() if error.code == "INVALID_UTF8"]
    [1007]
    """
    table: list[WscodecError] = _error_table()
    return table
