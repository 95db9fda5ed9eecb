"""The instance of the codec, and calls of its functions.

`codec.wasm` is the core module of the component `wscodec-codec.wasm`. This file drives the module through
its memory: it writes the arguments there and reads the results, as the canonical ABI says. The component
interface of the package `wasmtime` converts every element of a list by itself, which costs 1 to 5
microseconds for each byte of a payload.

All objects of this package share one instance. A lock lets several threads use it in turn.
"""

from __future__ import annotations

import ctypes
import struct
import threading
import weakref
from array import array
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

from wasmtime import (
    Engine,
    Func,
    FuncType,
    Instance,
    Memory,
    Module,
    Store,
    Trap,
    ValType,
    WasmtimeError,
    _ffi,
)

from . import _abi

_PACKAGE = "wscodec:codec"
_VERSION = "0.1.0"

_PAIRS = struct.Struct("<IIII")


class Call:
    """A function of the instance, called without checks of its arguments.

    `Func.__call__` looks at the types of the function and of each argument, which costs 20 microseconds: as much
    as decoding 40 small messages. The types of these functions are known, so this calls the C API below it.
    The values lie in memory that all calls share: the caller holds the lock.
    """

    def __init__(self, store: Store, function: Func) -> None:
        ty = function.type(store)
        self._count = max(len(ty.params), len(ty.results), 1)
        self._values = (_ffi.wasmtime_val_raw_t * self._count)()
        # A value has 16 bytes, of which a number uses the first 4 or 8.
        words = ctypes.c_uint64 * (2 * self._count)
        self._words = words.from_buffer(self._values)
        self._narrow = [it == ValType.i32() for it in ty.results] == [True]
        self._has_result = bool(ty.results)
        self._function = function
        self._pointer = ctypes.byref(function._func)
        self._context = store._context()
        self._trap = ctypes.POINTER(_ffi.wasm_trap_t)()
        self._trap_pointer = ctypes.byref(self._trap)

    def __call__(self, *arguments: int) -> Any:
        words = self._words
        at = 0
        for argument in arguments:
            words[at] = argument
            at += 2
        error = _ffi.wasmtime_func_call_unchecked(
            self._context, self._pointer, self._values, self._count, self._trap_pointer
        )
        if error:
            raise WasmtimeError._from_ptr(error)
        if self._trap:
            trap, self._trap = self._trap, ctypes.POINTER(_ffi.wasm_trap_t)()
            self._trap_pointer = ctypes.byref(self._trap)
            raise Trap._from_ptr(trap)
        if not self._has_result:
            return None
        return words[0] & 0xFFFF_FFFF if self._narrow else words[0]


class Codec:
    """An instance of the core module."""

    def __init__(self, module: bytes) -> None:
        engine = Engine()
        self._store = Store(engine)
        compiled = Module(engine, module)
        imports = [self._import(entry) for entry in compiled.imports]
        self._exports = Instance(self._store, compiled, imports).exports(self._store)
        memory = self._exports["memory"]
        assert isinstance(memory, Memory)
        self._memory = memory
        self._realloc = Call(self._store, self._function("cabi_realloc"))
        self.lock = threading.RLock()
        self.view = memoryview(b"")
        self._seen = (0, 0)
        initialize = self._exports.get("_initialize")
        if isinstance(initialize, Func):
            initialize(self._store)

    def _import(self, entry: Any) -> Func:
        """The imports of a core module are about handles. A handle is the address of its resource here."""
        assert isinstance(entry.type, FuncType), entry.name
        if entry.type.results:
            return Func(self._store, entry.type, lambda rep: rep)
        return Func(self._store, entry.type, lambda rep: None)

    def _function(self, name: str) -> Func:
        function = self._exports[name]
        assert isinstance(function, Func), name
        return function

    def name(self, interface: str, function: str) -> str:
        """The name of an exported function."""
        return f"{_PACKAGE}/{interface}@{_VERSION}#{function}"

    def function(self, interface: str, function: str) -> Call:
        """An exported function."""
        return Call(self._store, self._function(self.name(interface, function)))

    def post(self, interface: str, function: str) -> Call | None:
        """The function that frees the results of a function, if it has one."""
        post = self._exports.get(f"cabi_post_{self.name(interface, function)}")
        return Call(self._store, post) if isinstance(post, Func) else None

    def destructor(self, interface: str, resource: str) -> Func:
        """The function that frees a resource.

        Python can free an object in the middle of a call, so this is no `Call`, whose values all calls share.
        """
        return self._function(self.name(interface, f"[dtor]{resource}"))

    def destroy(self, destructor: Func, handle: int) -> None:
        """Free a resource."""
        with self.lock:
            destructor(self._store, handle)

    def base(self) -> int:
        """Where the memory of the instance begins in this process."""
        return ctypes.addressof(self._memory.data_ptr(self._store).contents)

    def refresh(self) -> None:
        """Look at the memory again: a call can have made it grow, or moved it."""
        length, base = self._memory.data_len(self._store), self.base()
        if (length, base) != self._seen:
            # A new type for each length costs 20 microseconds, so this is done only if it must be.
            self.view = memoryview((ctypes.c_ubyte * length).from_address(base)).cast("B")
            self._seen = (length, base)

    def allocate(self, size: int, align: int) -> int:
        """See `_abi.Memory`."""
        at: int = self._realloc(0, 0, align, size)
        self.refresh()
        return at

    def copy_in(self, data: Any) -> tuple[int, int]:
        """Copy bytes to the instance as an argument. The caller holds the lock."""
        if not isinstance(data, bytes):
            if isinstance(data, str):
                raise TypeError("a bytes-like object is required, not str")
            data = bytes(data)
        length = len(data)
        if not length:
            return 1, 0
        at: int = self._realloc(0, 0, 1, length)
        ctypes.memmove(self.base() + at, data, length)
        return at, length

    def batch(self, at: int, size: int) -> tuple[bytes, bytes, array[int]]:
        """A batch of so many bytes, and copies of its two lists. The caller holds the lock."""
        base = self.base()
        batch = ctypes.string_at(base + at, size)
        bytes_at, bytes_len, rows_at, rows_len = _PAIRS.unpack_from(batch)
        rows = array("I")
        rows.frombytes(ctypes.string_at(base + rows_at, 4 * rows_len))
        return batch, ctypes.string_at(base + bytes_at, bytes_len), rows


