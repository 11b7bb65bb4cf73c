"""Storages that eager PyTorch saves for the backward pass of a pointwise function, call by call.

What a primitive saves is in its entry (:class:`tnc.ir.entries.Saved`), except where it depends on the operands:

=====================================  ==========================================================
min max                                both; a number becomes a tensor of one entry
a * b                                  each one whose other one needs a gradient
a / b                                  b; a if b needs a gradient
number / b                             the reciprocal
a ^ number                             a
number ^ a                             a and the result
a ^ b                                  all three
where(c, a, b)                         c, one byte an entry
leaky_relu(t, a)                       as ``where(t > 0, t, a * where(t > 0, 0, t))``, with one condition
elu(t, a)                              as ``where(t > 0, t, a * expm1(clamp(t)))``
=====================================  ==========================================================

Branches of ``where`` are those of :mod:`tnc.ir.guards`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from tnc.cost.strided import Storage, Strided
from tnc.diagnostics import InternalError
from tnc.ir.activations import COMPARISONS, primitive
from tnc.ir.entries import Saved
from tnc.ir.guards import evaluated
from tnc.ir.program import Scalar


@dataclass(frozen=True, slots=True)
class _Value:
    storage: Storage
    entries: int
    grad: bool
    itemsize: int


_Operand: TypeAlias = _Value | float
_NewStorage: TypeAlias = Callable[[int], Storage]


def saved_by_function(
    function: Scalar,
    operands: Sequence[Strided],
    result: Strided,
    itemsizes: Sequence[int],
    real_itemsize: int,
    new: _NewStorage,
) -> tuple[Storage, ...]:
    """The storages kept by a function of tensors whose value is ``result``.

    ``itemsizes`` are the bytes of an entry of each operand, ``real_itemsize`` those of a real number (``abs`` has).
    """
    walker = _Walker(real_itemsize, new)
    environment = tuple(
        _Value(operand.storage, operand.entries, operand.grad, size)
        for operand, size in zip(operands, itemsizes, strict=True)
    )
    last = evaluated(function, environment, walker.apply)
    # The outermost call made the result itself.
    named = {last.storage: result.storage} if isinstance(last, _Value) else {}
    return tuple(dict.fromkeys(named.get(storage, storage) for storage in walker.kept))


class _Walker:
    """Evaluates a function on tensors that are only sizes."""

    def __init__(self, real_itemsize: int, new: _NewStorage) -> None:
        self.kept: list[Storage] = []
        self._real_itemsize = real_itemsize
        self._new = new

    def apply(self, name: str, values: list[_Operand]) -> _Operand:
        tensors = [value for value in values if isinstance(value, _Value)]
        if not tensors:
            return 0.0  # a number, folded when the text is written
        if name == "where":
            return self._where(values)
        if name in ("leaky_relu", "elu") and isinstance(values[1], _Value):
            return self._slope(name, values[0], values[1])
        if name in COMPARISONS:
            return self._condition(tensors)
        entry = primitive(name)
        result = self._made(tensors, any(tensor.grad for tensor in tensors), is_real=entry.real_valued)
        if result.grad:
            self._keep(name, entry.saved, values, tensors, result)
        return result

    def _made(self, tensors: Sequence[_Value], grad: bool, *, is_real: bool = False) -> _Value:
        entries = max(tensor.entries for tensor in tensors)
        itemsize = self._real_itemsize if is_real else max(tensor.itemsize for tensor in tensors)
        return _Value(self._new(entries * itemsize), entries, grad, itemsize)

    def _keep(self, name: str, saved: Saved, values: list[_Operand], tensors: list[_Value], result: _Value) -> None:
        match saved:
            case Saved.NOTHING:
                pass
            case Saved.RESULT:
                self.kept.append(result.storage)
            case Saved.ARGUMENT:
                self.kept.append(tensors[0].storage)
            case Saved.OPERANDS:
                self._keep_operands(name, values, tensors, result)
            case _:
                assert_never(saved)

    def _keep_operands(self, name: str, values: list[_Operand], tensors: list[_Value], result: _Value) -> None:
        match name, values:
            case "mul", [_Value() as a, _Value() as b]:
                self.kept += [x.storage for x, other in ((a, b), (b, a)) if other.grad]
            case "mul", _:
                pass
            case "div", [_Value() as a, _Value() as b]:
                self.kept += [b.storage, *([a.storage] if b.grad else [])]
            case "div", [_, _Value()]:
                self.kept.append(self._made(tensors, True).storage)
            case "div", _:
                pass
            case "pow", [_Value() as a, _Value() as b]:
                self.kept += [a.storage, b.storage, result.storage]
            case "pow", [_Value() as a, _]:
                self.kept.append(a.storage)
            case "pow", [_, _Value() as b]:
                self.kept += [b.storage, result.storage]
            case (("min" | "max"), [_, _]):
                self.kept += [tensor.storage for tensor in tensors]
                if len(tensors) == 1:
                    self.kept.append(self._new(tensors[0].itemsize))
            case _:
                raise InternalError(f"what `{name}` saves is not known")

    def _condition(self, tensors: Sequence[_Value]) -> _Value:
        entries = max(tensor.entries for tensor in tensors)
        return _Value(self._new(entries), entries, False, max(tensor.itemsize for tensor in tensors))

    def _where(self, values: list[_Operand]) -> _Operand:
        condition, *choices = values
        if not isinstance(condition, _Value):
            return choices[0]
        tensors = [choice for choice in choices if isinstance(choice, _Value)]
        result = self._made([condition, *tensors], any(tensor.grad for tensor in tensors))
        if result.grad:
            self.kept.append(condition.storage)
        return result

    def _slope(self, name: str, t: _Operand, a: _Value) -> _Operand:
        condition = self.apply("gt", [t, 0.0])
        if name == "elu" and isinstance(t, _Value):
            smaller: _Operand = self._clamped_expm1(t)
        else:
            smaller = self._where([condition, 0.0, t])
        return self._where([condition, t, self.apply("mul", [a, smaller])])

    def _clamped_expm1(self, t: _Value) -> _Value:
        result = self._made([t], t.grad)
        if t.grad:
            self.kept += [t.storage, result.storage]  # `clamp` saves its argument, `expm1` its result
        return result
