"""Passes over the Program: same value, less work, larger regions."""

from tnc.passes.pipeline import STANDARD as STANDARD
from tnc.passes.pipeline import run_passes as run_passes
from tnc.passes.protocol import Observer as Observer
from tnc.passes.protocol import Pass as Pass