codec = Codec(files(__package__).joinpath("codec.wasm").read_bytes())


class Function:
    """A function with its types, for calls that are not made for each message."""

    def __init__(
        self,
        interface: str,
        function: str,
        parameters: list[_abi.Type],
        returns: _abi.Type | None = None,
    ) -> None:
        self._call = codec.function(interface, function)
        self._post = codec.post(interface, function)
        self._parameters = parameters
        self._returns = returns
        self._in_memory = sum(len(it.flat) for it in parameters) > _abi.MAX_FLAT_PARAMS
        self._through_memory = returns is not None and len(returns.flat) > _abi.MAX_FLAT_RESULTS

    def __call__(self, *values: Any) -> Any:
        with codec.lock:
            flat = self._stored(values) if self._in_memory else self._flat(values)
            return self.raw(*flat)

    def raw(self, *flat: int) -> Any:
        """Call it with flat parameters. The caller holds the lock."""
        out = self._call(*flat)
        if self._returns is None:
            return None
        if not self._through_memory:
            return self._direct(out)
        codec.refresh()
        try:
            return self._returns.load(codec, out)
        finally:
            if self._post is not None:
                self._post(out)

    def _flat(self, values: tuple[Any, ...]) -> list[int]:
        codec.refresh()
        return [
            flat
            for parameter, value in zip(self._parameters, values, strict=True)
            for flat in parameter.lower(codec, value)
        ]

    def _stored(self, values: tuple[Any, ...]) -> list[int]:
        assert len(self._parameters) == 1, "only records have so many parameters"
        (parameter,) = self._parameters
        at = codec.allocate(parameter.size, parameter.align)
        parameter.store(codec, at, values[0])
        return [at]

    def _direct(self, out: int) -> Any:
        assert self._returns is not None
        if isinstance(self._returns, _abi.Variant):
            return self._returns._make(out, None)
        if self._returns is _abi.BOOL:
            return bool(out)
        return out & (1 << 8 * self._returns.size) - 1


class Resource:
    """A resource of the instance. It is freed by `free`, by `with`, or with the Python object."""

    _interface: str
    _resource: str

    def __init__(self, handle: int) -> None:
        self._handle = handle
        destructor = codec.destructor(self._interface, self._resource)
        self._free = weakref.finalize(self, codec.destroy, destructor, handle)
        self._free.atexit = False

    def free(self) -> None:
        """Free this object in the instance. No method can be called afterwards."""
        self._free()
        self._handle = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.free()

    @property
    def _self(self) -> int:
        if not self._handle:
            raise ValueError(f"the {self._resource} was freed")
        return self._handle


class Coder(Resource):
    """A resource that holds memory for messages: an encoder, a decoder or a session."""

    _memory: Any
    _release: Any

    @property
    def memory(self) -> int:
        """Bytes of memory held in the instance."""
        return int(self._memory(self._self))

    def release(self) -> None:
        """Free memory that can be rebuilt for the next message."""
        self._release(self._self)
