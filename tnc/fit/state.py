"""The state of a fit in a file, so that a killed one goes on where it was, bit by bit.

The file is in the safetensors format: vectors are its tensors, everything else is JSON in its header. Python prints
floats such that they read back as the same bits.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

import torch

from tnc.diagnostics import CompileError, Diagnostic
from tnc.fit.course import Budget, Record, Run
from tnc.fit.methods import State
from tnc.fit.problem import Problem
from tnc.ir import digest
from tnc.layers.tensor_file import TensorFile, TensorSpec, bytes_of, open_tensors, write_tensors
from tnc.reading import is_file

KEY: Final = "tnc_fit"
VERSION: Final = 1
"""Changes when a reader of an older state would go on differently."""

_CODES: Final = {torch.float32: "F32", torch.float64: "F64"}


def identity(problem: Problem, method: str, budget: Budget, seed: int) -> str:
    """A name for a fit: states of equal names continue each other."""
    target = problem.target.cpu().contiguous()
    data = sha256(target.reshape(-1).view(torch.uint8).numpy().data).hexdigest()
    parts = [VERSION, digest(problem.network.program), data, str(target.dtype), problem.target.device.type]
    return sha256(repr((parts, method, budget, seed)).encode()).hexdigest()


def store(path: Path, name: str, record: Record) -> None:
    """Write the state of the fit of this name, whole or not at all."""
    vectors: dict[str, torch.Tensor] = {}
    content: dict[str, object] = {"name": name, "trials": record.trials}
    for which, run in (("best", record.best), ("current", record.current)):
        content[which] = None if run is None else _packed(which, run, vectors)
    specs = {key: TensorSpec(_CODES[vector.dtype], tuple(vector.shape)) for key, vector in vectors.items()}
    write_tensors(
        path,
        {KEY: json.dumps(content)},
        specs,
        lambda key: (bytes_of(vectors[key].cpu().numpy(), specs[key].dtype),),
    )


def restore(path: Path, name: str, problem: Problem) -> Record:
    """The record in a file; a new one if there is no file.

    Raises:
        CompileError: TN059 if the file is the state of another fit, or no state at all.
    """
    if not is_file(path):
        return Record()
    with open_tensors(path) as file:
        try:
            content = cast("Mapping[str, object]", json.loads(file.metadata.get(KEY, "{}")))
            if content.get("name") == name:
                runs = [_unpacked(which, content[which], file, problem) for which in ("best", "current")]
                return Record(tuple(cast("list[float]", content["trials"])), *runs)
        except (ValueError, KeyError, TypeError):
            pass
    message = f"`{path}` is not the state of this fit"
    help_text = "give `--fresh` to begin anew, or the options, network and target that the state was made with"
    raise CompileError((Diagnostic("TN059", message, help=help_text),))


def _packed(which: str, run: Run, vectors: dict[str, torch.Tensor]) -> dict[str, object]:
    """A run as JSON; its vectors are added to ``vectors``."""
    state = run.state
    vectors[f"{which}.x"] = state.x
    vectors.update((f"{which}.tensors.{name}", tensor) for name, tensor in state.tensors.items())
    return {
        "restart": run.restart,
        "history": run.history,
        "loss": state.loss,
        "taken": state.taken,
        "stuck": state.stuck,
        "tensors": list(state.tensors),
    }


def _unpacked(which: str, packed: object, file: TensorFile, problem: Problem) -> Run | None:
    if packed is None:
        return None
    entry = cast("dict[str, object]", packed)

    def vector(name: str) -> torch.Tensor:
        return torch.from_numpy(file.array(name).copy()).clone().to(problem.target.device)

    state = State(
        vector(f"{which}.x"),
        cast(float, entry["loss"]),
        cast(int, entry["taken"]),
        cast(bool, entry["stuck"]),
        {name: vector(f"{which}.tensors.{name}") for name in cast("list[str]", entry["tensors"])},
    )
    history = tuple((taken, error) for taken, error in cast("list[tuple[int, float]]", entry["history"]))
    return Run(cast(int, entry["restart"]), state, history)
