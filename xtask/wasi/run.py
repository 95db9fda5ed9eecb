"""Runs a WASI 0.2 command with the network: run.py COMPONENT ARGUMENT...

By the `wasmtime` package. Its `WasiConfig` has no method that gives the network, so the C API's
functions are called.
"""

import hashlib
import os
import signal
import sys

from wasmtime import Engine, ExitTrap, Store, WasiConfig, _ffi
from wasmtime.component import Component, Linker


def load(engine, path):
    """The component: compiled once, kept in this Python's environment, and anew if it has changed."""
    with open(path, "rb") as file:
        code = file.read()
    folder = os.path.join(sys.prefix, "compiled")
    kept = os.path.join(folder, hashlib.sha256(code).hexdigest())
    if os.path.exists(kept):
        return Component.deserialize_file(engine, kept)
    component = Component(engine, code)
    os.makedirs(folder, exist_ok=True)
    half = f"{kept}-{os.getpid()}"
    with open(half, "wb") as file:
        file.write(component.serialize())
    # Another process may have been quicker, which does no harm.
    os.replace(half, kept)
    return component


def entry(store, instance):
    """The command's `run`; its interface is named with the version that it was made for."""
    for patch in range(64):
        name = f"wasi:cli/run@0.2.{patch}"
        interface = instance.get_export_index(store, name)
        if interface is not None:
            index = instance.get_export_index(store, "run", interface)
            return instance.get_func(store, index)
    raise SystemExit("this is no WASI 0.2 command")


# Python would see an interruption only when the command has ended.
signal.signal(signal.SIGINT, signal.SIG_DFL)
engine = Engine()
component = load(engine, sys.argv[1])
linker = Linker(engine)
linker.add_wasip2()
wasi = WasiConfig()
wasi.argv = sys.argv[1:]
wasi.inherit_env()
wasi.inherit_stdin()
wasi.inherit_stdout()
wasi.inherit_stderr()
_ffi.wasi_config_inherit_network(wasi.ptr())
_ffi.wasi_config_allow_ip_name_lookup(wasi.ptr(), True)
store = Store(engine)
store.set_wasi(wasi)
run = entry(store, linker.instantiate(store, component))
try:
    result = run(store)
except ExitTrap as trap:
    sys.exit(trap.code)
# The outcome is the case of a result.
sys.exit(getattr(result, "tag", "ok") != "ok")
