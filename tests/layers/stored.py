"""Files of cores for tests, made without a framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tnc
from tnc.ir import digest
from tnc.layers.core_file import CoreHeader, StoredLayer, StoredNetwork, write_core_file
from tnc.layers.tensor_file import DTYPE_NAMES, TensorSpec, bytes_of

SMALL = """network small(shape: ints = [6, 4], chi: int = 2) {
  core a[i in 0..2](chi, chi)
  core left(chi, shape[0])
  core right(chi, shape[1])
  core scale() frozen
  output w(o, i) = tanh(a[0](x, y) * a[1](y, z)) * left(x, o) * right(z, i) * scale()
}
"""
STORED = {name: dtype for dtype, name in DTYPE_NAMES.items()}


@dataclass
class Parts:
    """What a file of cores is made of, to be changed by a test before it is written."""

    networks: dict[str, StoredNetwork] = field(default_factory=dict[str, StoredNetwork])
    layers: list[StoredLayer] = field(default_factory=list[StoredLayer])
    tensors: dict[str, tuple[TensorSpec, bytes]] = field(default_factory=dict[str, tuple[TensorSpec, bytes]])

    def add_tensor(self, name: str, values: Any, dtype: str = "float32") -> str:
        array = np.asarray(values)
        self.tensors[name] = (TensorSpec(STORED[dtype], array.shape), bytes(bytes_of(array, STORED[dtype])))
        return name

    def add_layer(
        self,
        name: str,
        shape: Sequence[int] = (6, 4),
        text: str = SMALL,
        dtype: str = "float32",
        seed: int = 0,
        scale: float | None = None,
        **more: Any,
    ) -> np.ndarray[Any, Any]:
        """Add a layer with random cores, and return its generated weight, without the scale."""
        network = tnc.loads(text, shape=list(shape))
        module = network.numpy()
        params: Mapping[str, np.ndarray[Any, Any]] = module.init(seed, dtype="float32")
        key = digest(network.program)
        self.networks[key] = StoredNetwork(network.expand(), key, tuple(shape), "small", (("chi", 2),), source=text)
        prefix = f"{name}.cores" + (f".{more['adapter']}" if "adapter" in more else "")
        cores = tuple((core, self.add_tensor(f"{prefix}.{core}", value, dtype)) for core, value in params.items())
        if scale is not None:
            more |= {"mode": "add", "scale": self.add_tensor(f"{prefix}_scale", scale, dtype)}
        self.layers.append(StoredLayer(name, "Linear", f"{name}.weight", key, dtype, cores, **more))
        weight: np.ndarray[Any, Any] = module.apply(params)
        return weight

    @property
    def header(self) -> CoreHeader:
        return CoreHeader(tuple(self.networks.values()), tuple(self.layers))

    def write(self, path: Path) -> Path:
        specs = {name: spec for name, (spec, _) in self.tensors.items()}
        write_core_file(path, self.header, specs, lambda name: [self.tensors[name][1]])
        return path
