"""The Python interface: one network of a file, with everything that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tnc import driver
from tnc.diagnostics import Diagnostic
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
            CompileError: if a budget of the network is broken or the backend is unknown.
        """
        return driver.emit(self._planned, backend)

    def module(self, backend: str = "torch") -> type | ModuleType:
        """The compiled network, ready to use: for ``torch`` the ``nn.Module`` class, else the generated module."""
        from tnc.modules import module_of_source, torch_class

        module = module_of_source(self.name, backend, self.source(backend))
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
    path: str | Path,
    /,
    network: str | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float32",
    device: str | None = None,
    objective: str = "time",
    forward_only: bool = False,
    **arguments: object,
) -> Network:
    """The network of a ``.tn`` file; further keywords are arguments for its parameters.

    Args:
        path: the file.
        network: which of its networks, where several could be meant.
        sizes: sizes of dynamic dimensions to plan for; those not given are 1.
        dtype: what the report counts in.
        device: what is planned for: a name, or the path of a profile; a generic processor if None.
        objective: ``"time"``, ``"flops"`` or ``"memory"``: what the plan is to have as little of as can be found.
        forward_only: plan for the forward pass alone.
        **arguments: Python values for the network's parameters; activations by name.

    Raises:
        CompileError: with everything that is wrong in ``diagnostics``.
    """
    options = _options(network, sizes, dtype, device, objective, forward_only)
    return network_of_source(read_source(path, Limits()), options, arguments)


def loads(
    text: str,
    /,
    network: str | None = None,
    sizes: Mapping[str, int] | None = None,
    dtype: str = "float32",
    device: str | None = None,
    objective: str = "time",
    forward_only: bool = False,
    **arguments: object,
) -> Network:
    """The network of a ``.tn`` text, otherwise as :func:`load`."""
    options = _options(network, sizes, dtype, device, objective, forward_only)
    return network_of_source(Source("<string>", text), options, arguments)


def network_of_source(source: Source, options: driver.Options, arguments: Mapping[str, object]) -> Network:
    """The one network that is meant, else an error that lists those that could be."""
    plain = tuple((name, _plain(value)) for name, value in arguments.items())
    options = replace(options, arguments=plain)
    elaborated = driver.elaborate(source, options)
    example = f"network={elaborated.networks[0].program.name!r}"
    return Network(driver.only(elaborated, example), options, elaborated.warnings)


def _options(
    network: str | None,
    sizes: Mapping[str, int] | None,
    dtype: str,
    device: str | None,
    objective: str,
    forward_only: bool,
) -> driver.Options:
    return driver.Options(
        network,
        sizes=tuple((sizes or {}).items()),
        dtype=dtype,
        device=device,
        objective=objective,
        forward_only=forward_only,
    )


def _plain(value: object) -> object:
    """NumPy's numbers and arrays as Python's, without importing NumPy to know them."""
    convert: Callable[[], object] | None = getattr(value, "tolist", None)
    return value if convert is None else convert()
