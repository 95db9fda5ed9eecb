"""The memory of the instance that all objects of this package share."""

from __future__ import annotations

from ._abi import U64
from ._instance import Function

__all__ = ["memory_size", "set_max_memory"]

_set_max_memory = Function("memory", "set-max-memory", [U64])
_memory_size = Function("memory", "memory-size", [], U64)


def set_max_memory(size: int) -> None:
    """Set how far the memory may grow for all decoders, encoders and sessions together, in bytes.

    The default is 268,435,456 (256 MiB). A call that needs more raises `OUT_OF_MEMORY`.
    """
    _set_max_memory(size)


def memory_size() -> int:
    """The size of the instance's memory in bytes. It does not shrink."""
    return int(_memory_size())


set_max_memory(256 << 20)
