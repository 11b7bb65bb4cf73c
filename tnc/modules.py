"""Generated text becomes a Python module in this process."""

from __future__ import annotations

import copyreg
import linecache
import re
import sys
from hashlib import sha256
from types import ModuleType
from typing import Any, Final

from tnc.extras import missing

_ORIGIN: Final = "__tnc_origin__"
"""The attribute of a module with the arguments of :func:`module_of_source`."""


def module_of_source(network: str, backend: str, source: str) -> ModuleType:
    """Execute a generated module; the same text gives the same module.

    Its name is made from the text, so that classes pickle within the process and no two texts share one. The text goes
    to ``linecache``, so that tracebacks show it.

    Raises:
        CompileError: TN024 if the framework is not installed.
    """
    digest = sha256(source.encode()).hexdigest()[:16]
    name = f"tnc_generated_{re.sub(r'[^0-9A-Za-z_]', '_', network)}_{backend}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    file_name = f"<{name}>"
    linecache.cache[file_name] = (len(source), None, source.splitlines(keepends=True), file_name)
    module = ModuleType(name)
    module.__file__ = file_name
    setattr(module, _ORIGIN, (network, backend, source))
    sys.modules[name] = module
    try:
        exec(compile(source, file_name, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            raise missing(error.name, f"the {backend} module of `{network}` cannot be loaded") from None
        raise
    return module


def torch_class(module: ModuleType) -> type:
    """The one ``nn.Module`` class that a generated torch module defines.

    Its instances pickle together with the text, so that a process that has never compiled the network can load them.
    """
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and issubclass(value, module.nn.Module)
    ]
    (found,) = classes
    copyreg.pickle(found, _reduced)
    return found


def _reduced(instance: Any) -> tuple[Any, ...]:
    """How an instance of a generated class is copied and pickled: by the text of its module, and its state."""
    return _empty, vars(sys.modules[type(instance).__module__])[_ORIGIN], instance.__getstate__()


def _empty(network: str, backend: str, source: str) -> object:
    """An instance without state of the class that a text defines."""
    found: type[object] = torch_class(module_of_source(network, backend, source))
    return object.__new__(found)
