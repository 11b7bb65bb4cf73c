"""Programs made of names that meet after an emitter has changed them, and their values on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

import tnc
from tests.backends import BACKENDS
from tnc import driver
from tnc.diagnostics import Severity
from tnc.source import Source

PLAIN: Mapping[str, str] = {
    "core": "alpha",
    "family": "beta",
    "frozen": "gamma",
    "input": "x",
    "other_input": "z",
    "size": "batch",
    "function": "fun",
    "tensor": "hidden",
    "intermediate": "inner",
    "instance": "inst",
    "part": "small",
    "member": "core1",
    "mtensor": "value",
    "network": "wide",
    "output": "y",
    "second": "w",
    "axis": "left",
    "leg": "i",
}
"""The roles that a name can play in the program below, and the name that it has by itself."""

WITH_INPUTS = """
network {part}() {{
  core {member}(2)
  {mtensor}({leg}) = tanh({member}({leg}))
  output result(n) = {mtensor}(n) * {mtensor}(n)
}}

network {network}() {{
  fn {function}(t) = sin(t) * exp(t) + cos(t) * t
  core {core}(2)
  core {family}[k in 0..2](2, 2)
  core {family}[2](2, 3)
  core {frozen}(2) init [1, 2] frozen
  input {input}({size}?, 2)
  input {other_input}({size}?)
  let {instance} = {part}()
  {tensor}({leg}) = tanh({core}({leg})) + {instance}({leg})
  {intermediate}(b, {leg}) = {function}({input}(b, j) * {family}[0](j, {leg})) * {tensor}({leg})
  output {output}(b, {axis} = r) = {intermediate}(b, q) * {family}[1](q, s) * {family}[2](s, r)
  output {second}({axis} = q) = relu({intermediate}(b, q) * {frozen}(q) * {other_input}(b))
}}
"""
"""Two inputs of a dynamic size, an instance, a family of two shapes and a function of the author's."""

GENERATED = """
network {part}() {{
  core {member}(3) init identity(0.1)
  output result({leg}) = {member}({leg})
}}

network {network}() {{
  fn {function}(t, a) = t / (1 + a ^ 2 * t ^ 2) + sin(a * t) * exp(-t ^ 2)
  core {core}(3) init uniform(-1, 1)
  core {family}[k in 0..9](3 -> 3) init orthogonal(0.9)
  core {frozen}(3 -> 3) init identity(0.1) frozen
  core {other_input}() init 0.5
  let {instance} = {part}()
  {tensor}[0]({leg}) = {core}({leg}) + {instance}({leg})
  for k in 0..9 {{ {tensor}[k + 1](j) = tanh({tensor}[k](i) * {family}[k](i, j)) }}
  {intermediate}(i) = {function}({tensor}[9](j) * {frozen}(j, i), {other_input}())
  output {output}({axis} = q) = snake({intermediate}(q), {other_input}())
  output {second}({axis} = q) = leaky_relu({intermediate}(q) * {core}(q), {other_input}()) + rms({tensor}[3](q))
}}
"""
"""Without inputs: a loop, every kind of initialisation, and functions with helpers of their own."""


NASTY = """
    lambda class None True async match type _ __ self torch nn jnp np lax jax math forward training state_dict cores
    load_cores reset_parameters cache cached _kept T __class__ __init__ __dict__ __call__ __getattr__ __x count
    index _fields _replace _asdict _make len print list int tuple super property CORES FROZEN init apply params key
    keys seed rng dtype device generator empty entries NamedTuple Mapping Any Wide WideOutput Small snake rational
    leaky_relu embed rms gelu _normal _orthogonal _check_cores params_from_cores inst__core1 inst_core1 beta__2x2
    beta__2x3 beta_k beta_entries hidden_view next_hidden y_product inner x y w hidden alpha beta batch small t p1
    name value position missing unknown result state state_dict annotations DTypeLike iter zip
    a_name_that_is_longer_than_thirty_two_letters_one b_name_that_is_longer_than_thirty_two_letters_one
""".split()  # noqa: SIM905
"""Names that Python, a framework, a generated module or the names beside them use."""


def program(template: str, **names: str) -> str:
    """The text in which some roles have other names."""
    return template.format(**{**PLAIN, **names})


def is_accepted(text: str, network: str) -> bool:
    """Whether `check` finds no error."""
    found = driver.check(Source("<names>", text), driver.Options(network))
    return all(diagnostic.severity is not Severity.ERROR for diagnostic in found.diagnostics)


def results(text: str, network: str) -> dict[str, list[Any]]:
    """Per backend the outputs by position; every key, core name and round trip of the cores is compared on the way."""
    compiled = tnc.loads(text, network=network, sizes={})
    random = np.random.default_rng(0)
    cores = {str(core.name): random.standard_normal(core.shape) for core in compiled.parameters}
    inputs = [random.standard_normal((3, 2)), random.standard_normal(3)][: len(compiled.program.inputs)]
    values: dict[str, list[Any]] = {}
    keys: dict[str, set[str]] = {}
    for backend in BACKENDS:
        module = compiled.module(backend)
        if isinstance(module, ModuleType):
            found, keys[backend], again = _functions(module, backend, cores, inputs)
        else:
            found, keys[backend], again = _class(module, cores, inputs)
        assert again.keys() == cores.keys()
        for name, core in cores.items():
            np.testing.assert_allclose(again[name], core, rtol=1e-6)
        assert len(found._fields) == len(compiled.outputs)
        values[backend] = [np.asarray(value) for value in found]
    assert keys["torch"] == keys["jax"] == keys["numpy"]
    return values


def _functions(module: ModuleType, backend: str, cores: Mapping[str, Any], inputs: list[Any]) -> tuple[Any, ...]:
    if backend == "numpy":
        assert module.init(0).keys() == module.params_from_cores(cores).keys()
        parameters = module.params_from_cores(cores)
        return module.apply(parameters, *inputs), set(parameters), module.cores(parameters)
    jax: Any = import_module("jax")
    with jax.enable_x64(True):
        drawn = module.init(jax.random.key(0))
        parameters = module.params_from_cores(cores)
        assert drawn.keys() == parameters.keys()
        found = module.apply(parameters, *map(jax.numpy.asarray, inputs))
        return found, set(parameters), module.cores(parameters)


def _class(module: Any, cores: Mapping[str, Any], inputs: list[Any]) -> tuple[Any, ...]:
    torch: Any = import_module("torch")
    instance = module(dtype=torch.float64).eval()
    instance.load_cores({name: torch.as_tensor(core) for name, core in cores.items()})
    fresh = module(dtype=torch.float64)
    fresh.load_state_dict(instance.state_dict())
    assert fresh.training is not instance.training
    with torch.no_grad():
        found = fresh(*map(torch.as_tensor, inputs))
        again = {name: core.numpy() for name, core in fresh.cores().items()}
    return found, set(fresh.state_dict()), again
