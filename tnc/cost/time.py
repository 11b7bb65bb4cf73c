"""The time model: how long steps take on a device, forward and backward.

A call takes as long as its arithmetic or its memory traffic, whichever is longer, plus what every call takes, plus what
the system takes to hand out new memory. docs/time-model.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

from tnc.cost.device import NOTHING, Profile
from tnc.cost.dtypes import dtype_of, is_complex, itemsize
from tnc.cost.kernels import Gemm, Kernel, MemoryPass, gradients, kernels
from tnc.cost.target import Target
from tnc.diagnostics import CompileError, Diagnostic
from tnc.ir.cost import Spent, Terms
from tnc.ir.number_kinds import NumberKind
from tnc.ir.reads import reads
from tnc.ir.schedule import Kron, Step


@dataclass(frozen=True, slots=True)
class Seconds:
    """A time, of the forward pass and of the backward pass."""

    forward: float = 0.0
    backward: float = 0.0

    @property
    def total(self) -> float:
        """Both."""
        return self.forward + self.backward


_NARROW, _WIDE = 128, 512
"""Threads share a product of matrices badly outside a batch if its two shorter sides are narrow, well if wide."""


class Clock:
    """Predicts times of a backend on one device in one dtype; what was asked before is remembered.

    Backward times are 0 with ``forward_only``, and for a backend that has no backward pass. ``complex_cores`` says that
    some cores are complex whatever the dtype: all times are then those of complex numbers, which overestimates the
    parts that are real.

    Raises:
        CompileError: TN022 if the device has no rates for the dtype.
    """

    def __init__(self, target: Target, dtype: str, *, forward_only: bool = False, complex_cores: bool = False) -> None:
        kind = NumberKind.COMPLEX if complex_cores else NumberKind.MODULE
        self.profile = target.device
        rates = self.profile.rates(dtype_of(dtype, kind))
        if rates is None:
            raise CompileError((_no_rates(self.profile, dtype),))
        self.dtype = dtype
        self.forward_only = forward_only or not target.traits.saves
        self.fuses = target.traits.fuses
        self._rates, self._operations = rates
        self._itemsize = itemsize(dtype, kind)
        self._complex = is_complex(dtype, kind)
        self._known: dict[Kernel, Terms] = {}
        self._products: dict[tuple[Gemm, bool, bool, bool], float] = {}

    def spent(self, step: Step, grads: Sequence[bool], sizes: Mapping[str, int]) -> Spent:
        """The time of one step; ``grads`` says of each operand whether it needs a gradient."""
        work = kernels(step, grads, sizes, complex_valued=self._complex, fuses=self.fuses)
        call, view = self.profile.call, self.profile.view
        kron = self.profile.kron if isinstance(step.operation, Kron) else NOTHING
        forward = self._terms(work.forward, call.forward, work.views * view.forward + kron.forward)
        if self.forward_only:
            return Spent(forward)
        backward = kron.backward if any(grads) else 0.0
        views = work.views_backward * view.backward
        return Spent(forward, self._terms(work.backward, call.backward, views + backward))

    def incoming(self, pass_: MemoryPass) -> Spent:
        """The time of putting a gradient into the order of the tensor that it belongs to."""
        return Spent() if self.forward_only else Spent(backward=self._terms((pass_,), self.profile.call.backward))

    def terms(self, steps: Iterable[Step], trained: Mapping[str, bool], sizes: Mapping[str, int]) -> Terms:
        """The time of steps without loops, both passes together; ``trained`` says which sources need a gradient."""
        total = Terms()
        for step in steps:
            total += self.spent(step, [trained[read.source] for read in reads(step.operation)], sizes).both
        return total

    def _terms(self, done: Sequence[Kernel], call: float, more: float = 0.0) -> Terms:
        """What calls take, each of which has this overhead, and more overheads."""
        return sum(map(self._parts, done), Terms(calls=len(done) * call + more))

    def product(self, product: Gemm, left: bool = True, right: bool = True, *, shared_left: bool = False) -> float:
        """The time of a product of matrices and of those gradients that are asked for."""
        key = product, left, right, shared_left
        known = self._products.get(key)
        if known is None:
            known = self.work(product) + self.profile.call.forward
            if not self.forward_only:
                for kernel in gradients(product, left, right, shared_left):
                    known += self.work(kernel) + self.profile.call.backward
            self._products[key] = known
        return known

    def move(self, pass_: MemoryPass) -> float:
        """The time of a permutation that moves memory, forward and backward."""
        once = self.work(pass_)
        if self.forward_only:
            return once + self.profile.call.forward
        return 2 * once + self.profile.call.forward + self.profile.call.backward

    def scatter(self, entries: int) -> float:
        """Upper bound for permuting ``entries`` elements, each moved separately. Seconds."""
        return self.move(MemoryPass(2 * entries, entries, together=1))

    def work(self, kernel: Kernel) -> float:
        """The time of one call without what every call takes."""
        return self._parts(kernel).total

    def _parts(self, kernel: Kernel) -> Terms:
        known = self._known.get(kernel)
        if known is None:
            known = self._known[kernel] = self._spent(kernel)
        return known

    def _spent(self, kernel: Kernel) -> Terms:
        """One call by what it is spent on, without what every call takes."""
        size = kernel.entries * self._itemsize
        moving = size / self.profile.bandwidth.at(size)
        fresh = self._new(kernel.fresh)
        match kernel:
            case Gemm():
                arithmetic = kernel.flops * self._operations / self._rate(kernel)
                batch = (kernel.batch - 1) * self.profile.batch
                if arithmetic > moving:
                    return Terms(arithmetic=arithmetic, fresh=fresh, calls=batch)
                return Terms(traffic=moving, fresh=fresh, calls=batch)
            case MemoryPass() if kernel.together:
                scattered = moving * self.profile.scatter.at(kernel.together * self._itemsize)
                return Terms(moves=scattered + kernel.turns * self.profile.turn, fresh=fresh)
            case MemoryPass():
                arithmetic = kernel.functions * self._operations / self.profile.functions
                if arithmetic > moving:
                    return Terms(arithmetic=arithmetic, fresh=fresh)
                return Terms(traffic=moving, fresh=fresh)

    def _rate(self, gemm: Gemm) -> float:
        rate = self._rates.rate(gemm.rows, gemm.summed, gemm.columns)
        return rate if gemm.batch > 1 else rate * self._alone(sorted((gemm.rows, gemm.summed, gemm.columns))[1])

    def _alone(self, side: int) -> float:
        """The part of its rate that one product reaches: what it is where narrow, 1 where wide, even in between."""
        narrow = min(max(log(_WIDE / side) / log(_WIDE / _NARROW), 0.0), 1.0)
        return float(self.profile.alone**narrow)

    def _new(self, entries: int) -> float:
        size = entries * self._itemsize
        return size / self.profile.fresh if size > self.profile.recycled else 0.0


def _no_rates(profile: Profile, dtype: str) -> Diagnostic:
    names = ", ".join(f"`{name}`" for name, _ in profile.products)
    message = f"time cannot be predicted: the device `{profile.name}` has no rates for `{dtype}`"
    help_text = f"it has them for {names}; name another device"
    return Diagnostic("TN022", message, help=help_text)
