"""Arguments of the Python interface that are wrong: always an error in our words, never one from inside."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tnc
from tests import requirements

TEXT = """
network n(
  chi: int = 2, s: str = "a", act: fn = relu, dims: ints = [1], x: float = 1, flag: bool = true, dtype: int = 3
) {
  input d(b?, chi)
  core a(dtype)
  output y(i) = a(i)
  output z(b) = d(b, i) * ones(i)
}
"""
HUGE = 10**5000  # which Python refuses to print


def load(**arguments: Any) -> tnc.Network:
    return tnc.loads(TEXT, **arguments)


def torch() -> Any:
    return import_module("torch")


class Endless:
    """Something like an array whose list is itself."""

    def tolist(self) -> Endless:
        return self

    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("network", 5, "`network` must be the name of a network"),
        ("network", b"n", "`network` must be"),
        ("sizes", 5, "`sizes` must be a mapping"),
        ("sizes", [("b", 3)], "`sizes` must be a mapping"),
        ("sizes", {5: 3}, "a name in `sizes` must be a string"),
        ("sizes", {"b": 1.0}, "the size of `b` must be a positive integer"),
        ("sizes", {"b": True}, "the size of `b` must be a positive integer"),
        ("sizes", {"b": "3"}, "the size of `b` must be a positive integer"),
        ("sizes", {"b": np.array([3, 4])}, "the size of `b` must be a positive integer"),
        ("sizes", {"b": np.float64(4)}, "the size of `b` must be a positive integer"),
        ("dtype", None, "`dtype` must be a string, one of float32"),
        ("dtype", np.float32, "`dtype` must be a string, one of float32"),
        ("dtype", np.dtype("float32"), "`dtype` must be a string, one of float32"),
        ("device", 5, "`device` must be the name of a device"),
        ("objective", None, "`objective` must be a string: time"),
        ("forward_only", 1, "`forward_only` must be True or False"),
        ("forward_only", None, "`forward_only` must be True or False"),
        ("forward_only", "False", "`forward_only` must be True or False"),
        ("input_grads", 0, "`input_grads` must be True or False"),
        ("args", [("chi", 1)], "`args` must be a mapping"),
        ("args", {5: 3}, "a name in `args` must be a string"),
    ],
)
def test_options_of_the_wrong_type(option: str, value: Any, told: str) -> None:
    with pytest.raises(TypeError) as caught:
        load(**{option: value})
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize("size", [0, -1, 10**18, HUGE, -HUGE], ids=["0", "-1", "large", "huge", "-huge"])
def test_sizes_out_of_range(size: int) -> None:
    with pytest.raises(tnc.CompileError, match=r"TN007.* cannot be the size of the dynamic dimension `b`"):
        load(sizes={"b": size})


@pytest.mark.parametrize("size", [4, np.int64(4), np.uint8(4)])
def test_sizes_of_every_kind_of_integer(size: Any) -> None:
    assert load(sizes={"b": size}, forward_only=np.True_).report().networks[0].to_dict()["sizes"] == {"b": 4}


@pytest.mark.parametrize("path", [None, 0, 5, b"x", ["a"], True, object()])
def test_paths_of_the_wrong_type(path: Any) -> None:
    with pytest.raises(TypeError, match="`path` must be the path of a"):
        tnc.load(path)


@pytest.mark.parametrize("path", ["", "/", Path("/"), "a\0b", "none\x1b.tn", "\ud800"])
def test_paths_of_no_file(path: Any) -> None:
    with pytest.raises(tnc.CompileError, match="TN001"):
        tnc.load(path)


@pytest.mark.parametrize("text", [None, 5, b"x", Path("x"), ["a"]])
def test_texts_of_the_wrong_type(text: Any) -> None:
    with pytest.raises(TypeError, match="`text` must be the text of a"):
        tnc.loads(text)


@pytest.mark.parametrize("parameter", ["chi", "s", "act", "dims", "x", "flag"])
def test_values_that_are_none_of_the_language(parameter: str) -> None:
    nested: Any = 1
    for _ in range(20):
        nested = [nested]
    values = [{"a": 1}, {1}, 1j, None, float("nan"), float("inf"), b"b", object(), range(3), iter([1]), int, np.float32]
    values += [np.array(1j), np.array([None]), "\x1b", "\ud800", nested, Endless(), np.array([[[1.5]]]), torch_is_there]
    if torch_is_there():
        values += [torch().ones(2, device="meta"), torch().ones((), requires_grad=True) * float("nan"), torch().relu]
    for value in values:
        with pytest.raises(tnc.CompileError) as caught:
            load(args={parameter: value})
        assert str(caught.value)
    for value in (HUGE, -HUGE):
        with pytest.raises(tnc.CompileError):
            load(args={parameter: value}).report()


def torch_is_there() -> bool:
    try:
        torch()
    except ImportError:
        return False
    return True


def test_values_of_frameworks_are_read() -> None:
    requirements.package("torch")
    given = load(chi=torch().tensor(3), dims=torch().tensor([2, 3]), x=torch().ones((), requires_grad=True))
    assert repr(given) == '<tnc.Network n(chi=3, s="a", act=relu, dims=[2, 3], x=1.0, flag=true, dtype=3)>'


def test_a_tracer_of_jax_has_no_value() -> None:
    jax: Any = requirements.package("jax")

    def traced(value: Any) -> Any:
        with pytest.raises(tnc.CompileError, match=r"the values of a `.*Tracer` cannot be passed to a network"):
            load(chi=value)
        return value

    jax.jit(traced)(3)


def test_parameters_that_are_called_like_an_option() -> None:
    assert load(args={"dtype": 5}).parameters[0].shape == (5,)
    assert load(args={"dtype": 5}, chi=4, dtype="float64").program.inputs[0].shape == ("b", 4)
    with pytest.raises(TypeError, match="the argument `chi` is given twice"):
        load(args={"chi": 5}, chi=4)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("dtpye", "dtype"), ("netwrok", "option `network`"), ("size", "option `sizes`"), ("devise", "option `device`")],
)
def test_a_misspelt_option(written: str, meant: str) -> None:
    misspelt: dict[str, Any] = {written: 3}
    with pytest.raises(tnc.CompileError, match="TN006") as caught:
        load(**misspelt)
    assert meant in str(caught.value)
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads("network n(chi: int) { core a(chi) output y(i) = a(i) }", network="n", **misspelt)
    assert [each.code for each in caught.value.diagnostics] == ["TN004", "TN006"]


@pytest.mark.parametrize("backend", [5, None, b"torch", ["numpy"], True])
def test_backends_of_the_wrong_type(backend: Any) -> None:
    for ask in (load().source, load().module):
        with pytest.raises(TypeError, match="`backend` must be a string"):
            ask(backend)
