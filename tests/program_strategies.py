"""Random valid Programs, for laws that hold of all of them.

Statements are drawn one after the other over the tensors that exist by then, so that values are reused, contracted
with themselves, conjugated, diagonal, embedded, broadcast, cropped and reshaped; what elaboration would never write
(a copy of a tensor, a sum of one term) is drawn as well, unless ``elaborated`` asks for Programs that print and parse
back.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from tnc.ir.legs import contract, sum_of, used_tensors
from tnc.ir.program import (
    Apply,
    Argument,
    Auto,
    Constant,
    Contract,
    CoreName,
    Crop,
    Delta,
    Dim,
    Entries,
    Factor,
    FlatCrop,
    Glorot,
    He,
    Identity,
    Init,
    Input,
    Literal,
    Normal,
    Normalize,
    Numbers,
    OneHot,
    Ones,
    Orthogonal,
    Output,
    Parameter,
    Pointwise,
    Program,
    Reshape,
    Scalar,
    Select,
    Statement,
    Sum,
    Term,
    Uniform,
    Use,
    Values,
    View,
    statement_shape,
)

Shapes = dict[str, tuple[Dim, ...]]

_ELEMENTS = 256
_DIMS = st.sampled_from([1, 2, 2, 3, 4])
_NUMBERS = st.sampled_from([0.5, -1.0, 2.0, -0.25, 3.0])


def _unary(name: str) -> Scalar:
    return Apply(name, (Argument(0),))


_FUNCTIONS: tuple[tuple[str, Scalar], ...] = (
    ("relu", _unary("relu")),
    ("tanh", _unary("tanh")),
    ("gelu", _unary("gelu")),
    ("leaky_relu", Apply("leaky_relu", (Argument(0), Literal(0.1)))),
    ("sin", Apply("sin", (Argument(0), Literal(2.0)))),
    ("mine", Apply("add", (Argument(0), Apply("mul", (Literal(-0.5), _unary("tanh")))))),
)
_WITH_SCALAR: tuple[tuple[str, Scalar], ...] = (
    ("prelu", Apply("prelu", (Argument(0), Argument(1)))),
    ("bent", Apply("sub", (Argument(0), Apply("mul", (Argument(1), Apply("pow", (Argument(0), Literal(2.0)))))))),
)


def _inits(elements: int) -> st.SearchStrategy[Init]:
    numbers = st.sampled_from([0.0, 1.0, -0.5, 1e-9, 2.5e20])
    return st.one_of(
        st.sampled_from([Auto(), Auto(), Normal(0.5), Uniform(-1.0, 1.0), Uniform(0.0, 2.0), Glorot(), He()]),
        st.sampled_from([Orthogonal(1.0), Orthogonal(0.1), Identity(0.0), Identity(0.1)]),
        st.builds(Constant, numbers),
        st.builds(Entries, st.lists(numbers, min_size=elements, max_size=elements).map(tuple)),
    )


@st.composite
def programs(
    draw: st.DrawFn, *, elaborated: bool = False, complex_valued: bool = False, dynamic: bool = True
) -> Program:
    """A Program of a few cores and up to nine statements.

    ``complex_valued`` leaves out what is real only (activations, ``rms``); ``dynamic`` lets an input have a ``batch?``.
    """
    shapes: Shapes = {}
    parameters: list[Parameter] = []
    for number in range(draw(st.integers(1, 4))):
        shape = tuple(draw(st.lists(_DIMS, max_size=3)))
        name = CoreName(draw(st.sampled_from(["", "t", "t[0].u"])), "g", (number,))
        inputs_before = draw(st.integers(0, len(shape)))
        init = draw(_inits(math.prod(shape)))
        random = isinstance(init, Normal | Uniform | Identity | Glorot | He)
        seed = draw(st.none() | st.integers(0, 2**64 - 1)) if random else None
        frozen = seed is not None or draw(st.booleans())
        parameters.append(Parameter(name, shape, inputs_before, init, frozen, seed=seed))
        shapes[str(name)] = shape
    inputs: list[Input] = []
    if draw(st.booleans()):
        tail = tuple(draw(st.lists(_DIMS, max_size=2)))
        given: tuple[Dim, ...] = ("batch", *tail) if dynamic and draw(st.booleans()) else tail
        known: list[Values] = [Numbers(), Numbers(0.1)]
        inputs.append(Input("x", given, draw(st.sampled_from([*known, OneHot()] if tail else known))))
        shapes["x"] = inputs[0].shape
    builder = _Builder(shapes, elaborated, complex_valued)
    statements: list[Statement] = []
    for number in range(draw(st.integers(1, 9))):
        statement = builder.statement(draw, f"h[{number}]")
        if statement is None:
            continue
        statements.append(statement)
        shapes[statement.name] = statement_shape(statement, shapes)
    names = draw(st.lists(st.sampled_from(list(shapes)), min_size=1, max_size=2))
    if statements:
        names.append(statements[-1].name)
    outputs = tuple(Output(f"y{number}", name, (None,) * len(shapes[name]), None) for number, name in enumerate(names))
    program = Program("random", tuple(parameters), tuple(inputs), tuple(statements), outputs)
    return pruned(program) if elaborated else program


def pruned(program: Program) -> Program:
    """The Program without cores and statements that no output needs, as elaboration leaves it."""
    needed = {output.tensor for output in program.outputs}
    statements: list[Statement] = []
    for statement in reversed(program.statements):
        if statement.name in needed:
            statements.append(statement)
            needed.update(used_tensors(statement))
    parameters = tuple(parameter for parameter in program.parameters if str(parameter.name) in needed)
    return replace(program, parameters=parameters, statements=tuple(reversed(statements)))


class _Builder:
    def __init__(self, shapes: Shapes, elaborated: bool, complex_valued: bool) -> None:
        self._shapes = shapes
        self._elaborated = elaborated
        self._complex = complex_valued

    def statement(self, draw: st.DrawFn, name: str) -> Statement | None:
        kinds = ["contract", "contract", "contract", "sum", "view"]
        if not self._complex:
            kinds += ["pointwise", "normalize"]
        match draw(st.sampled_from(kinds)):
            case "contract":
                return self._contract(draw, name)
            case "sum":
                return self._sum(draw, name)
            case "view":
                return self._view(draw, name)
            case "pointwise":
                return self._pointwise(draw, name)
            case _:
                return Normalize(name, draw(st.sampled_from(list(self._shapes))))

    def _contract(self, draw: st.DrawFn, name: str) -> Contract | None:
        """Factors on shared legs; each leg is summed or shown, at random, within a bound on the result."""
        dims: list[Dim] = []

        def leg(dim: Dim) -> int:
            known = [number for number, other in enumerate(dims) if other == dim]
            if len(known) > 0 and draw(st.booleans()):
                return draw(st.sampled_from(known))
            dims.append(dim)
            return len(dims) - 1

        factors: list[Factor] = []
        for _ in range(draw(st.integers(0 if not self._elaborated else 1, 3))):
            tensor = draw(st.sampled_from(list(self._shapes)))
            factors.append(Use(tensor, tuple(leg(dim) for dim in self._shapes[tensor]), draw(st.booleans())))
        known = list(range(len(dims)))
        if len(known) > 0 and draw(st.integers(0, 3)) == 0:
            first = draw(st.sampled_from(known))
            factors.append(Delta((first, leg(dims[first]), *([first] if draw(st.booleans()) else []))))
        if dims and draw(st.integers(0, 3)) == 0:
            factors.append(Ones((draw(st.sampled_from(range(len(dims)))),)))
        shown = draw(st.permutations([number for number in range(len(dims)) if draw(st.booleans())]))
        if self._elaborated:
            counts = [0] * len(dims)
            for held in (*(factor.legs for factor in factors), shown):
                for number in held:
                    counts[number] += 1
            lonely = tuple(number for number, count in enumerate(counts) if count == 1)
            if lonely:
                factors.append(Ones(lonely))
        if _size([dims[number] for number in shown]) > _ELEMENTS or len(dims) > 8:
            return None
        scale = draw(st.one_of(st.just(1.0), _NUMBERS))
        statement = contract(name, factors, shown, dims, scale=scale)
        if self._elaborated and scale == 1.0 and len(factors) == 1 and isinstance(factors[0], Use):
            # What is only a name for another tensor would be no statement.
            return None
        return statement

    def _sum(self, draw: st.DrawFn, name: str) -> Sum | None:
        """A tensor, plus tensors whose dimensions are found among its own."""
        first = draw(st.sampled_from(list(self._shapes)))
        dims = self._shapes[first]
        legs = tuple(range(len(dims)))
        terms = [Term(draw(_NUMBERS), Use(first, legs, draw(st.booleans())))]
        for tensor in draw(st.lists(st.sampled_from(list(self._shapes)), max_size=3)):
            free = list(legs)
            taken: list[int] = []
            for dim in self._shapes[tensor]:
                fitting = [number for number in free if dims[number] == dim]
                if not fitting:
                    break
                taken.append(draw(st.sampled_from(fitting)))
                free.remove(taken[-1])
            if len(taken) == len(self._shapes[tensor]):
                terms.append(Term(draw(_NUMBERS), Use(tensor, tuple(taken), draw(st.booleans()))))
        if self._elaborated and len(terms) < 2:
            return None
        return sum_of(name, draw(st.permutations(terms)), draw(st.permutations(legs)), dims)

    def _pointwise(self, draw: st.DrawFn, name: str) -> Pointwise:
        tensor = draw(st.sampled_from(list(self._shapes)))
        scalars = [other for other, shape in self._shapes.items() if shape == ()]
        if len(scalars) > 0 and draw(st.booleans()):
            function_name, function = draw(st.sampled_from(_WITH_SCALAR))
            return Pointwise(name, function, (tensor, draw(st.sampled_from(scalars))), function_name)
        function_name, function = draw(st.sampled_from(_FUNCTIONS))
        return Pointwise(name, function, (tensor,), function_name)

    def _view(self, draw: st.DrawFn, name: str) -> View | None:
        tensor = draw(st.sampled_from(list(self._shapes)))
        shape = self._shapes[tensor]
        static = tuple(dim for dim in shape if isinstance(dim, int))
        match draw(st.sampled_from(["reshape", "crop", "flat", "select"])):
            case "reshape" if all(isinstance(dim, int) for dim in shape[1:]):
                new = draw(_factored(math.prod(static)))
                view = View(name, tensor, Reshape(), new if static == shape else (*shape[:1], *new))
            case "crop":
                cropped = tuple(draw(st.integers(1, dim)) if isinstance(dim, int) else dim for dim in shape)
                view = View(name, tensor, Crop(), cropped)
            case "flat" if static == shape:
                view = View(
                    name, tensor, FlatCrop(), draw(_factored(draw(st.integers(1, math.prod(shape_ints(shape))))))
                )
            case _:
                axes = [axis for axis, dim in enumerate(shape) if isinstance(dim, int)]
                if not axes:
                    return None
                axis = draw(st.sampled_from(axes))
                dim = shape[axis]
                index = draw(st.integers(0, dim - 1 if isinstance(dim, int) else 0))
                view = View(name, tensor, Select(axis, index), shape[:axis] + shape[axis + 1 :])
        if self._elaborated and not isinstance(view.kind, Select):
            same_size = _size(view.shape) == _size(shape)
            if view.shape == shape or (isinstance(view.kind, FlatCrop) and same_size):
                return None
        return view


def shape_ints(shape: tuple[Dim, ...]) -> tuple[int, ...]:
    """The static dimensions."""
    return tuple(dim for dim in shape if isinstance(dim, int))


@st.composite
def _factored(draw: st.DrawFn, elements: int) -> tuple[int, ...]:
    """A shape with ``elements`` elements."""
    shape: list[int] = []
    while elements > 1:
        factor = draw(st.sampled_from([factor for factor in range(2, elements + 1) if elements % factor == 0]))
        shape.append(factor)
        elements //= factor
    if draw(st.integers(0, 4)) == 0:
        shape.insert(draw(st.integers(0, len(shape))), 1)
    return tuple(shape)


def _size(dims: list[Dim] | tuple[Dim, ...]) -> int:
    return math.prod(dim for dim in dims if isinstance(dim, int))
