"""What the documents say works: every block of Python in them is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from torchvectors import catalog
from torchvectors.catalog import datasets_page, page
from torchvectors.catalog.datasets import dataset_names

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> list[str]:
    return BLOCK.findall(path.read_text("utf-8"))


def test_the_readme_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    found = blocks(ROOT / "README.md")
    assert len(found) >= 3
    for number, block in enumerate(found):
        exec(compile(block, f"README.md, block {number}", "exec"), names)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")
@pytest.mark.parametrize("name", ["alignment.md", "graph.md"])
def test_each_page_runs_from_top_to_bottom(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": name}
    found = blocks(ROOT / "docs" / name)
    assert len(found) >= 3
    for number, block in enumerate(found):
        exec(compile(block, f"{name}, block {number}", "exec"), names)
    assert not list(tmp_path.iterdir())  # whoever runs them at home finds nothing left


def test_the_readme_shows_the_two_commands_that_ci_runs() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "- See it work, without a network: `pip install . && torchvectors demo`\n" in text
    assert "- Run the tests: `pip install -e '.[test]' && pytest` (some minutes)\n" in text


def test_the_architecture_page_knows_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {path.stem for path in (ROOT / "torchvectors").iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms -= {"__init__", "__pycache__", "py"}
    missing = {room for room in rooms if f"`{room}`" not in page and not room.startswith(".")}
    assert not missing


def test_the_catalog_page_is_what_the_catalog_says() -> None:
    file = ROOT / "docs" / "catalog.md"
    assert file.read_text("utf-8") == page.page(), f"run: python -m torchvectors.catalog.page {file}"
    assert page.main([str(file), "--check"]) == 0


def test_the_catalog_page_names_every_entry_and_is_found_stale(tmp_path: Path) -> None:
    text = page.page()
    assert all(f"`{name}`" in text for name in catalog.names())
    file = tmp_path / "catalog.md"
    assert page.main([str(file), "--check"]) == 1
    assert not file.exists()
    assert page.main([str(file)]) == 0
    assert file.read_text("utf-8") == text
    file.write_text(text.replace("glove.6B.50d", "glove.6B.51d"), "utf-8")
    assert page.main([str(file), "--check"]) == 1


def test_every_test_that_the_page_of_reliability_names_is_there() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    programs = {path.name: path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+(?:\.py)?)`", page))
    assert len(named) > 10
    missing = {
        name for name in named if name not in programs and f"def {name}(" not in "".join(programs.values())
    }
    assert not missing


def test_the_page_of_data_sets_is_what_their_records_say(tmp_path: Path) -> None:
    file = ROOT / "docs" / "datasets.md"
    text = datasets_page.page()
    assert file.read_text("utf-8") == text, f"run: python -m torchvectors.catalog.datasets_page {file}"
    assert datasets_page.main([str(file), "--check"]) == 0
    assert all(f"`{name}`" in text for name in dataset_names())
    for block in BLOCK.findall(text):
        exec(compile(block, "datasets.md", "exec"), {"__name__": "page"})
    other = tmp_path / "datasets.md"
    assert datasets_page.main([str(other), "--check"]) == 1
    assert datasets_page.main([str(other)]) == 0
    assert other.read_text("utf-8") == text


def test_the_changelog_begins_with_this_version() -> None:
    from torchvectors import __version__

    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first = re.search(r"^## (?!Unreleased$)(\S+)", text, re.MULTILINE)
    assert first is not None
    assert first[1] == __version__
