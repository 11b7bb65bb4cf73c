"""How long the generated ``forward`` of the examples is, and whether two versions of it compute the same.

python -m tests.emitted_lines                     a table: lines, and lines that only reshape or permute
python -m tests.emitted_lines --write FOLDER      the modules, to be compared with those of another version
python -m tests.emitted_lines --compare FOLDER    outputs and gradients, with the same cores and inputs
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tests.emitters.examples import BACKENDS, EXAMPLES, file_name, load
from tnc.modules import module_of_source, torch_class

_VIEWS = frozenset({"reshape", "permute", "transpose", "T", "mT", "unbind", "unstack", "expand", "view"})


def main() -> None:
    """Print the table, or write or compare modules."""
    parser = argparse.ArgumentParser(prog="python -m tests.emitted_lines")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help="write every module to a folder")
    parser.add_argument("--compare", type=Path, metavar="FOLDER", help="compare with modules written before")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="examples, all of them by default")
    options = parser.parse_args()
    names = options.networks or list(EXAMPLES)
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        for name in names:
            for backend in BACKENDS:
                (options.write / file_name(name, backend)).write_text(load(name).source(backend), encoding="utf-8")
    elif options.compare:
        for name in names:
            for backend in BACKENDS:
                before = (options.compare / file_name(name, backend)).read_text(encoding="utf-8")
                print(f"{name:20} {backend:6} {difference(name, backend, before)}")
    else:
        print("| `forward` of | lines / only views: torch | jax | numpy |\n|---|--:|--:|--:|")
        for name in names:
            counted = [counts(load(name).source(backend)) for backend in BACKENDS]
            print(f"| {name} | {' | '.join(f'{lines} / {views}' for lines, views in counted)} |")


def counts(source: str) -> tuple[int, int]:
    """The lines of ``forward`` or ``apply`` below its docstring, and those of statements that are views alone."""
    (function,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name in ("forward", "apply")
    )
    first = function.body[0].end_lineno or 0
    views = sum(
        (statement.end_lineno or 0) - statement.lineno + 1
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign) and _is_view(statement.value)
    )
    return (function.end_lineno or 0) - first, views


def _is_view(value: ast.expr) -> bool:
    """Whether an expression is a name, an entry of it, or a view of those."""
    match value:
        case ast.Name():
            return True
        case ast.Subscript(value=inner):
            return _is_view(inner)
        case ast.Attribute(value=ast.Name(id="self")):
            return True
        case ast.Attribute(value=inner, attr=attribute):
            return attribute in _VIEWS and _is_view(inner)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="jnp"), attr=attribute), args=[inner, *_]):
            return attribute in _VIEWS and _is_view(inner)
        case ast.Call(func=ast.Attribute(attr=attribute) as function):
            return attribute in _VIEWS and _is_view(function)
        case _:
            return False


# -- values ------------------------------------------------------------------------------------


def difference(name: str, backend: str, before: str) -> str:
    """How far the outputs and gradients of a module are from those of an older text."""
    network = load(name)
    cores = _cores(name)
    random = np.random.default_rng(1)
    sizes = dict(EXAMPLES[name].sizes)
    inputs = [
        random.standard_normal([sizes.get(dim, 3) if isinstance(dim, str) else dim for dim in given.shape])
        for given in network.program.inputs
    ]
    texts = (before, network.source(backend))
    old, new = (list(_values(name, backend, text, cores, inputs)) for text in texts)
    assert len(old) == len(new)
    if all(np.array_equal(a, b) for a, b in zip(old, new, strict=True)):
        return "equal to the bit"
    return f"relative difference {max(map(_distance, old, new)):.1e}"


def _distance(old: Any, new: Any) -> float:
    return float(np.abs(old - new).max() / max(np.abs(old).max(), 1e-300))


def _cores(name: str) -> dict[str, Any]:
    module: Any = load(name).module("numpy")
    return dict(module.cores(module.init(0)))


def _values(name: str, backend: str, source: str, cores: dict[str, Any], inputs: list[Any]) -> Iterator[Any]:
    """The outputs in double precision and, where there is autograd, the gradients of the sum of their squares."""
    module: Any = module_of_source(name, backend, source)
    if backend == "numpy":
        yield from _several(module.apply(module.params_from_cores(cores), *inputs))
    elif backend == "torch":
        torch: Any = import_module("torch")
        network = torch_class(module)(dtype=torch.float64)
        network.load_cores({name: torch.as_tensor(core) for name, core in cores.items()})
        outputs = _several(network(*map(torch.as_tensor, inputs)))
        total: Any = sum(output.square().sum() for output in outputs)
        total.backward()
        yield from (output.detach().numpy() for output in outputs)
        yield from (parameter.grad.numpy() for parameter in network.parameters())
    else:
        jax: Any = import_module("jax")

        def outputs_of(params: Any) -> Any:
            outputs = _several(module.apply(params, *inputs))
            return sum((output**2).sum() for output in outputs), outputs

        with jax.enable_x64(True):
            params = module.params_from_cores(cores)
            (_, outputs), gradients = jax.value_and_grad(outputs_of, has_aux=True)(params)
            yield from map(np.asarray, outputs)
            yield from (np.asarray(gradients[key]) for key in sorted(gradients))


def _several(results: Any) -> tuple[Any, ...]:
    return tuple(results) if hasattr(results, "_fields") else (results,)


if __name__ == "__main__":
    main()
