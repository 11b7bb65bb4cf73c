"""How well generated weights reproduce given tensors: five topologies against decompositions at equal counts.

Every target has 64 × 64 entries: independent normal numbers, the hidden weight of a classifier of scikit-learn's
digits after training, and 64 of these digits beside each other. Everything follows from fixed seeds.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from tnc.fit import baselines, fit_cores
from tnc.layers.template import make_template, weight_network

TOPOLOGIES = ("ttn", "attn1", "attn2", "mera", "brickwall")
SIZES = (2, 3, 4)
"""The bond; of a brick wall, whose bonds are its legs, the number of layers."""

RESULTS = Path(__file__).parent / "results" / "fitting.json"

ACT = "silu"
STEPS, RESTARTS = 400, 3
SIDE = 64


@dataclass(frozen=True, slots=True)
class Fitted:
    """One network fitted to one target, and the decompositions with at most its number of parameters."""

    target: str
    topology: str
    size: int
    parameters: int
    error: float
    compared: tuple[tuple[str, int | None, float | None], ...]


def gaussian() -> torch.Tensor:
    """Independent standard normal entries."""
    return torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def _digits() -> tuple[torch.Tensor, torch.Tensor]:
    found = import_module("sklearn.datasets").load_digits()
    return torch.as_tensor(found.data, dtype=torch.float32) / 16, torch.as_tensor(found.target).long()


def trained() -> torch.Tensor:
    """The weight of the second hidden layer, 64 -> 64, of a classifier trained on the digits."""
    data, labels = _digits()
    cast(Any, torch).manual_seed(1)
    model = nn.Sequential(nn.Linear(SIDE, SIDE), nn.ReLU(), nn.Linear(SIDE, SIDE), nn.ReLU(), nn.Linear(SIDE, 10))
    optimizer: Any = torch.optim.Adam(model.parameters(), 3e-3, weight_decay=1e-4)
    for _ in range(300):
        optimizer.zero_grad()
        loss: Any = nn.functional.cross_entropy(model(data), labels)
        loss.backward()
        optimizer.step()
    return cast(nn.Linear, model[2]).weight.detach().clone()


def images() -> torch.Tensor:
    """The first 64 digits as one picture of 8 × 8 digits, less their mean."""
    data, _ = _digits()
    picture = data[:SIDE].reshape(8, 8, 8, 8).permute(0, 2, 1, 3).reshape(SIDE, SIDE)
    return picture - picture.mean()


TARGETS: dict[str, Callable[[], torch.Tensor]] = {
    "random": gaussian,
    "trained layer": trained,
    "images": images,
}


def measure(target: str, topology: str, size: int) -> Fitted:
    """Fit one network."""
    values = TARGETS[target]()
    arguments: dict[str, object] = {"act": ACT, "layers" if topology == "brickwall" else "chi": size}
    network = weight_network(make_template(topology, arguments), values.shape)
    found = fit_cores(network, values, steps=STEPS, restarts=RESTARTS)
    compared = tuple((row.name, row.parameters, row.error) for row in baselines(values, found.parameters))
    return Fitted(target, topology, size, found.parameters, found.error, compared)


def run(path: Path, tick: Callable[[], object] = lambda: None) -> list[Fitted]:
    """Every case; those that are in the file are not measured again, and each is written when it is done."""
    done = read(path) if path.exists() else []
    known = {(case.target, case.topology, case.size) for case in done}
    for target in TARGETS:
        for topology in TOPOLOGIES:
            for size in SIZES:
                if (target, topology, size) not in known:
                    done.append(measure(target, topology, size))
                    write(path, done)
                tick()
    return done


def write(path: Path, results: list[Fitted]) -> None:
    """Write results, a case a line."""
    rows = [json.dumps(asdict(case), ensure_ascii=False) for case in results]
    path.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


def read(path: Path) -> list[Fitted]:
    """What :func:`write` wrote."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry["compared"] = tuple((name, count, error) for name, count, error in entry["compared"])
    return [Fitted(**entry) for entry in entries]
