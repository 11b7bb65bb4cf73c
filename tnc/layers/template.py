"""Templates: a name and arguments, which become the network of a weight of given shape."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from tnc import sema
from tnc.api import Network, network_of_source
from tnc.diagnostics import CompileError, Diagnostic, has_errors
from tnc.diagnostics.suggest import did_you_mean, known_names, listed
from tnc.ir.program import Program
from tnc.ir.program_text import TAKEN
from tnc.layers.applied import with_digits
from tnc.options import Options
from tnc.reading import read_source
from tnc.source import Source

TOPOLOGIES: Final = (
    "ttn",
    "attn",
    "attn1",
    "attn2",
    "mera",
    "mera3",
    "brickwall",
    "mps",
    "ring",
    "cp",
    "tucker",
    "lowrank",
)
"""The topologies of ``std.weight``."""

SHAPE: Final = "shape"
"""The parameter of a network that the shape of a layer's weight is bound to."""

_TOPOLOGY: Final = "topology"
_FILE: Final = re.compile(r"(?P<file>.*\.tn)(?::(?P<network>[A-Za-z_][A-Za-z0-9_]*))?", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AXES: Final = ("out", "in", "kd", "kh", "kw")


@dataclass(frozen=True, slots=True)
class Template:
    """A network for weights of any shape, with arguments for its parameters.

    ``network`` is a topology of ``std.weight``, or a file with an optional network: ``"attn"``, ``"mine.tn"``,
    ``"mine.tn:fc2"``. Lists among the arguments are tuples, so that templates can be hashed.
    """

    network: str
    arguments: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        """The template as tables show it: ``attn chi=2``."""
        return " ".join([self.network, *(f"{name}={_shown(value)}" for name, value in self.arguments)])


def make_template(network: str, arguments: Mapping[str, object]) -> Template:
    """A template whose arguments are hashable: lists, also those of NumPy, become tuples."""
    return Template(network, tuple((name, _hashable(value)) for name, value in arguments.items()))


def author_text(template: Template) -> str | None:
    """The text of the file that a template names; None for a topology.

    Raises:
        CompileError: if the file cannot be read.
    """
    match = _FILE.fullmatch(template.network)
    return None if match is None else read_source(match["file"], Options().limits).text


def weight_network(
    template: Template,
    shape: Sequence[int],
    std: float | None = None,
    axes: Sequence[str] | None = None,
    options: Options | None = None,
) -> Network:
    """The network without inputs whose one output ``weight`` has exactly this shape.

    A parameter ``shape: ints`` of the network is bound to the shape.

    Args:
        template: the network and its arguments.
        shape: the shape of the weight.
        std: the deviation that its entries start with; by the rules of the language if None.
        axes: the names of its axes, for messages and start values; by default ``out``, ``in`` and those of a kernel.
        options: how it is compiled.

    Raises:
        CompileError: TN040 for an unknown topology or network, TN041 for an output of another shape, TN042 for a
            network with inputs, TN043 for several outputs, TN044 for an argument that the layer determines; errors of
            the network itself.
    """
    resolved = _resolve(template, tuple(shape), axes, options)
    legs = resolved.legs
    named = ", ".join(f"{axis} = {leg}" for axis, leg in zip(resolved.axes, legs, strict=True))
    declared = "" if std is None else f" std {_number(std)}"
    body = f"  output weight({named}){declared} = {resolved.instance}({', '.join(legs)})"
    return resolved.compiled((body,))


def layer_network(
    template: Template,
    shape: Sequence[int],
    std: float | None = None,
    axes: Sequence[str] | None = None,
    options: Options | None = None,
) -> Network:
    """The same weight applied to data: input ``x(batch?, in)``, output ``y(batch, out)``.

    Its cores have the names, keys and start values of :func:`weight_network`, for data of unit variance. ``shape`` is
    that of a matrix, ``(out, in)``.

    Raises:
        CompileError: as :func:`weight_network`.
        ValueError: if the shape has not two axes.
    """
    if len(shape) != 2:
        raise ValueError(f"a layer on data needs a matrix, not a weight of shape {tuple(shape)}")
    resolved = _resolve(template, tuple(shape), axes, options)
    row, column = resolved.legs
    declared = "" if std is None else f" std {_number(std * math.sqrt(shape[1]))}"
    lines = (
        f"  input {resolved.data}(batch?, {shape[1]})",
        f"  output y(batch, {row}){declared} = {resolved.data}(batch, {column}) * {resolved.instance}({row}, {column})",
    )
    return with_digits(resolved.compiled(lines))


# -- from a template to the text of a wrapper -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Callee:
    """The network that a template names: how a text calls it, its parameters with their types, and its file.

    ``names`` are what its file exports, ``module`` the name under which the text imports the file.
    """

    imports: str
    called: str
    types: Mapping[str, str]
    fixed: Mapping[str, str]
    library: sema.Library
    network: str
    module: str | None = None
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A template that fits the shape, ready to be wrapped."""

    callee: _Callee
    template: Template
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    options: Options

    @property
    def legs(self) -> tuple[str, ...]:
        """A leg for every axis of the weight."""
        return tuple(f"axis{number}" for number in range(len(self.shape)))

    @property
    def instance(self) -> str:
        """What the wrapper calls its instance of the network; keys of parameters begin with it."""
        return self._free("w")

    @property
    def data(self) -> str:
        """What the wrapper calls its input."""
        return self._free("x")

    def _free(self, name: str) -> str:
        taken = {*self.callee.types, self.callee.module}
        while name in taken:
            name += "_"
        return name

    def compiled(self, body: Sequence[str]) -> Network:
        """The network ``weight`` with this body, which has the instance."""
        given = {name: value for name, value in self.template.arguments if name not in self.callee.fixed}
        declared = ", ".join(f"{name}: {self.callee.types[name]}" for name in given)
        bound = [f"{name} = {text}" for name, text in self.callee.fixed.items()]
        if SHAPE in self.callee.types:
            bound.append(f"{SHAPE} = [{', '.join(map(str, self.shape))}]")
        bound += [f"{name} = {name}" for name in given]
        lines = [
            *filter(None, [self.callee.imports]),
            f"network weight({declared}) {{",
            *(line for line in body if line.lstrip().startswith("input ")),
            f"  let {self.instance} = {self.callee.called}({', '.join(bound)})",
            *(line for line in body if not line.lstrip().startswith("input ")),
            "}",
            "",
        ]
        arguments = {name: self._argument(name, value) for name, value in given.items()}
        options = replace(self.options, network="weight", sizes=_sizes_of(body, self.options))
        return network_of_source(Source("<weight>", "\n".join(lines)), options, arguments)

    def _argument(self, name: str, value: object) -> object:
        """The value; a function that the file declares is named by its module."""
        if self.callee.types[name] == "fn" and isinstance(value, str) and value in self.callee.names:
            return Source(f"argument {name}", f"{self.callee.module}.{value}")
        return value


def _sizes_of(body: Sequence[str], options: Options) -> tuple[tuple[str, int], ...]:
    """The sizes of dynamic dimensions that the wrapper has."""
    dynamic = any("batch?" in line for line in body)
    return tuple((name, size) for name, size in options.sizes if dynamic and name == "batch")


def _resolve(
    template: Template, shape: tuple[int, ...], axes: Sequence[str] | None, options: Options | None
) -> _Resolved:
    options = options or Options()
    named = _axis_names(len(shape)) if axes is None else tuple(axes)
    callee = _callee(template, options)
    wrong = [*_wrong_arguments(template, callee)]
    if wrong:
        raise CompileError(wrong)
    arguments = dict(template.arguments)
    if SHAPE in callee.types:
        arguments[SHAPE] = shape
    program, found = sema.elaborate(callee.library, callee.network, arguments)
    if program is None or has_errors(found):
        raise CompileError(found)
    misfits = tuple(_misfits(template, program, shape, named, SHAPE in callee.types))
    if misfits:
        raise CompileError(misfits)
    return _Resolved(callee, template, shape, named, options)


def _axis_names(count: int) -> tuple[str, ...]:
    """Names for the axes of a weight: ``out``, ``in``, and those of a kernel, the last of which is ``kw``."""
    if count > len(_AXES):
        return tuple(f"axis{number}" for number in range(count))
    return (*_AXES[: min(count, 2)], *_AXES[len(_AXES) - max(count - 2, 0) :])


def _callee(template: Template, options: Options) -> _Callee:
    """The network that a template names.

    Raises:
        CompileError: TN040 for an unknown one, TN001 and syntax errors for its file.
    """
    match = _FILE.fullmatch(template.network)
    if match is not None:
        return _callee_of_file(template, match["file"], match["network"], options)
    if template.network not in TOPOLOGIES:
        raise CompileError((_unknown_topology(template.network),))
    text = f'network weight = std.weight({_TOPOLOGY} = "{template.network}")\n'
    library, found = sema.load(Source("<weight>", text), options.limits)
    if has_errors(found):
        raise CompileError(found)
    types = {parameter.name: parameter.type for parameter in library.networks["weight"].parameters}
    return _Callee("", "std.weight", types, {_TOPOLOGY: f'"{template.network}"'}, library, "weight")


def _callee_of_file(template: Template, path: str, network: str | None, options: Options) -> _Callee:
    library, found = sema.load(read_source(path, options.limits), options.limits)
    if has_errors(found):
        raise CompileError(found)
    name = network or _only_network(library, path)
    if name not in library.networks:
        message = f"`{path}` declares no network `{name}`"
        raise CompileError((Diagnostic("TN040", message, help=known_names("network", name, library.networks)),))
    types = {parameter.name: parameter.type for parameter in library.networks[name].parameters}
    stem = Path(path).stem
    module = stem if _NAME.fullmatch(stem) and stem not in TAKEN and stem != "weight" else "file"
    while module in types:
        module += "_"
    quoted = Path(path).absolute().as_posix().replace("\\", "\\\\").replace('"', '\\"')
    imports = f'import "{quoted}" as {module}'
    names = frozenset(library.module.members)
    return _Callee(imports, f"{module}.{name}", types, {}, library, name, module, names)


def _only_network(library: sema.Library, path: str) -> str:
    """The one network of a file, or the one with a parameter ``shape``.

    Raises:
        CompileError: TN040 if the file has none, or several could be meant.
    """
    names = tuple(library.networks)
    shaped = tuple(name for name in names if SHAPE in library.parameters(name))
    for candidates in (names, shaped):
        if len(candidates) == 1:
            return candidates[0]
    if not names:
        raise CompileError(
            (Diagnostic("TN040", f"`{path}` declares no network", help="declare one that gives a weight"),)
        )
    message = f"several networks of `{path}` could be meant: {listed(shaped or names)}"
    raise CompileError((Diagnostic("TN040", message, help=f"name one, as in `{path}:{(shaped or names)[0]}`"),))


def _unknown_topology(name: str) -> Diagnostic:
    near = did_you_mean(name, TOPOLOGIES)
    listing = f"topologies are {listed(TOPOLOGIES)}; a file of your own ends in `.tn`, as in `mine.tn:fc2`"
    return Diagnostic("TN040", f"unknown topology `{name}`", help=near or listing)


def _wrong_arguments(template: Template, callee: _Callee) -> Iterator[Diagnostic]:
    """A diagnostic for each argument that the layer determines, or that the network does not take."""
    known = [name for name in callee.types if name != SHAPE]
    for name, _ in template.arguments:
        if name == SHAPE and SHAPE in callee.types:
            message = f"the argument `{SHAPE}` of `{template.network}` is the shape of the layer's weight"
            yield Diagnostic("TN044", message, help=f"leave `{SHAPE}` out")
        elif name in callee.fixed:
            message = f"the argument `{name}` repeats the topology `{template.network}`"
            yield Diagnostic("TN044", message, help=f"leave `{name}` out, or name another topology in its place")
        elif name not in callee.types:
            message = f"unknown parameter `{name}` of `{template.network}`"
            parameters = f"its parameters are {listed(known)}" if known else "it has no parameters"
            yield Diagnostic("TN006", message, help=did_you_mean(name, known) or parameters)


def _misfits(
    template: Template, program: Program, shape: tuple[int, ...], axes: tuple[str, ...], has_shape: bool
) -> Iterator[Diagnostic]:
    """What keeps a network from being the weight: inputs, several outputs, another shape."""
    what = f"network `{template.network}`"
    if program.inputs:
        message = f"{what} has {listed(f'{given.name}' for given in program.inputs)} as input, and a weight has none"
        yield Diagnostic("TN042", message, help="name a network whose output is the weight itself")
        return
    if len(program.outputs) != 1:
        names = listed(output.name for output in program.outputs)
        yield Diagnostic("TN043", f"{what} has {len(program.outputs)} outputs: {names}", help="keep one: the weight")
        return
    given = program.shapes()[program.outputs[0].tensor]
    advice = (
        f"its output must have the shape that its parameter `{SHAPE}` gives"
        if has_shape
        else f"give the network a parameter `{SHAPE}: ints`, which is bound to the shape of the layer"
    )
    if len(given) != len(shape):
        message = f"the output of {what} has {len(given)} axes, expected {len(shape)}: {_dims(shape)}"
        yield Diagnostic("TN041", message, help=advice)
        return
    for axis, found, expected in zip(axes, given, shape, strict=True):
        if found != expected:
            message = f"axis `{axis}` of the output of {what} has {found} entries, expected {expected}"
            yield Diagnostic("TN041", message, help=advice)


# -- values as text -----------------------------------------------------------------------------------


def _dims(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _number(value: float) -> str:
    """A number of the language, to nine digits."""
    return f"{value:.9g}"


def _shown(value: object) -> str:
    return f"[{', '.join(map(_shown, cast('tuple[object, ...]', value)))}]" if isinstance(value, tuple) else str(value)


def _hashable(value: object) -> object:
    convert: object = getattr(value, "tolist", None)
    if callable(convert) and not isinstance(value, type):
        value = convert()
    if isinstance(value, list | tuple):
        return tuple(_hashable(each) for each in cast("Sequence[object]", value))
    return value
