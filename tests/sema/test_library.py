"""Files: imports, exports, cycles, the standard library."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sema.elaborated import diagnosed, elaborated, program_of, targets
from tnc.diagnostics import Severity
from tnc.limits import Limits
from tnc.sema import load, standard_names
from tnc.source import Source

USE = "\nnetwork n() { core x(lib.size)\n output w(i) = lib.f(x(i)) }"
LIB = (
    "let size = half(8)\ndef half(n) = n // 2\nfn f(t) = t * t\nnetwork net(n: int) { core g(n)\n output w(i) = g(i) }"
)


def test_a_file_exports_its_declarations() -> None:
    files = {"lib.tn": LIB.replace("let size = half(8)\n", "") + "\nlet size = half(8)"}
    program = program_of('import "lib.tn"' + USE, files=files)
    assert program.parameters[0].shape == (4,)


def test_lets_of_a_file_come_in_order() -> None:
    assert diagnosed('import "lib.tn"' + USE, files={"lib.tn": LIB}) == [("TN201", "half")]


def test_networks_of_a_file_come_in_any_order() -> None:
    program = program_of(
        "network a() { let t = b(3)\n output w(i) = t(i) }\nnetwork b(n: int) { core g(n)\n output w(i) = g(i) }"
    )
    assert [str(p.name) for p in program.parameters] == ["t.g"]


def test_names_of_imports() -> None:
    files = {"some-file.tn": "let a = 2", "sub/dir/other.tn": "let a = 3"}
    text = (
        'import "some-file.tn" as some\nimport "sub/dir/other.tn"\n'
        "network n() { core g(some.a, other.a)\n output w(i, j) = g(i, j) }"
    )
    assert program_of(text, files=files).parameters[0].shape == (2, 3)
    assert diagnosed('import "some-file.tn"', files=files) == [("TN270", 'import "some-file.tn"')]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('import "nope.tn"\nnetwork n() { core g(nope.a)\n output w(i) = g(i) }', [("TN270", 'import "nope.tn"')]),
        ('import "lib.tn"\nimport "lib.tn"', [("TN202", 'import "lib.tn"')]),
        ('import "lib.tn"\nnetwork n() { core g(2)\n output w(i) = lib.g(i) * g(i) }', [("TN203", "lib.g")]),
        ('import "lib.tn"', [("TN806", 'import "lib.tn"')]),
        ('import "std"', [("TN270", 'import "std"')]),
        ("let a = [1, 2][3]\nlet b = a + 1", [("TN225", "3")]),
        ('assert 1 > 2, "no"', [("TN260", 'assert 1 > 2, "no"')]),
        ("let a = 2\nlet a = 3", [("TN202", "a")]),
        ("network n() { core g(2)\n output w(i) = g(i) }\nfn n(t) = t", [("TN202", "n")]),
        ("let std = 3", None),
        ("let t = std.mera(dims = [2])", [("TN228", "std.mera(dims = [2])")]),
        ("fn f(t) = t + nope", [("TN201", "nope")]),
        ("def f(t) = t + nope", [("TN201", "nope")]),
    ],
)
def test_mistakes_of_files(text: str, expected: list[tuple[str, str]] | None) -> None:
    found = diagnosed(text, files={"lib.tn": LIB.replace("let size = half(8)\n", "")})
    if expected is None:
        assert found
    else:
        assert [entry for entry in found if entry[0] != "TN806" or entry in expected] == expected


def test_a_cycle_is_shown() -> None:
    files = {"a.tn": 'import "b.tn"', "b.tn": 'import "c.tn"', "c.tn": 'import "a.tn"'}
    _, found = elaborated('import "a.tn"', files=files)
    (error,) = (diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR)
    assert error.code == "TN271"
    assert error.message == "files import each other in a cycle: `a.tn` → `b.tn` → `c.tn` → `a.tn`"


def test_a_file_is_loaded_once() -> None:
    files = {
        "a.tn": 'import "c.tn"\nlet x = c.x',
        "b.tn": 'import "c.tn"\nfn g(t) = c.f(t)',
        "c.tn": "let x = 2\nfn f(t) = t * t",
    }
    text = (
        'import "a.tn"\nimport "b.tn"\nimport "c.tn"\nnetwork n(f: fn = c.f) { core g(a.x)\n output w(i) = b.g(g(i)) }'
    )
    assert program_of(text, files=files).parameters[0].shape == (2,)


def test_mistakes_in_imported_files_are_told() -> None:
    found = diagnosed('import "a.tn"\nlet x = a.x', files={"a.tn": "let x = nope\nlet y = 1 // 0"})
    assert found == [("TN201", "nope"), ("TN212", "1 // 0")]


def test_imports_are_relative_to_the_importing_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.tn").write_text('import "../b.tn"\nlet x = b.x')
    (tmp_path / "b.tn").write_text("let x = 3")
    main = tmp_path / "main.tn"
    text = 'import "deep/a.tn"\nnetwork n() { core g(a.x)\n output w(i) = g(i) }'
    library, found = load(Source(str(main), text), Limits())
    assert found == ()
    assert targets(library) == ("n",)
    (tmp_path / "b.tn").unlink()
    _, found = load(Source(str(main), text), Limits())
    assert [diagnostic.code for diagnostic in found] == ["TN270"]


def test_targets_are_what_needs_no_arguments() -> None:
    library, _ = load(
        Source("t.tn", "network a(n: int) { }\nnetwork b(n: int = 2, f: fn = relu) { }\nnetwork c() { }"), Limits()
    )
    assert list(library.networks) == ["a", "b", "c"]
    assert targets(library) == ("b", "c")
    assert library.parameters("b") == ("n", "f")


def test_the_standard_library_is_listed() -> None:
    assert {"ttn", "attn", "mera", "brickwall", "mps", "mpo", "lowrank"} <= set(standard_names())


@pytest.mark.parametrize("name", ["ttn", "mera", "mps", "brickwall"])
def test_standard_networks_elaborate(name: str) -> None:
    program = program_of(f"network n() {{ let t = std.{name}([2] * 5)\n output w(x[0..5]) = t(x[0..5]) }}")
    assert program.parameters
    assert all(str(parameter.name).startswith("t.") for parameter in program.parameters)
