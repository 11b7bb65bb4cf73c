"""Networks with more axes than a framework's arrays can have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tnc
from tests import requirements
from tests.backends import evaluate
from tnc.cli.main import main

ONES = ", ".join(["1"] * 70)
LEGS = [f"x{k}" for k in range(70)]
DYNAMIC = ", ".join(f"d{k}?" for k in range(70))


def network(body: str) -> str:
    return f"network w() {{\n  core a[k in 0..70](1) init ones\n  core b(2, 3)\n  {body}\n}}\n"


WIDE = "prod(k in 0..70) a[k](x[k])"
OUTPUT = network(f"output y(x[0..70], i, j) = b(i, j) * {WIDE}")


def refused(text: str, backend: str) -> list[tuple[str, str]]:
    with pytest.raises(tnc.CompileError) as caught:
        tnc.loads(text).source(backend)
    assert {each.code for each in caught.value.diagnostics} == {"TN502"}
    assert all(each.help for each in caught.value.diagnostics)
    return [(each.message, each.span.text if each.span else "") for each in caught.value.diagnostics]


def test_numpy_refuses_an_output_and_says_where() -> None:
    ((message, place),) = refused(OUTPUT, "numpy")
    assert message == "output `y` has 72 axes, and NumPy arrays have 64 at most"
    assert place.startswith("output y") or place == "y"


def test_numpy_refuses_inputs_and_cores_all_at_once() -> None:
    legs, fewer = ", ".join(LEGS), ", ".join(LEGS[:64])
    text = f"""network w() {{
      input c({ONES})
      core d({ONES})
      core e[k in 0..2]({", ".join(["1"] * 64)})
      output y() = c({legs}) * d({legs}) * e[0]({fewer}) * e[1]({fewer})
    }}"""
    assert [message.partition(" has ")[0] for message, _ in refused(text, "numpy")] == [
        "input `c`",
        "core `d`",
        "the parameter of `e[0]` and its family",
    ]


@pytest.mark.parametrize(
    "body",
    [
        f"h(x[0..70], i) = tanh(b(i, [0]) * {WIDE}) output y(i) = h(x[0..70], i) * ones(x[0..70])",
        f"h(x[0..70], i, j) = rms(b(i, j) * {WIDE}) output y(j, i) = h(x[0..70], i, j) * ones(x[0..70])",
        f"output y(j, (x[0..70], i)) = tanh(b(i, j) * {WIDE})",
        "output y(x[0..62], i, j) = b(i, j) * prod(k in 0..62) a[k](x[k])",
    ],
)
def test_what_fits_runs_whatever_is_inside(body: str) -> None:
    compiled = tnc.loads(network(body))
    cores: dict[str, Any] = {str(core.name): np.full(core.shape, 0.5) for core in compiled.parameters}
    first, *others = (evaluate(compiled, backend, [], cores)["y"] for backend in ("numpy", "torch", "jax"))
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_other_backends_take_wide_outputs(backend: str) -> None:
    module: Any = tnc.loads(OUTPUT).module(backend)
    if backend == "torch":
        value = module()()
        (value * value).sum().backward()
    else:
        import jax

        value = module.apply(module.init(jax.random.key(0)))
    assert value.shape == (*[1] * 70, 2, 3)


def test_torch_refuses_sums_along_some_of_many_axes() -> None:
    summed = f"""network w() {{
      input x({DYNAMIC})
      core a(1)
      output y({", ".join(LEGS[::2])}) = x({", ".join(LEGS)}) * a([0]) * ones({", ".join(LEGS[1::2])})
    }}"""
    ((message, _),) = refused(summed, "torch")
    assert "sums along axes of an array of 70 axes, and PyTorch takes 64 at most" in message
    tnc.loads(summed).source("jax")
    kept = f"network w() {{ input x({DYNAMIC}) output y({', '.join(LEGS[::-1])}) = tanh(x({', '.join(LEGS)})) }}"
    torch: Any = requirements.package("torch")
    layer: Any = tnc.loads(kept).module("torch")
    data = torch.randn(3, *[1] * 69, requires_grad=True)
    layer()(data).sum().backward()
    assert data.grad.shape == data.shape


def test_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.tn"
    fine = "network u() { core a(2) output y(i) = a(i) }\n"
    file.write_text(OUTPUT + OUTPUT.replace("network w", "network v") + fine, encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert main(["compile", str(file), "-b", "numpy", "-o", f"{tmp_path}/out/"]) == 1
    assert capsys.readouterr().err.count("error[TN502]") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["net.tn"]
