"""A state whose cores stay isometric while it is trained: it learns a function on 1 024 points, and keeps norm 1.

    python examples/isometric.py

Each stack of cores of the generated module is an ordinary parameter, a batch of tall matrices, so PyTorch's own
parametrisation by orthogonal matrices applies to it as it does to any layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch.nn.utils import parametrizations
from tqdm import trange

import tnc


def target(points: int) -> torch.Tensor:
    """A damped oscillation, of norm 1."""
    t = torch.linspace(0, 1, points)
    wave = torch.exp(-3 * t) * torch.sin(25 * t)
    return wave / wave.norm()


def furthest_from_isometry(network: torch.nn.Module) -> float:
    """The largest entry of ``a^T a - 1`` over all cores."""
    worst = 0.0
    for core in network.cores().values():
        if core.ndim == 2:
            worst = max(worst, float((core.mT @ core - torch.eye(core.shape[1])).abs().max()))
    return worst


def main() -> None:
    """Train, and say how close the state came and how isometric the cores stayed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()

    torch.set_num_threads(1)  # tensors this small only wait for each other
    torch.manual_seed(0)
    network = tnc.load(Path(__file__).with_name("isometric.tn")).module("torch")()
    for key, _ in [*network.named_parameters()]:
        parametrizations.orthogonal(network, key)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    wanted = target(1024)
    for _ in trange(options.steps, unit=" steps"):
        optimizer.zero_grad()
        loss = 1 - (network() @ wanted) ** 2
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        state = network()
        print(f"infidelity              {1 - float(state @ wanted) ** 2:.1e}")
        print(f"norm of the state       {float(state.norm()):.6f}")
        print(f"furthest from isometry  {furthest_from_isometry(network):.1e}")


if __name__ == "__main__":
    main()
