"""The Python interface: one network of a file, with everything that can be asked of it."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Final, SupportsIndex, cast

from tnc import driver
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.program import Output, Parameter, Program
from tnc.limits import Limits
from tnc.reading import read_source
from tnc.source import Source

if TYPE_CHECKING:
    import networkx

    from tnc.report import Explanation, Report


@dataclass(frozen=True)
class Network:
    """A network with all its arguments; what is costly is computed when it is first asked for.

    ``warnings`` are what ``tnc check`` would print.
    """

    initialised: driver.Initialised = field(repr=False)
    options: driver.Options = field(repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        """The network's name and arguments."""
        arguments = ", ".join(f"{name}={value}" for name, value in self.program.arguments)
        return f"<tnc.Network {self.name}({arguments})>"

    @property
    def program(self) -> Program:
        """What the network means."""
        return self.initialised.program

    @property
    def name(self) -> str:
        """The network's name in its file."""
        return self.program.name

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The cores, frozen ones included, in the order of their declaration; each has ``name`` and ``shape``."""
        return self.program.parameters

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs in the order of the file."""
        return self.program.outputs

    def report(self) -> Report:
        """What the network costs: ``str()`` for people, ``to_dict()`` as ``tnc report --json``."""
        from tnc.report import Report

        return Report((self._planned.report,))

    def explain(self) -> Explanation:
        """What the planner tried and why it chose: ``str()`` for people, ``to_dict()`` as ``tnc explain --json``."""
        from tnc.report import Explanation

        return Explanation((driver.explain(self._planned, self.options),))

    def source(self, backend: str = "torch") -> str:
        """The text of a stand-alone module.

        Raises:
            CompileError: if a budget of the network is broken, or the backend is unknown or cannot run the network.
            TypeError: if the backend is no string.
        """
        if not isinstance(backend, str):
            raise expected("`backend`", "a string: torch, jax or numpy", backend)
        return driver.emit(self._planned, backend)

    def module(self, backend: str = "torch") -> type | ModuleType:
        """The compiled network, ready to use: for ``torch`` the ``nn.Module`` class, else the generated module.

        The module exists in this process only, under a name made from its text. Instances and results pickle here; for
        another process, where unpickling imports their class, write the module to a file with ``tnc compile``.
        """
        from tnc.modules import module_of_source, torch_class

        source = self.source(backend)
        module = module_of_source(self.name, backend, source)
        return torch_class(module) if backend == "torch" else module

    def expand(self) -> str:
        """The network as a flat ``.tn`` file, without loops and instances."""
        from tnc.ir import program_text

        return program_text(self.program)

    def graph(self) -> networkx.Graph[str]:
        """The network as a graph: tensors are nodes, legs are edges, hyperedges nodes of their own."""
        from tnc.ir import graph

        return graph(self.program)

    @cached_property
    def _planned(self) -> driver.Planned:
        return driver.plan(self.initialised, self.options)


def load(
    path: str | os.PathLike[str],
    /,
    network: str | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float32",
    device: str | os.PathLike[str] | None = None,
    objective: str = "time",
    forward_only: bool = False,
    input_grads: bool = True,
    args: Mapping[str, object] | None = None,
    **arguments: object,
) -> Network:
    """The network of a ``.tn`` file; further keywords are arguments for its parameters.

    Args:
        path: the file.
        network: which of its networks, where several could be meant.
        sizes: sizes of dynamic dimensions to plan for; those not given are 1.
        dtype: what the report counts in.
        device: what is planned for: a name, or the path of a profile; a generic processor if None.
        objective: what the plan minimises: ``"time"``, ``"flops"`` or ``"memory"``.
        forward_only: plan for the forward pass alone.
        input_grads: count and plan for gradients of the inputs; False for a first layer, whose data need none.
        args: arguments as a mapping, for networks whose parameters are called like one of these options.
        **arguments: Python values for the network's parameters; activations by name.

    Raises:
        CompileError: with everything that is wrong in ``diagnostics``.
        TypeError: for an option of another type.
    """
    if not isinstance(path, str | os.PathLike):
        raise expected("`path`", "the path of a .tn file, as a string or a `pathlib.Path`", path)
    options = _options(network, sizes, dtype, device, objective, forward_only, input_grads)
    return network_of_source(read_source(_path(path), Limits()), options, _arguments(args, arguments))


def loads(
    text: str,
    /,
    network: str | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float32",
    device: str | os.PathLike[str] | None = None,
    objective: str = "time",
    forward_only: bool = False,
    input_grads: bool = True,
    args: Mapping[str, object] | None = None,
    **arguments: object,
) -> Network:
    """The network of a ``.tn`` text, otherwise as :func:`load`."""
    if not isinstance(text, str):
        raise expected("`text`", "the text of a .tn file, as a string", text)
    options = _options(network, sizes, dtype, device, objective, forward_only, input_grads)
    return network_of_source(Source("<string>", text), options, _arguments(args, arguments))


