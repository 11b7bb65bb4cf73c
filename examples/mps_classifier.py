"""A matrix product state classifies scikit-learn's 8 x 8 digits, pixel by pixel; the network is mps_classifier.tn.

python examples/mps_classifier.py                      # three seeds, about a minute
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from sklearn.datasets import load_digits
from tqdm import tqdm

import tnc

NETWORK = tnc.load(Path(__file__).with_name("mps_classifier.tn"), sizes={"batch": 128})
BATCH, RATE = 128, 3e-3


def accuracy(seed: int, epochs: int, bar: tqdm[None]) -> float:
    """Train on four fifths of the images; the accuracy on the fifth held back."""
    torch.manual_seed(seed)
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    x = torch.as_tensor(images[order] / 16, dtype=torch.float32)
    y = torch.as_tensor(labels[order])
    held_back = len(y) // 5
    network = NETWORK.module("torch")()
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        rows = held_back + torch.randperm(len(y) - held_back)
        for batch in rows.split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
            bar.update()
        schedule.step()
    with torch.no_grad():
        return float((network(x[:held_back]).argmax(1) == y[:held_back]).float().mean())


def main() -> None:
    """Train once a seed, and print the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()

    torch.set_num_threads(1)  # tensors this small only wait for each other
    images = len(load_digits().target)
    steps = -(-(images - images // 5) // BATCH)
    with tqdm(total=options.seeds * options.epochs * steps, unit=" steps") as bar:
        found = [accuracy(seed, options.epochs, bar) for seed in range(options.seeds)]
    print(f"test accuracy {fmean(found):.3f}, single seeds from {min(found):.3f} to {max(found):.3f}")


if __name__ == "__main__":
    main()
