"""The documentation as a site: it builds without a warning, every page is in the menu, nothing comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import requirements
from tests.markdown import ROOT
from tnc.diagnostics import CATALOGUE

DOCS = ROOT / "docs"


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def test_every_page_is_in_the_menu() -> None:
    menus = re.findall(r"```\{toctree\}\n(.*?)```", text_of("index.md"), re.DOTALL)
    listed = [line for menu in menus for line in menu.splitlines() if line and not line.startswith(":")]
    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


@pytest.mark.peers
def test_the_site(tmp_path: Path) -> None:
    for name in ("sphinx", "myst_parser", "furo"):
        requirements.package(name)
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "-b", "html"]
    built = subprocess.run([*command, str(DOCS), str(tmp_path)], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > len(CATALOGUE)
    loaded = re.compile(r"<(?:link|script|img|iframe)[^>]*(?:href|src)=\"(?:https?:)?//[^\"]*\"")
    assert [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []
    keywords = (tmp_path / "language.html").read_text(encoding="utf-8")
    assert '<span class="kd">network</span>' in keywords
