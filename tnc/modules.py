"""Generated text becomes a Python module in this process."""

from __future__ import annotations

import linecache
import re
import sys
from hashlib import sha256
from types import ModuleType

from tnc.extras import missing


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
    """The one ``nn.Module`` class that a generated torch module defines."""
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and issubclass(value, module.nn.Module)
    ]
    (found,) = classes
    return found
