"""What ``tnc compile --emit`` prints: a network at one of the stages between its text and its module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tnc.driver import Initialised, Planned

Networks: TypeAlias = "Sequence[Initialised]"
Plan: TypeAlias = "Callable[[Networks], Sequence[Planned]]"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: the suffix of its files, and the texts of networks, one each.

    ``texts`` plans networks with its second argument if the stage comes after planning; the third is the backend.
    """

    suffix: str
    texts: Callable[[Networks, Plan, str], Sequence[str]]


def _programs(networks: Networks, plan: Plan, backend: str) -> Sequence[str]:
    from tnc.ir import program_text

    return [program_text(network.program) for network in networks]


def _graphs(networks: Networks, plan: Plan, backend: str) -> Sequence[str]:
    from tnc.ir import graph_text

    return [graph_text(network.program) for network in networks]


def _schedules(networks: Networks, plan: Plan, backend: str) -> Sequence[str]:
    from tnc.ir import schedule_text

    return [schedule_text(planned.plan.schedule, costs=True) for planned in plan(networks)]


def _modules(networks: Networks, plan: Plan, backend: str) -> Sequence[str]:
    from tnc import driver

    return driver.emit_all(plan(networks), backend)


STAGES: MappingProxyType[str, Stage] = MappingProxyType(
    {
        "module": Stage(".py", _modules),
        "program": Stage(".tn", _programs),
        "schedule": Stage(".txt", _schedules),
        "graph": Stage(".json", _graphs),
    }
)
