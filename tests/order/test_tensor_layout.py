from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tnc.diagnostics import InternalError
from tnc.ir.schedule import Index, Read
from tnc.order.tensor_layout import Layout, member, whole


def value(tensor: Layout, memory: NDArray[np.int64]) -> NDArray[np.int64]:
    """The tensor that lies in this memory."""
    view = memory.reshape([int(size) for size in tensor.memory]).transpose(tensor.flat)
    shape = [math.prod(int(tensor.memory[part]) for part in axis) for axis in tensor.axes]
    return view.reshape(shape)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """Some shape of 72 entries."""
    primes = draw(st.permutations([2, 2, 2, 3, 3, 1]))
    cuts = draw(st.sets(st.integers(1, 5)))
    ends = [0, *sorted(cuts), 6]
    return tuple(math.prod(primes[start:stop]) for start, stop in pairwise(ends))


@settings(deadline=None, derandomize=True)
@given(shapes(), shapes(), st.data())
def test_reshaping_keeps_the_value_or_refuses(old: tuple[int, ...], new: tuple[int, ...], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(old))))
    memory = np.arange(72)
    tensor = whole("t", old).permuted(order)
    reshaped = tensor.try_reshaped(new)
    if reshaped is None:
        assert not tensor.in_order
    else:
        assert (value(reshaped, memory) == value(tensor, memory).reshape(new)).all()


def test_splitting_a_permuted_axis_is_free_and_fusing_neighbours_too() -> None:
    tensor = whole("t", (6, 4)).permuted((1, 0))
    split = tensor.reshaped((4, 2, 3))
    assert split.memory == (2, 3, 4)
    assert split.axes == ((2,), (0,), (1,))
    assert split.try_reshaped((4, 6)) is not None
    fused = tensor.reshaped((24,))
    assert fused.try_view(fused.axes) is None


def test_a_dynamic_axis_stays_whole() -> None:
    tensor = whole("x", ("batch", 6))
    assert tensor.try_reshaped(("batch", 2, 3)) is not None
    split = tensor.permuted((1, 0)).reshaped((2, 3, "batch"))
    assert split.axes == ((1,), (2,), (0,))


def test_reading_puts_empty_groups_where_they_are_asked_for() -> None:
    assert whole("t", (2, 3)).view([(1,), (), (0,)]) == Read("t", (2, 3, 1), None, (1, 2, 0))
    assert whole("t", (2, 3)).view([(), (0, 1)]) == Read("t", (1, 6))
    assert whole("t", ()).view([(), ()]) == Read("t", (1, 1))
    assert whole("t", (2, 3)).try_view([(1, 0)]) is None


def test_an_entry_of_the_first_axis_is_contiguous_and_of_another_is_not() -> None:
    first = whole("x", (3, 4, 5)).selected(0, 2)
    assert (first.select, first.strided) == ((0, Index(2)), False)
    second = whole("x", (3, 1, 5)).selected(2, 4)
    assert (second.select, second.strided, second.memory, second.axes) == ((2, Index(4)), True, (3,), ((0,), ()))
    assert second.try_selected(0, 0) is None
    assert member("t", (3, 4), 1).try_selected(0, 0) is None


def test_strided_axes_are_not_fused() -> None:
    tensor = whole("t", (2, 3), strided=True)
    assert tensor.try_view([(0, 1)]) is None
    assert tensor.view([(1,), (0,)]) == Read("t", (2, 3), None, (1, 0))


def test_what_takes_a_copy_is_an_error_unless_one_asks_whether_it_does() -> None:
    tensor = whole("t", (2, 3)).permuted((1, 0))
    with pytest.raises(InternalError, match="no view with axes"):
        tensor.view([(1, 0)])
    with pytest.raises(InternalError, match="no entry 0 along axis 0"):
        member("t", (2, 3), 0).selected(0, 0)
    strided = whole("t", (2, 3), strided=True)
    with pytest.raises(InternalError, match="no view of shape"):
        replace(strided, axes=((1,), (0,))).reshaped((4, 2))
