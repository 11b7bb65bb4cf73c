"""No pair of names fails: what an emitter makes of a name never meets another name, on any backend."""

from __future__ import annotations

import ast
import keyword
import random
from functools import cache
from typing import Any

import numpy as np
import pytest

import tnc
from tests.backends import BACKENDS
from tests.clashing_names import GENERATED, NASTY, PLAIN, WITH_INPUTS, is_accepted, program, results
from tnc.backends.jax_source import JaxDialect
from tnc.backends.numpy_source import NumpyDialect
from tnc.backends.torch_source import TorchDialect
from tnc.codegen.dialect import Dialect
from tnc.codegen.names import RESERVED
from tnc.ir import stacks
from tnc.ir.stacks import MODULE_NAMES

TEMPLATES = {"with_inputs": WITH_INPUTS, "generated": GENERATED}

# Each failed once: a derived parameter key, or a name that an emitter had escaped, met another name.
FOUND = [
    ("with_inputs", {"core": "lambda", "tensor": "lambda_"}),
    ("with_inputs", {"core": "class", "input": "class_"}),
    ("with_inputs", {"intermediate": "inst__core1"}),
    ("with_inputs", {"tensor": "beta__2x2", "other_input": "beta__2x3"}),
    ("with_inputs", {"core": "forward", "frozen": "forward_", "tensor": "forward__2"}),
    ("with_inputs", {"core": "reset_parameters"}),
    ("generated", {"function": "wraps", "network": "callable", "core": "_keep", "tensor": "parametrize"}),
    ("with_inputs", {"second": "load_cores", "output": "cores"}),
    ("generated", {"core": "training", "tensor": "training_", "family": "eval"}),
    ("generated", {"family": "async", "intermediate": "async_", "network": "none"}),
]


@cache
def plain_values(template: str) -> list[Any]:
    return results(program(TEMPLATES[template]), PLAIN["network"])["numpy"]


def assert_names_do_not_matter(template: str, names: dict[str, str]) -> bool:
    """Compile, call and compare with the plain names on every backend; False if `check` refuses the program."""
    text = program(TEMPLATES[template], **names)
    network = names.get("network", PLAIN["network"])
    if not is_accepted(text, network):
        return False
    for values in results(text, network).values():
        for value, expected in zip(values, plain_values(template), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=str(names))
    compiled = tnc.loads(text, network=network)
    assert tnc.loads(compiled.expand()).program == compiled.program
    return True


def clashes(seed: int) -> dict[str, str]:
    """Some roles, named by one name and what emitters or authors make of it, or by any nasty names."""
    draw = random.Random(seed)
    base = draw.choice(NASTY)
    near = [base, f"{base}_", f"{base}_2", f"{base}__2", f"_{base}", base.upper(), base.capitalize(), f"{base}_1"]
    pool = near if draw.random() < 0.5 else NASTY
    roles = draw.sample(list(PLAIN), draw.choice([2, 3, 5, 9]))
    return {role: draw.choice(pool) for role in roles}


@pytest.mark.parametrize(("template", "names"), FOUND)
def test_names_that_failed_once(template: str, names: dict[str, str]) -> None:
    assert assert_names_do_not_matter(template, names)


def test_names_that_meet() -> None:
    accepted = [assert_names_do_not_matter(name, clashes(seed)) for seed in range(8) for name in TEMPLATES]
    assert sum(accepted) > 8


@pytest.mark.slow
def test_many_names_that_meet() -> None:
    accepted = [assert_names_do_not_matter(name, clashes(seed)) for seed in range(8, 308) for name in TEMPLATES]
    assert sum(accepted) > 300


def test_a_clash_keeps_the_keys_of_parameters() -> None:
    """A key is made of names of cores alone: what else is declared changes none."""
    free = tnc.loads(program(WITH_INPUTS, core="lambda"), network="wide")
    met = tnc.loads(program(WITH_INPUTS, core="lambda", tensor="lambda_", input="beta__2x2"), network="wide")
    keys = [stack.key for stack in stacks(free.program)]
    assert keys == ["lambda_", "beta__2x2", "beta__2x3", "gamma", "inst__core1"]
    assert [stack.key for stack in stacks(met.program)] == keys


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_name_of_a_module_is_reserved(template: str, backend: str) -> None:
    """A function of the author's is defined at the level of the module: called `wraps`, it would hide functools'."""
    dialects: dict[str, Dialect] = {"torch": TorchDialect(), "jax": JaxDialect(), "numpy": NumpyDialect()}
    bound: set[str] = set()
    for statement in ast.parse(tnc.loads(program(TEMPLATES[template]), network="wide").source(backend)).body:
        match statement:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound.update((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                bound.add(name)
            case ast.Assign(targets=targets):
                bound.update(target.id for target in targets if isinstance(target, ast.Name))
            case _:
                pass
    helpers = {"leaky_relu", "rms", "snake"}  # reserved where they are written
    own = {"Wide", "WideOutput", PLAIN["function"]}
    assert {name for name in bound - helpers - own if not name.startswith("_")} <= RESERVED | dialects[backend].reserved


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_class_has_no_attribute_that_a_parameter_could_hide(template: str) -> None:
    made: Any = tnc.loads(program(TEMPLATES[template]), network="wide").module("torch")
    keys = {name for name, _ in made().named_parameters()} | {name for name, _ in made().named_buffers()}
    own = {name for name in dir(made()) if not name.startswith("__") and not keyword.iskeyword(name)} - keys
    assert own <= MODULE_NAMES