def network_of_source(source: Source, options: driver.Options, arguments: Mapping[str, object]) -> Network:
    """The one network that is meant, else an error that lists those that could be."""
    plain = tuple((name, _plain(value)) for name, value in arguments.items())
    options = replace(options, arguments=plain, neighbours=_OPTIONS)
    elaborated = driver.elaborate(source, options)
    example = f"network={elaborated.networks[0].program.name!r}"
    return Network(driver.only(elaborated, example), options, elaborated.warnings)


def expected(what: str, wanted: str, given: object) -> TypeError:
    """The error of an argument of the wrong type: what was expected, and what was given."""
    try:
        shown = " ".join(repr(given).split())
    except Exception:  # as of integers of many thousand digits
        shown = ""
    shown = f"{shown[:59]}…" if len(shown) > 60 else shown
    kind = type(given).__name__
    named = shown if given is None else f"a value of type `{kind}`" + (f": {shown}" if shown else "")
    return TypeError(f"{what} must be {wanted}, not {named}")


def integer(what: str, wanted: str, given: object) -> int:
    """An argument as an integer: Python's, NumPy's, or that of a tensor of one entry.

    Raises:
        TypeError: as :func:`expected` says.
    """
    try:
        if not isinstance(given, bool):
            return operator.index(cast("SupportsIndex", given))
    except Exception:  # each framework has its own for what is no integer
        pass
    raise expected(what, wanted, given)


_OPTIONS: Final = ("network", "sizes", "dtype", "device", "objective", "forward_only", "input_grads", "args")


def _options(
    network: object,
    sizes: object,
    dtype: object,
    device: object,
    objective: object,
    forward_only: object,
    input_grads: object,
) -> driver.Options:
    """The options of the driver.

    Raises:
        TypeError: for an option of the wrong type.
        CompileError: TN007 for a size that is not positive.
    """
    if not isinstance(network, str | None):
        raise expected("`network`", "the name of a network, as a string", network)
    if not isinstance(dtype, str):
        raise expected("`dtype`", f"a string, one of {', '.join(driver.DTYPES)}", dtype)
    if not isinstance(device, str | os.PathLike | None):
        raise expected("`device`", "the name of a device or the path of its profile", device)
    if not isinstance(objective, str):
        raise expected("`objective`", "a string: time, flops or memory", objective)
    if str(forward_only) not in ("True", "False"):  # NumPy's booleans are none of Python's
        raise expected("`forward_only`", "True or False", forward_only)
    if str(input_grads) not in ("True", "False"):
        raise expected("`input_grads`", "True or False", input_grads)
    return driver.Options(
        network,
        sizes=_sizes(sizes),
        dtype=dtype,
        device=None if device is None else _path(device),
        objective=objective,
        forward_only=bool(forward_only),
        input_grads=bool(input_grads),
    )


def _path(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if not isinstance(text, str):
        raise expected("a path", "a string", text)
    return text


def _sizes(sizes: object) -> tuple[tuple[str, int], ...]:
    if sizes is None:
        return ()
    if not isinstance(sizes, Mapping):
        raise expected("`sizes`", 'a mapping of names to integers, such as `{"batch": 64}`', sizes)
    found: list[tuple[str, int]] = []
    for name, size in cast("Mapping[object, object]", sizes).items():
        if not isinstance(name, str):
            raise expected("a name in `sizes`", "a string", name)
        found.append((name, integer(f"the size of `{name}`", "a positive integer", size)))
    wrong = [(name, size) for name, size in found if not 0 < size < 10**18]
    if wrong:
        raise CompileError(_bad_size(name, size) for name, size in wrong)
    return tuple(found)


def _bad_size(name: str, size: int) -> Diagnostic:
    shown = f"`{size}`" if abs(size) < 10**18 else "an integer of more than 18 digits"
    message = f"{shown} cannot be the size of the dynamic dimension `{name}`"
    return Diagnostic("TN007", message, help="sizes are positive integers of at most 18 digits")


def _arguments(args: object, arguments: Mapping[str, object]) -> Mapping[str, object]:
    """The arguments of both kinds.

    Raises:
        TypeError: if ``args`` is no mapping of names, or repeats a keyword.
    """
    if args is None:
        return arguments
    if not isinstance(args, Mapping):
        raise expected("`args`", 'a mapping of parameters to values, such as `{"chi": 4}`', args)
    given = cast("Mapping[object, object]", args)
    together = dict(arguments)
    for name, value in given.items():
        if not isinstance(name, str):
            raise expected("a name in `args`", "a string", name)
        if name in arguments:
            raise TypeError(f"the argument `{name}` is given twice: as a keyword and in `args`")
        together[name] = value
    return together


def _plain(value: object) -> object:
    """NumPy's scalars as Python's, without importing NumPy to know them; what has no values is told of later."""
    convert: object = getattr(value, "tolist", None)
    if not callable(convert) or isinstance(value, type):
        return value
    try:
        plain: object = convert()
    except Exception:  # as that of a tracer, or of a tensor on the meta device
        return value
    return plain
