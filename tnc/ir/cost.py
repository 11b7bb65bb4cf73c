"""What a step costs: FLOPs, bytes, and seconds by what they are spent on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds by what they are spent on.

    A call is one of ``arithmetic`` or of ``traffic``, whichever takes longer; ``moves`` are permutations, ``fresh`` is
    what new memory takes, and ``calls`` what every call, view and further matrix of a batch takes.
    """

    arithmetic: float = 0.0
    traffic: float = 0.0
    moves: float = 0.0
    fresh: float = 0.0
    calls: float = 0.0

    @property
    def total(self) -> float:
        """The sum of all terms."""
        return self.arithmetic + self.traffic + self.moves + self.fresh + self.calls

    def __add__(self, other: Terms) -> Terms:
        """One after the other."""
        return Terms(
            self.arithmetic + other.arithmetic,
            self.traffic + other.traffic,
            self.moves + other.moves,
            self.fresh + other.fresh,
            self.calls + other.calls,
        )


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the forward pass and of the backward pass, each by what they are spent on."""

    forward: Terms = Terms()
    backward: Terms = Terms()

    @property
    def both(self) -> Terms:
        """The terms of both passes together."""
        return self.forward + self.backward

    def __add__(self, other: Spent) -> Spent:
        """One after the other."""
        return Spent(self.forward + other.forward, self.backward + other.backward)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step costs at the nominal sizes: FLOPs (a multiply-add is two), bytes read and written, bytes alive.

    ``saved`` are the bytes that eager autograd keeps for the backward pass because of this step and no earlier one.
    ``live_before`` and ``live_after`` count values of the forward pass without parameters and inputs. The backward
    figures are zero where nothing in the step needs a gradient. ``spent`` is predicted for one device.
    """

    flops: int = 0
    flops_backward: int = 0
    bytes: int = 0
    bytes_backward: int = 0
    saved: int = 0
    live_before: int = 0
    live_after: int = 0
    spent: Spent = Spent()


@dataclass(frozen=True, slots=True)
class Totals:
    """FLOPs and bytes of a whole Schedule at its nominal sizes; the largest intermediate in entries.

    Training is forward and backward, without the optimizer. Peaks count values, what is saved and gradients (those of
    the parameters and of inputs with ``grad`` too), not parameters and inputs.
    ``bytes_parameters`` counts trainable and frozen cores.
    """

    flops_forward: int
    flops_training: int
    bytes_parameters: int
    bytes_saved: int
    bytes_peak_forward: int
    bytes_peak_training: int
    largest_intermediate: int
