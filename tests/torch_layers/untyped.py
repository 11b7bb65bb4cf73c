"""PyTorch, for those of its functions that declare no types."""

from typing import Any

import torch

untyped: Any = torch
