"""Generated NumPy modules: any dtype, nothing but NumPy and the standard library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.emitters.schedules import apply, module, pointwise, random_cores, run, tensor_train
from tnc.ir.program import Apply, Argument, Literal


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_real_dtypes(dtype: str) -> None:
    generated: Any = module(tensor_train(), "numpy")
    params = generated.init(0, dtype)
    data = np.random.default_rng(0).normal(size=(4, 8, 2)).astype(dtype)
    outputs = generated.apply(params, data)
    assert outputs.y.dtype == np.dtype(dtype)
    assert np.isfinite(outputs.y).all()


def test_a_branch_that_is_not_taken_gives_no_warning() -> None:
    positive = Apply("gt", (Argument(0), Literal(0.0)))
    function = Apply("where", (positive, Apply("sqrt", (Argument(0),)), Literal(0.0)))
    with np.errstate(all="raise"):
        (value,) = run(pointwise(function), "numpy", np.array([-1.0, 0.0, 4.0]))
    np.testing.assert_array_equal(value, [0.0, 0.0, 2.0])


def test_order_among_complex_numbers_is_refused() -> None:
    generated: Any = module(tensor_train(), "numpy")
    with pytest.raises(TypeError, match="complex numbers have no leaky_relu"):
        generated.apply(generated.init(0, "complex128"), np.ones((4, 8, 2)))


def test_cores_there_and_back() -> None:
    generated: Any = module(tensor_train(), "numpy")
    cores = random_cores(tensor_train())
    params = generated.params_from_cores(cores)
    again = generated.cores(params)
    assert list(again) == list(cores)
    for name, core in cores.items():
        np.testing.assert_array_equal(again[name], core)
    with pytest.raises(ValueError, match="missing cores: \\['first', 'g\\[0\\]'"):
        generated.params_from_cores({})


def test_inputs_may_be_lists() -> None:
    generated: Any = module(pointwise(apply("relu")), "numpy")
    np.testing.assert_array_equal(generated.apply({}, [-1.0, 2.0]), [0.0, 2.0])
