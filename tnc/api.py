"""The Python interface: one network of a file, with everything that can be asked of it."""

from __future__ import annotations

import inspect
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import TYPE_CHECKING, SupportsIndex, cast

from tnc import driver
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.program import Output, Parameter, Program
from tnc.limits import Limits
from tnc.options import DTYPES, Options
from tnc.reading import read_source
from tnc.source import Source

if TYPE_CHECKING:
    import networkx
    import torch

    from tnc.report import Explanation, Report


@dataclass(frozen=True)
class Network:
    """A network with all its arguments; what is costly is computed when it is first asked for.

    ``warnings`` are what ``tnc check`` would print.
    """

    initialised: driver.Initialised = field(repr=False)
    options: Options = field(repr=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), repr=False)
    _plans: dict[str, driver.Planned] = field(
        default_factory=dict[str, driver.Planned], init=False, repr=False, compare=False
    )

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

    def report(self, backend: str = "torch") -> Report:
        """What the network costs: ``str()`` for people, ``to_dict()`` as ``tnc report --json``.

        Raises:
            CompileError: if the backend is unknown, or the network cannot be planned for it.
            TypeError: if the backend is not a string.
        """
        from tnc.report import Report

        return Report((self._planned(backend).report,))

    def explain(self, backend: str = "torch") -> Explanation:
        """The candidates and why one was chosen: ``str()`` for people, ``to_dict()`` as ``tnc explain --json``.

        Raises:
            CompileError, TypeError: as :meth:`report`.
        """
        from tnc.report import Explanation

        return Explanation((driver.explain(self._planned(backend)),))

    def source(self, backend: str = "torch") -> str:
        """The text of a stand-alone module.

        Raises:
            CompileError: if a budget of the network is broken, or the backend is unknown or cannot run the network.
            TypeError: if the backend is not a string.
        """
        return driver.emit(self._planned(backend), backend)

    def module(self, backend: str = "torch") -> type | ModuleType:
        """The compiled network, ready to use: for ``torch`` the ``nn.Module`` class, else the generated module.

        The module exists in this process only, under a name made from its text. Instances of the class for ``torch``
        pickle with that text, and load in any process that has ``tnc``; one that has not needs the file of
        ``tnc compile``.

        Raises:
            CompileError: as :meth:`source`, and TN024 if the framework is not installed.
        """
        from tnc.modules import module_of_source, torch_class

        source = self.source(backend)
        module = module_of_source(self.name, backend, source)
        return torch_class(module) if backend == "torch" else module

    def torch(self) -> type[torch.nn.Module]:
        """The ``nn.Module`` class, as ``module("torch")`` gives it."""
        return cast("type[torch.nn.Module]", self.module("torch"))

    def jax(self) -> ModuleType:
        """The JAX module, as ``module("jax")`` gives it."""
        return cast("ModuleType", self.module("jax"))

    def numpy(self) -> ModuleType:
        """The NumPy module, as ``module("numpy")`` gives it."""
        return cast("ModuleType", self.module("numpy"))

    def expand(self) -> str:
        """The network as a flat ``.tn`` file, without loops and instances."""
        from tnc.ir import program_text

        return program_text(self.program)

    def graph(self) -> networkx.Graph[str]:
        """The network as a graph: tensors are nodes, legs are edges, hyperedges nodes of their own.

        Raises:
            CompileError: TN024 if networkx is not installed; the extra ``graph`` has it.
        """
        from tnc.ir import graph

        return graph(self.program)

    def _planned(self, backend: str) -> driver.Planned:
        backend = text_of("`backend`", "a string: torch, jax or numpy", backend)
        if backend not in self._plans:
            self._plans[backend] = driver.plan(self.initialised, self.options, backend)
        return self._plans[backend]


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
    file = _path("`path`", "the path of a .tn file, as a string or a `pathlib.Path`", path)
    options = _options(network, sizes, dtype, device, objective, forward_only, input_grads)
    return network_of_source(read_source(file, Limits()), options, _arguments(args, arguments))


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
    source = Source("<string>", text_of("`text`", "the text of a .tn file, as a string", text))
    options = _options(network, sizes, dtype, device, objective, forward_only, input_grads)
    return network_of_source(source, options, _arguments(args, arguments))


def network_of_source(source: Source, options: Options, arguments: Mapping[str, object]) -> Network:
    """The one network that is meant, else an error that lists those that could be."""
    plain = tuple((name, _plain(value)) for name, value in arguments.items())
    options = replace(options, arguments=plain, neighbours=_option_names())
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


def text_of(what: str, wanted: str, given: object) -> str:
    """An argument as a string.

    Raises:
        TypeError: as :func:`expected` says.
    """
    if not isinstance(given, str):
        raise expected(what, wanted, given)
    return given


def integer(what: str, wanted: str, given: object) -> int:
    """An argument as an integer: Python's, NumPy's, or that of a tensor of one entry.

    Raises:
        TypeError: as :func:`expected` says.
    """
    try:
        if not isinstance(given, bool):
            return operator.index(cast("SupportsIndex", given))
    except Exception:  # each framework raises its own for what is not an integer
        pass
    raise expected(what, wanted, given)


def _option_names() -> tuple[str, ...]:
    """The options of :func:`load`, one of which a misspelt argument may have meant."""
    parameters = inspect.signature(load).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD)


def _options(
    network: object,
    sizes: object,
    dtype: object,
    device: object,
    objective: object,
    forward_only: object,
    input_grads: object,
) -> Options:
    """The options of the driver.

    Raises:
        TypeError: for an option of the wrong type.
        CompileError: TN007 for a size that is not positive.
    """
    if network is not None:
        network = text_of("`network`", "the name of a network, as a string", network)
    if device is not None:
        device = _path("`device`", "the name of a device or the path of its profile", device)
    return Options(
        network,
        sizes=_sizes(sizes),
        dtype=text_of("`dtype`", f"a string, one of {', '.join(DTYPES)}", dtype),
        device=device,
        objective=text_of("`objective`", "a string: time, flops or memory", objective),
        forward_only=_truth("`forward_only`", forward_only),
        input_grads=_truth("`input_grads`", input_grads),
    )


def _truth(what: str, given: object) -> bool:
    """True or False, also NumPy's, which are none of Python's.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(given, str) or str(given) not in ("True", "False"):
        raise expected(what, "True or False", given)
    return bool(given)


def _path(what: str, wanted: str, given: object) -> str:
    """A path as a string.

    Raises:
        TypeError: for what is neither a string nor a path, and for a path of bytes.
    """
    if not isinstance(given, str | os.PathLike):
        raise expected(what, wanted, given)
    return text_of(what, wanted, os.fspath(cast("os.PathLike[str]", given)))


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
        TypeError: if ``args`` is not a mapping of names, or repeats a keyword.
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
    """Convert NumPy's numbers and arrays to Python's without importing NumPy; other values stay as they are."""
    convert: object = getattr(value, "tolist", None)
    if not callable(convert) or isinstance(value, type):
        return value
    try:
        plain: object = convert()
    except Exception:  # as that of a tracer, or of a tensor on the meta device
        return value
    return plain
