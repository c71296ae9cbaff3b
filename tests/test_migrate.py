"""``torchvectors migrate``: programs written for torchtext are read, told of, and changed by one word."""

from __future__ import annotations

import ast
import importlib
import json
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import torchvectors
from torchvectors.cli import main
from torchvectors.migrate import current, names, pipes
from torchvectors.migrate.names import TABLE, find
from torchvectors.vocab import Vocab, build_vocab_from_iterator

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PAGE = ROOT / "docs" / "coming-from-torchtext.md"


def migrate(*paths: Path, write: bool = False) -> int:
    return main(["migrate", *map(str, paths), *(["--write"] if write else [])])


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program.py"


def changed(path: Path, source: str) -> str:
    """Write a program, migrate it, and return what became of it."""
    path.write_bytes(source.encode())
    migrate(path, write=True)
    return path.read_bytes().decode()


# The table is true


def reached(dotted: str) -> object:
    """Return what an import of this name gives.

    Raises:
        ImportError, AttributeError: Nothing.
    """
    parts = dotted.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


def is_there(dotted: str) -> bool:
    try:
        reached(dotted)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_name_that_the_table_promises_can_be_imported() -> None:
    promised = [name.new for name in TABLE.values() if name.new is not None]
    assert len(promised) > 100
    assert [new for new in promised if not is_there(new)] == []


def test_every_name_of_0_18_that_the_table_calls_gone_or_not_yet_is_not_there() -> None:
    absent = [name for area in current.AREAS for name in area.names if name.new is None]
    assert len(absent) > 100
    assert [name.old for name in absent if is_there(name.old.replace("torchtext", "torchvectors", 1))] == []


# By `inspect`, and from each module's `__all__`, of torchtext 0.18.0.
PUBLIC = {
    "": "data datasets experimental functional models nn prototype transforms utils vocab",
    "vocab": "CharNGram FastText GloVe Vectors Vocab build_vocab_from_iterator pretrained_aliases vocab",
    "data": "bleu_score custom_replace filter_wikipedia_xml generate_sp_model get_tokenizer interleave_keys "
    "load_sp_model numericalize_tokens_from_iterator sentencepiece_numericalizer sentencepiece_tokenizer "
    "simple_space_split to_map_style_dataset",
    "data.utils": "RandomShuffler dtype_to_attr get_tokenizer get_torch_version interleave_keys "
    "is_tokenizer_serializable ngrams_iterator",
    "data.metrics": "bleu_score",
    "functional": "add_token str_to_int to_tensor truncate",
    "transforms": "AddToken BERTTokenizer CLIPTokenizer CharBPETokenizer GPT2BPETokenizer LabelToIndex MaskTransform "
    "PadTransform RegexTokenizer SentencePieceTokenizer Sequential StrToIntTransform ToTensor Truncate VocabTransform",
    "utils": "LOCK_TIMEOUT download_from_url extract_archive get_asset_local_path get_lock_dir reporthook "
    "validate_file",
    "nn": "InProjContainer MultiheadAttentionContainer ScaledDotProduct",
}


def test_every_public_name_of_torchtext_0_18_is_in_the_table() -> None:
    dotted = [f"torchtext.{module}.{name}" for module, line in PUBLIC.items() for name in line.split()]
    assert [name for name in dotted if name.replace("..", ".") not in TABLE] == []


@pytest.mark.skipif(
    not SHARED.exists(), reason="the facts about torchtext's data sets lie beside the repository"
)
def test_every_data_set_of_torchtext_is_in_the_table() -> None:
    facts = json.loads((SHARED / "facts" / "datasets.json").read_text("utf-8"))
    assert len(facts) == 31
    assert [name for name in facts if f"torchtext.datasets.{name}" not in TABLE] == []


def test_the_names_of_experimental_are_those_of_prototype() -> None:
    """It was a shim that handed them on."""
    prototype = {old.replace(".prototype", ".experimental") for old in TABLE if ".prototype" in old}
    assert prototype - {old for old in TABLE if ".experimental" in old} == {
        "torchtext.experimental.generate",
        "torchtext.experimental.generate.GenerationUtils",
    }


def test_no_form_that_torchdata_dropped_is_one_of_torch_today() -> None:
    from torch.utils.data import IterDataPipe

    assert not pipes.FORMS.keys() & IterDataPipe.functions.keys()
    assert {"parse_csv", "readlines", "bucketbatch", "rows2columnar", "on_disk_cache"} <= pipes.FORMS.keys()


# The page is true


def test_the_page_s_tables_are_the_table() -> None:
    marks = (
        r"<!-- Made by `python -m torchvectors\.migrate\.names`; a test compares\. -->\n\n(.*)\n\n<!-- End"
    )
    found = re.search(marks, PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert found[1] == names.markdown()


def test_the_tables_can_be_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torchvectors.migrate.names"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == names.markdown() + "\n"


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    scope: dict[str, object] = {"__name__": "page"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"coming-from-torchtext.md, block {number}", "exec"), scope)


def test_what_the_page_says_of_the_command_is_what_it_says(
    program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(program.parent)
    Path("train.py").write_text("from torchtext.vocab import GloVe\nfrom torchtext.data import Field\n")
    assert main(["migrate", "train.py"]) == 1
    said = capsys.readouterr().out.splitlines()
    shown = re.search(r"\$ torchvectors migrate train\.py\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert shown is not None
    for line in shown[1].splitlines():
        beginning = line.split("…")[0]
        assert any(one.startswith(beginning) for one in said), line


# The word changes


@pytest.mark.parametrize(
    "source",
    [
        "import torchtext\n",
        "import torchtext.vocab\n",
        "import torchtext.vocab, torchtext.data\n",
        "import os, torchtext , sys\n",
        "import torchtext as tt\nv = tt.vocab.GloVe('6B')\n",
        "import torchtext.vocab as vocab\nv = vocab.GloVe('6B', 50)\n",
        "import torchtext\nv = torchtext.vocab.GloVe(name='6B', cache=torchtext.vocab.pretrained_aliases)\n",
        "from torchtext import vocab, data\nvocab.GloVe; data.get_tokenizer\n",
        "from torchtext.vocab import GloVe as G, build_vocab_from_iterator\n",
        "from torchtext.vocab.vectors import GloVe\n",
        "from torchtext.vocab.vocab_factory import vocab\n",
        "from torchtext.data.utils import *\ntokenizer = get_tokenizer(None)\n",
        "from torchtext.vocab import (  # of old\n    GloVe,\n    FastText,  # too\n)\n",
        "from \\\n    torchtext.vocab import GloVe\n",
        "from\ttorchtext . vocab import GloVe\n",
        "x = 1; import torchtext; y = torchtext.vocab\n",
        "def f():\n\timport torchtext\n\treturn torchtext.vocab.Vocab(['a'])\n",
        "if 1:\n    from torchtext.data.metrics import bleu_score\n",
        "try:\n    import torchtext\nexcept ImportError:\n    torchtext = None\nok = torchtext is not None\n",
        "import torchtext\ndef f(v: torchtext.vocab.Vocab) -> torchtext.vocab.Vectors: ...\n",
        "import torchtext\nclass V(torchtext.vocab.Vectors):\n    x: torchtext.vocab.GloVe\n",
        "import torchtext\n@torchtext.vocab.wrap\ndef f(): ...\n".replace(".wrap", ".GloVe"),
        "import torchtext\nf = lambda t=torchtext.data: torchtext.vocab\n",
        "import torchtext\nv = [torchtext.vocab.GloVe for t in torchtext.vocab.pretrained_aliases]\n",
        "import torchtext\nprint(f'{torchtext.__version__} {torchtext.__version__!r:>{len(torchtext.__name__)}}')\n",
        "import torchtext\nprint(f'{torchtext.__version__=}')\n",
        "import torchtext\nprint(f'''é {1}\n { torchtext.vocab\n }''' f'{torchtext.data}')\n",
        "import torchtext\ntorchtext.vocab.GloVe.url['6B'] = 'x'\n",
        "import torchtext\nprint((\n    'é', torchtext.vocab,\n\n\n    torchtext\n))\n",
        "torchtext = 1\ndef f():\n    global torchtext\n    import torchtext\n    return torchtext.vocab\n",
        "global torchtext\nimport torchtext\n",
        "def f():\n    import torchtext\n    def g():\n        nonlocal torchtext\n        return torchtext.vocab\n",
        "import torchtext\nT = torchtext.transforms\nT.Sequential(T.ToTensor())\n",
        "import torchtext\nimport torchtext.vocab\nimport torchtext.data.utils\ntorchtext.data.utils.get_tokenizer\n",
        "import torchtext\nif (n := torchtext.vocab.GloVe): del torchtext\n",
        "import torchtext\ntorchtext.disable_torchtext_deprecation_warning()\n".replace(
            "disable_torchtext", "disable_x"
        ),
    ][:-1],
)
def test_every_word_in_covered_imports_and_chains_changes(program: Path, source: str) -> None:
    new = changed(program, source)
    assert new == source.replace("torchtext", "torchvectors")
    assert migrate(program) == 0
    assert changed(program, new) == new


def test_of_a_name_that_holds_the_word_only_the_package_s_word_changes(program: Path) -> None:
    source = "import torchtext\ntorchtext.disable_torchtext_deprecation_warning()\n"
    assert changed(program, source) == source.replace("torchtext", "torchvectors").replace(
        "disable_torchvectors", "disable_torchtext"
    )
    assert (
        program.read_text() == "import torchvectors\ntorchvectors.disable_torchtext_deprecation_warning()\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "import torchtext\n\uff54orchtext.vocab\n",  # Python takes this letter for a "t"
        "def f():\n    global torchtext, torchtext\n    import torchtext\n",
    ],
)
def test_a_word_that_cannot_be_told_for_certain_leaves_its_file_as_it_is(
    program: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert changed(program, source) == source
    assert "by hand: its names could not be told from the text around them" in capsys.readouterr().out
    assert migrate(program) == 1


OTHER_WORDS = '''\
"""torchtext.vocab in a docstring"""
# import torchtext
import torchtext  # torchtext is retired
from mine import torchtext_helpers, other as torchtexts
name, text = "torchtext", f"torchtext {torchtext.__version__} {{torchtext}}"
print(torchtext.vocab.GloVe, self.torchtext, other(torchtext=torchtext.data), {"torchtext": 1})
def f(torchtext, a=torchtext.vocab): return torchtext.vocab.Nothing
class A:
    torchtext = 3
    def g(self): return torchtext.vocab
sum(torchtext for torchtext in [1])
'''


def test_comments_strings_and_other_things_of_this_name_stay(program: Path) -> None:
    new = changed(program, OTHER_WORDS)
    assert new.splitlines() == [
        '"""torchtext.vocab in a docstring"""',
        "# import torchtext",
        "import torchvectors  # torchtext is retired",
        "from mine import torchtext_helpers, other as torchtexts",
        'name, text = "torchtext", f"torchtext {torchvectors.__version__} {{torchtext}}"',
        'print(torchvectors.vocab.GloVe, self.torchtext, other(torchtext=torchvectors.data), {"torchtext": 1})',
        "def f(torchtext, a=torchvectors.vocab): return torchtext.vocab.Nothing",
        "class A:",
        "    torchtext = 3",
        "    def g(self): return torchvectors.vocab",
        "sum(torchtext for torchtext in [1])",
    ]


@pytest.mark.parametrize(
    ("source", "new"),
    [
        ("from torchtext.vocab import GloVe, Foo\n", None),
        ("from torchtext.vocab import (\n    GloVe,\n    SubwordVocab,\n)\n", None),
        ("from torchtext import data, models\ndata.get_tokenizer; models.T5_BASE\n", None),
        ("import torchtext as tt\ntt.vocab.GloVe; tt.models.T5_BASE\n", None),
        ("import torchtext.data as data\nTEXT = data.Field()\n", None),
        ("from torchtext.data import *\nTEXT = Field()\n", None),
        ("from torchtext.models import *\n", None),
        ("from torchtext import *\n", None),
        ("from torchtext.legacy.data import get_tokenizer\n", None),
        ("import torchtext\ntorchtext.models.T5_BASE\n", None),
        ("import torchtext\nM = torchtext.data\nM.Field()\n", None),
        (
            "try:\n    import torchtext\nexcept ImportError:\n    torchtext = None\ntorchtext.nn\ntorchtext.vocab\n",
            None,
        ),
        ("import torchtext\nfrom mine import x as torchtext\ntorchtext.vocab\n", None),
        ("from mine import torchtext\ntorchtext.vocab\n", None),
        ("torchtext = importlib.import_module('torchtext')\ntorchtext.vocab\n", None),
        ("torchtext.vocab.GloVe\n", None),
        (
            "try: from torchtext.legacy import data\nexcept E: from torchtext import data\ndata.get_tokenizer\n",
            "try: from torchtext.legacy import data\nexcept E: from torchvectors import data\ndata.get_tokenizer\n",
        ),
        (
            "import torchtext\ntorchtext.vocab.GloVe; torchtext.models.T5_BASE\n",
            "import torchtext, torchvectors\ntorchvectors.vocab.GloVe; torchtext.models.T5_BASE\n",
        ),
        (
            "import torchtext.vocab #\nimport torchtext.data\n[torchtext.vocab, torchtext.nn]\n",
            (
                "import torchtext.vocab, torchvectors.vocab #\nimport torchvectors.data\n"
                "[torchvectors.vocab, torchtext.nn]\n"
            ),
        ),
        (
            "import torchtext.vocab, torchtext.models\ntorchtext.vocab.GloVe; torchtext.models.T5_BASE\n",
            "import torchvectors.vocab, torchtext.models\ntorchvectors.vocab.GloVe; torchtext.models.T5_BASE\n",
        ),
    ],
)
def test_what_is_not_covered_stays_and_takes_its_import_with_it(
    program: Path, source: str, new: str | None
) -> None:
    assert changed(program, source) == (new or source)
    assert migrate(program) == 1
    assert changed(program, new or source) == (new or source)


def test_a_variable_that_took_a_module_s_name_is_not_taken_for_the_module(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "from torchtext import vocab\nvocab = vocab.vocab({'a': 1})\nvocab.set_default_index(0)\n"
    assert "import torchvectors" in changed(
        program, source.replace("from torchtext", "from torchtext")
    ).replace("from torchvectors import", "import torchvectors")
    assert "set_default_index" not in capsys.readouterr().out


# Not one other byte changes

LINES = [
    "import torchtext",
    "from torchtext.vocab import GloVe as G  # §",
    "import torchtext.transforms as T, os",
    "x = torchtext.vocab.GloVe('§')",
    "y = [f'§ {torchtext.__version__} §', torchtext.data.utils]  # torchtext §",
    "T.Sequential(T.ToTensor()); z = {'torchtext': torchtext}",
    "def f(torchtext='§'): return torchtext.anything",
    "w = '''§\n torchtext §'''; torchtext.functional.truncate",
    "if torchtext:  # §\n\tprint(torchtext.vocab.Vocab(['§']))",
    "",
    "# torchtext.vocab.GloVe §",
]
SAFE = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="'\\{}")).map(
    lambda text: text.replace("torchvectors", "")
)


@given(
    lines=st.lists(st.sampled_from(LINES), max_size=12),
    texts=st.lists(SAFE, min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "iso-8859-15", "utf-16"]),
)
def test_in_every_program_only_the_words_change(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    texts: list[str],
    end: str,
    last: bool,
    encoding: str,
) -> None:
    cookie = f"# -*- coding: {encoding} -*-" if encoding.startswith("iso") else "#"
    source = "\n".join([cookie, "import torchtext", *lines]) + "\n" * last
    source = re.sub("§", lambda _: texts[len(source) % len(texts)], source).replace("\n", end)
    raw = source.encode(encoding, "replace")
    path = tmp_path_factory.mktemp("every") / "program.py"
    path.write_bytes(raw)
    migrate(path, write=True)
    new = path.read_bytes()
    if encoding == "utf-16":  # no Python program is: it has a NUL in it
        assert new == raw
        return
    # Some letters that are no control characters end a line for nobody, and a "?" is what cannot be encoded.
    assert new.replace(b"torchvectors", b"torchtext") == raw
    before, after = (compile(one, "x", "exec", ast.PyCF_ONLY_AST) for one in (raw, new))
    assert texts_of(before) == texts_of(after)
    assert not names_of(after) & {"torchtext"}
    migrate(path, write=True)
    assert path.read_bytes() == new


def texts_of(tree: ast.AST) -> list[object]:
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def names_of(tree: ast.AST) -> set[str]:
    """Return the imported names, and those that are read outside of `f`, which has an argument of this name."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {id(inner) for function in functions for inner in ast.walk(function)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in within}
    imports = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    froms = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return read | {name.split(".")[0] for name in imports + froms}


def test_a_file_keeps_its_mode_and_a_link_goes_on_leading_to_it(tmp_path: Path) -> None:
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("#!/usr/bin/env python\nimport torchtext\n")
    real.chmod(0o750)
    link.symlink_to(real.name)
    assert migrate(link, write=True) == 0
    assert link.is_symlink()
    assert real.read_text() == "#!/usr/bin/env python\nimport torchvectors\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o750
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.py", "real.py"]


def test_without_write_nothing_is_written(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.write_text("import torchtext\n")
    before = program.stat().st_mtime_ns
    assert migrate(program) == 0
    assert program.read_text() == "import torchtext\n"
    assert program.stat().st_mtime_ns == before
    assert "With --write, 1 file would change." in capsys.readouterr().out


FULL_DISK = """
import resource, signal, sys
from torchvectors.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
sys.exit(main(["migrate", "--write", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="stands in for a full disk by a limit of the system's")
def test_a_disk_that_is_full_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("import torchtext\n")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("File too large") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py"]
    assert (tmp_path / "a.py").read_text() == "import torchtext\n"


# Files and folders


def test_folders_are_gone_through_but_not_what_is_not_the_program_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ["a.py", "package/b.py", "package/deep/c.ipynb"]
    passed_over = [
        ".git/d.py",
        "venv/lib/e.py",
        "conda/f.py",
        "package/__pycache__/g.py",
        "node_modules/h.py",
    ]
    passed_over += ["site-packages/i.py", ".ipynb_checkpoints/j.py", "notes.txt"]
    for name in found + passed_over:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cell = {"cells": [{"cell_type": "code", "source": "import torchtext"}]}
        path.write_text(json.dumps(cell) if path.suffix == ".ipynb" else "import torchtext\n")
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "conda" / "conda-meta").mkdir()
    assert migrate(tmp_path, tmp_path / "a.py") == 0
    said = capsys.readouterr().out
    assert [name for name in found + passed_over if str(tmp_path / name) + "\n" in said] == found
    assert said.count(str(tmp_path / "a.py")) == 1
    assert migrate(tmp_path, write=True) == 0
    assert [name for name in found if "import torchvectors" in (tmp_path / name).read_text()] == found
    assert [name for name in passed_over if "torchvectors" in (tmp_path / name).read_text()] == []
    assert migrate(tmp_path / ".git", write=True) == 0
    assert (tmp_path / ".git" / "d.py").read_text() == "import torchvectors\n"


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b"import torchtext\n\nprint 'Python 2'\n", 3, "Missing parentheses"),
        (b"import torchtext\nx = (\n", 2, "was never closed"),
        (b"# coding: no-such-encoding\nimport torchtext\n", 1, "unknown encoding"),
        (b"import torchtext  # \xff\n", 1, "invalid"),
        (b"import torchtext\0\n", 1, "null bytes"),
        (b"# coding: iso-2022-jp\nimport torchtext  # \x1b(B\n", 1, "cannot be written back byte for byte"),
        (b"import torchtext\nx = " + b"(" * 500 + b")" * 500 + b"\n", 1, "Python 3 cannot read it"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_of_and_left_and_the_others_go_on(
    tmp_path: Path, raw: bytes, line: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.py").write_bytes(raw)
    (tmp_path / "good.py").write_text("import torchtext\n")
    assert migrate(tmp_path, write=True) == 1
    said = capsys.readouterr().out
    told = next(text for text in said.splitlines() if "by hand" in text)
    assert re.match(rf"  line \d+ +by hand: .*{re.escape(reason)}.*; nothing in this file changes", told), (
        told
    )
    if b"(" * 500 not in raw:
        assert told.startswith(f"  line {line} ")
    assert (tmp_path / "bad.py").read_bytes() == raw
    assert (tmp_path / "good.py").read_text() == "import torchvectors\n"


def test_a_folder_without_torchtext_is_done_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "python2.py").write_text("print 'of no concern'\n")
    assert migrate(tmp_path) == 0
    assert capsys.readouterr().out == "Nothing here uses torchtext.\n"


@pytest.mark.parametrize("name", ["missing.py", "missing", "notes.txt"])
def test_a_path_that_is_no_program_is_exit_code_2_and_nothing_is_done(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("torchtext")
    (tmp_path / "good.py").write_text("import torchtext\n")
    assert migrate(tmp_path / "good.py", tmp_path / name, write=True) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"torchvectors migrate: {tmp_path / name}: ")
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert (tmp_path / "good.py").read_text() == "import torchtext\n"


def test_no_path_at_all_is_exit_code_2() -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["migrate"])


def test_what_only_downloads_need_is_not_imported(program: Path) -> None:
    program.write_text("import torchtext\n")
    code = (
        "import sys; from torchvectors.cli import main; main(['migrate', sys.argv[1]]); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(program)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & {"requests", "filelock", "torchdata", "safetensors", "matplotlib"}


# What is said


def said_of(path: Path, source: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of the report on a program, without its end."""
    path.write_bytes(source.encode())
    capsys.readouterr()
    code = migrate(path)
    first, *lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if re.match(r"  (line|cell) ", line)]
    assert first == str(path) or not told
    assert code == any("by hand" in line or "gone" in line or "renamed" in line for line in told)
    return told


def test_each_line_is_told_of_with_what_it_needs(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = textwrap.dedent("""\
        import torchtext
        from torchtext.data import Field, get_tokenizer
        from torchtext.legacy.data import bleu_score
        from torchtext.datasets import AG_NEWS
        import torchtext.nothing
        v = (torchtext.vocab.GloVe,
             torchtext.models.T5_BASE.encoder)
        """)
    told = said_of(program, source, capsys)
    shown = [re.match(r"  (line \d+) +(\S+) +(.*)", line).groups() for line in told]  # type: ignore[union-attr] # each matches
    begins = [(place, name, text.split(":")[0].split(";")[0]) for place, name, text in shown]
    assert begins == [
        ("line 1", "torchtext", "covered"),
        ("line 2", "torchtext.data.Field", "gone"),
        ("line 2", "torchtext.data.get_tokenizer", "covered"),
        ("line 3", "torchtext.legacy.data.bleu_score", "renamed"),
        ("line 4", "torchtext.datasets.AG_NEWS", "covered, and differs"),
        ("line 5", "torchtext.nothing", "gone"),
        ("line 6", "torchtext.vocab.GloVe", "covered, and differs"),
        ("line 7", "torchtext.models.T5_BASE", "gone"),
    ]
    assert "use torchvectors.data.bleu_score" in told[3]
    assert "transformers" in told[7]
    assert "left as it is, since torchtext.data.Field is not covered (line 2)" in told[2]


def test_how_a_name_differs_is_told_once(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.write_text(
        "from torchtext.functional import to_tensor\nimport torchtext\ntorchtext.functional.to_tensor\n"
    )
    assert migrate(program) == 0
    said = capsys.readouterr().out
    assert said.count("covered, and differs") == 2
    assert said.count("  torchtext.functional.to_tensor: `dtype` counts") == 1


TRAP = "by hand: its values are row numbers, not frequencies"


@pytest.mark.parametrize(
    ("source", "vectors"),
    [
        ("from torchtext.vocab import vocab\nvocab(glove.stoi)", "glove"),
        ("from torchtext.vocab import vocab as v\nv(self.glove.stoi, specials=['<unk>'])", "self.glove"),
        ("from torchtext.vocab import vocab\nvocab(ordered_dict=GloVe('6B').stoi)", "GloVe('6B')"),
        ("import torchtext\ntorchtext.vocab.vocab(glove.stoi, min_freq=1)", "glove"),
        ("from torchtext import vocab\nvocab.vocab(OrderedDict(glove.stoi))", "glove"),
        ("from torchtext.vocab import vocab\nwords = glove.stoi\nvocab(words)", "glove"),
        (
            "from torchtext.vocab import vocab\nwords = dict(glove.stoi.items())\nwords = dict(words)\nvocab(words)",
            "glove",
        ),
        ("from torchvectors.vocab import vocab\nvocab(glove.stoi)", "glove"),
    ],
)
def test_the_trap_is_told_of_with_the_right_call(
    program: Path, source: str, vectors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [line for line in said_of(program, source, capsys) if TRAP in line]
    assert len(told) == 1
    assert told[0].startswith(f"  line {len(source.splitlines())} ")
    assert f"Vocab.from_vectors({vectors}, specials=[…])" in told[0]
    assert f"torchvectors.align(vocab, {vectors}).matrix" in told[0]


@pytest.mark.parametrize(
    "source",
    [
        "from torchtext.vocab import vocab\nvocab(Counter(tokens))",
        "from torchtext.vocab import vocab\nvocab(glove.stoi, min_freq=0)",
        "from torchtext.vocab import vocab\nvocab(glove.stoi, -1)",
        "from mine import vocab\nimport torchtext\nvocab(glove.stoi)",
    ],
)
def test_what_is_not_the_trap_is_not_told_of(
    program: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not [line for line in said_of(program, source, capsys) if "by hand" in line]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("Vocab(counter, min_freq=2)", "build_vocab_from_iterator([counter]"),
        ("Vocab(counter, vectors='glove.6B.100d')", "torchvectors.align(vocab, vectors)"),
        ("c = Counter(words); Vocab(c)", "build_vocab_from_iterator([counter]"),
        (
            "TEXT.build_vocab(train, max_size=9, vectors='glove.6B.100d')",
            "torchvectors.align(vocab, vectors).matrix",
        ),
        ("TEXT.vocab.load_vectors('glove.6B.100d')", "torchvectors.align(vocab, vectors).matrix"),
        ("TEXT.vocab.load_vectors([glove, fasttext])", "Stack([a, b]) makes one"),
        ("vocab.set_vectors(stoi, vectors, 100)", "torchvectors.align(vocab, vectors).matrix"),
        ("len(TEXT.vocab.itos)", "`vocab.get_itos()`"),
        ("self.TEXT.vocab.stoi['a']", "`vocab.get_stoi()`"),
        ("import_module('torchtext.vocab')", "a name in a string"),
        ("pytest.importorskip('torchtext')", "a name in a string"),
        ("patch('torchtext.vocab.GloVe.cache')", "a name in a string"),
        ("x: 'torchtext.vocab.Vocab'", "a name in a string"),
        ("install = ['torch', 'torchtext==0.6.0']", "a name in a string"),
        ("GPT2BPETokenizer('https://example.com/e.json', 'v')", "give its path"),
        ("url = 'https://example.com/'; CLIPTokenizer(url + 'm')", "give its path"),
    ],
)
def test_older_calls_and_names_in_strings_are_told_of(
    program: Path, line: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = "from torchtext.vocab import Vocab\nfrom torchtext.legacy.data import Field\n"
    imports += "from torchtext.transforms import GPT2BPETokenizer, CLIPTokenizer\n"
    told = [text for text in said_of(program, imports + line, capsys) if text.startswith("  line 4 ")]
    assert len(told) == 1
    assert f"by hand: {''}" in told[0]
    assert advice in told[0]


@pytest.mark.parametrize(
    "line",
    [
        "Vocab(tokens)",
        "Vocab(['a'], default_index=0)",
        "glove.itos, glove.vectors, self.vectors.stoi",
        "faiss.load_vectors(path)",
        "pipe.build_vocab(min_freq=2)",
        "logging.getLogger('torchtext')",
        "print('torchtext is retired, see torchtext.vocab')",
        "GPT2BPETokenizer('e.json', 'v.bpe')",
        "open(path).readlines()",
        "'''torchtext.vocab'''",
    ],
)
def test_what_needs_no_hand_is_not_told_of(
    program: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = "from torchtext.vocab import Vocab\nfrom torchtext.legacy.data import Field\n"
    imports += (
        "from torchtext.transforms import GPT2BPETokenizer\nfrom torch.utils.data import IterDataPipe\n"
    )
    assert not [text for text in said_of(program, imports + line, capsys) if text.startswith("  line 5 ")]


@pytest.mark.parametrize(
    "form", ["parse_csv", "bucketbatch", "rows2columnar", "on_disk_cache", "read_from_http"]
)
def test_dropped_forms_of_pipes_are_told_of_whatever_they_are_called_on(
    program: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"from torchdata.datapipes.iter import FileOpener\ndef build(dp): return dp.map(f).{form}(4)\n"
    told = said_of(program, source, capsys)
    assert "renamed: use torch.utils.data.datapipes.iter.FileOpener" in told[0]
    assert f".{form}(…)" in told[1]
    assert "by hand: torchdata 0.10 dropped it" in told[1]


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("FileOpener(paths).readlines()", True),
        ("dp = FileOpener(paths); dp = dp.map(f); dp.readlines(); ", True),
        ("anything.readlines(return_path=False)", True),
        ("AG_NEWS(split='train').enumerate()", True),
        ("open(path).readlines()", False),
        ("f = open(path); f.readlines()", False),
        ("tensor.pin_memory(), itertools.cycle(x), text.header()", False),
    ],
)
def test_forms_that_others_have_too_are_told_of_on_pipes_alone(
    program: Path, line: str, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"from torchtext.datasets import AG_NEWS\nimport torchdata.datapipes as dp\n{line}\n"
    source = source.replace("FileOpener", "dp.iter.FileOpener")
    told = [text for text in said_of(program, source, capsys) if "torchdata 0.10 dropped it" in text]
    assert bool(told) == is_told


@pytest.mark.parametrize(
    "klass", ["CSVParser", "HttpReader", "BucketBatcher", "OnDiskCacheHolder", "Rows2Columnar"]
)
def test_dropped_classes_of_pipes_are_told_of(
    program: Path, klass: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"from torchdata.datapipes.iter import {klass}\nimport torchdata.nodes, torchdata\n"
    told = said_of(program, source, capsys)
    assert len(told) == 1
    assert f"torchdata.datapipes.iter.{klass} " in told[0]
    assert "gone: " in told[0]


# What is advised works


def test_counts_make_the_vocabulary_that_the_older_vocab_made_of_them() -> None:
    from collections import Counter

    counter = Counter({"b": 2, "a": 2, "c": 5, "d": 1})
    made = build_vocab_from_iterator([counter], min_freq=2, specials=["<unk>", "<pad>"])
    assert made.get_itos() == ["<unk>", "<pad>", "c", "a", "b"]  # by count, then by letter


def times(number: int) -> list[int]:
    return [number] * number


def by_length(rows: list[str]) -> list[str]:
    return sorted(rows, key=len)


def columns(rows: list[tuple[int, str]]) -> dict[str, tuple[int | str, ...]]:
    return dict(zip("xy", zip(*rows, strict=True), strict=True))


def test_torch_s_own_pipes_do_what_is_advised_in_the_place_of_dropped_ones() -> None:
    from torch.utils.data.datapipes.iter import IterableWrapper

    assert list(IterableWrapper([1, 2]).map(times).unbatch()) == [1, 2, 2]  # flatmap
    rows = IterableWrapper(["ccc", "a", "bb", "dddd"])
    buckets = rows.batch(4).map(by_length).unbatch().batch(2)  # bucketbatch
    assert [list(batch) for batch in buckets] == [["a", "bb"], ["ccc", "dddd"]]
    batches = IterableWrapper([(1, "a"), (2, "b")]).batch(2)
    assert list(batches.map(columns)) == [{"x": (1, 2), "y": ("a", "b")}]  # rows2columnar


def test_a_row_for_unknown_tokens_can_be_given_as_prototype_s_was() -> None:
    row = torch.ones(2)
    vectors = torchvectors.Vectors.from_tensor(["a"], torch.zeros(1, 2), unk_init=lambda _: row)
    assert vectors["b"].tolist() == [1, 1]


# Notebooks


def notebook(*cells: str | list[str], **more: Any) -> dict[str, Any]:
    common: dict[str, Any] = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": []}
    made = [{**common, "source": one} for one in cells]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def cells_of(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]


def test_only_the_code_of_a_notebook_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = notebook(
        ["import torchtext\n", "# torchtext é\n"],
        "glove = torchtext.vocab.GloVe('6B')",
    )
    made["cells"][0]["outputs"] = [{"text": ["import torchtext\n"], "output_type": "stream"}]
    made["cells"].insert(1, {"cell_type": "markdown", "source": ["import torchtext"], "metadata": {}})
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    before = path.read_text("utf-8")
    assert migrate(path, write=True) == 0
    after = path.read_text("utf-8")
    assert after.splitlines() == [
        line.replace('import torchtext\\n",', 'import torchvectors\\n",').replace(
            "= torchtext.", "= torchvectors."
        )
        for line in before.splitlines()
    ]
    assert cells_of(path)[1] == "import torchtext"
    assert "cell 1, line 1" in (said := capsys.readouterr().out)
    assert "cell 3, line 1" in said
    assert migrate(path, write=True) == 0
    assert path.read_text("utf-8") == after


CELLS = [
    "import torchtext",
    "import torchtext.vocab as v  # §\nv.GloVe('§')",
    "torchtext.vocab.GloVe('§'); '§ torchtext \\'§\\''",
    ["from torchtext.vocab ", "import GloVe\n", "x = f'§ {torch", "text.__version__}'"],
    "%matplotlib inline\nprint(torchtext.vocab)",
    "",
    "# torchtext §",
]


@given(
    cells=st.lists(st.sampled_from(CELLS), max_size=6),
    text=SAFE.filter(lambda text: "torchtext" not in text),
    indent=st.sampled_from([None, 0, 1, 2, "\t"]),
    ascii_only=st.booleans(),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :  ")]),
    around=st.sampled_from([("", ""), ("", "\n"), ("\ufeff", "\r\n"), (" \n", " ")]),
)
def test_in_every_notebook_only_the_words_change(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[str | list[str]],
    text: str,
    indent: int | str | None,
    ascii_only: bool,
    separators: tuple[str, str],
    around: tuple[str, str],
) -> None:
    def put(cell: str | list[str]) -> str | list[str]:
        return (
            cell.replace("§", text) if isinstance(cell, str) else [part.replace("§", text) for part in cell]
        )

    made = notebook("import torchtext", *map(put, cells), torchtext={"torchtext": "torchtext"})
    written = json.dumps(made, indent=indent, ensure_ascii=ascii_only, separators=separators)
    raw = f"{around[0]}{written}{around[1]}".encode()
    path = tmp_path_factory.mktemp("every") / "a.ipynb"
    path.write_bytes(raw)
    assert migrate(path, write=True) == 0
    new = path.read_bytes()
    joined = re.compile(rb'torch"\s*,\s*"text')  # the word that two strings share is moved into the first
    assert joined.sub(b"torchtext", new.replace(b"torchvectors", b"torchtext")).count(
        b"torchtext"
    ) == joined.sub(b"torchtext", raw).count(b"torchtext")
    if not any(isinstance(cell, list) for cell in cells):
        assert new.replace(b"torchvectors", b"torchtext") == raw
    for before, after in zip(made["cells"], json.loads(new.decode("utf-8-sig"))["cells"], strict=True):
        code = "".join(after["source"])
        assert code.replace("torchvectors", "torchtext") == "".join(before["source"])
        assert "import torchtext" not in code
        assert "torchtext." not in code
    migrate(path, write=True)
    assert path.read_bytes() == new


MAGIC = [
    "%pip install torchtext==0.6",
    "!pip install -q torchtext \\\n  torchdata\nimport torchtext.data",
    "%%bash\npip install torchtext",
    "%%time\nimport torchtext",
    "files = !ls torchtext",
    "torchtext.vocab.GloVe?",
    "x = (7\n%3)\n%matplotlib inline\nif x:\n    !ls\n    y = torchtext.vocab\nawait y",
    "pip install torchtext",
    "%%writefile a.py\nimport torchtext",
]


def test_lines_of_ipython_are_told_of_and_survive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(*MAGIC)), "utf-8")
    assert migrate(path, write=True) == 1
    said = capsys.readouterr().out
    new = [
        text.replace("import torchtext", "import torchvectors", text.startswith("%%time")) for text in MAGIC
    ]
    new[1] = new[1].replace("import torchtext", "import torchvectors")
    new[6] = new[6].replace("y = torchtext", "y = torchvectors")
    assert cells_of(path) == new
    by_hand = [line for line in said.splitlines() if "no line of Python" in line]
    places = ["1, line 1", "2, line 1", "3, line 2", "5, line 1", "6, line 1", "8, line 1", "9, line 2"]
    assert [re.match(r"  cell (\S+ line \d+)", line)[1] for line in by_hand] == places  # type: ignore[index] # each matches
    assert [line for line in by_hand if "install torchvectors in its place" in line] == [
        by_hand[0],
        by_hand[1],
        by_hand[2],
        by_hand[5],
    ]
    assert migrate(path, write=True) == 1
    assert cells_of(path) == new


def test_a_cell_that_is_not_python_3_is_told_of_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ["import torchtext", "x = 1\nprint torchtext", "torchtext.vocab", "print 'of no concern'"]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(*cells)), "utf-8")
    assert migrate(path, write=True) == 1
    assert cells_of(path) == ["import torchvectors", cells[1], "torchvectors.vocab", cells[3]]
    told = [line for line in capsys.readouterr().out.splitlines() if "by hand: Python 3" in line]
    assert len(told) == 1
    assert told[0].startswith("  cell 2, line 2 ")


def test_where_the_import_cannot_be_read_its_names_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = ["import torchtext\nprint 'x'", "torchtext.vocab.GloVe"]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook(*cells)), "utf-8")
    assert migrate(path, write=True) == 1
    assert cells_of(path) == cells
    assert "left as it is, since no line that could be read imports it" in capsys.readouterr().out


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(notebook("library(torchtext)", metadata={"kernelspec": {"language": "R"}})).encode(),
        json.dumps({"cells": [], "torchtext": 1}).encode(),
        json.dumps(["torchtext"]).encode(),
    ],
)
def test_a_notebook_of_another_language_or_none_is_nothing_to_us(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(raw)
    assert migrate(path, write=True) == 0
    assert path.read_bytes() == raw


def test_a_notebook_before_format_4_is_read_as_well(tmp_path: Path) -> None:
    cells = [{"cell_type": "code", "input": ["import torchtext\n"], "outputs": [], "language": "python"}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {}}))
    assert migrate(path, write=True) == 0
    assert '["import torchvectors\\n"]' in path.read_text()


@pytest.mark.parametrize("raw", [b'{"cells": [torchtext', b"\xff torchtext", b"[" * 100_000 + b'"torchtext"'])
def test_what_is_no_notebook_is_told_of_and_left(
    tmp_path: Path, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(raw)
    assert migrate(path, write=True) == 1
    assert "by hand: it is no notebook" in capsys.readouterr().out
    assert path.read_bytes() == raw


# Saved vocabularies

# What pickle writes of torchtext's C++ object, as tests/test_legacy.py says.
SAVED = (
    b"\x80\x02ctorchtext._torchtext\nVocab\nq\x00)\x81q\x01(X\x05\x00\x00\x000.0.2q\x02]q\x03K\x00a]q\x04(X\x05"
    b"\x00\x00\x00<unk>q\x05X\x01\x00\x00\x00aq\x06X\x02\x00\x00\x00\xc3\xa9q\x07e]q\x08tq\tb."
)


def test_a_saved_vocabulary_is_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vocab.pth"
    path.write_bytes(SAVED)
    assert migrate(path) == 1
    assert path.read_bytes() == SAVED
    assert "a Vocab of torchtext's, 3 tokens" in capsys.readouterr().out
    assert migrate(path, write=True) == 1  # the line that loads it wants changing, too
    again = Vocab.from_state(torch.load(path, weights_only=True))
    assert again.get_itos() == ["<unk>", "a", "é"]
    assert again.get_default_index() == 0
    assert migrate(path, write=True) == 0
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["vocab.pth"]


def test_a_file_that_is_no_saved_vocabulary_is_told_of_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    before = path.read_bytes()
    assert migrate(path, write=True) == 1
    assert "this is no vocabulary" in capsys.readouterr().out
    assert path.read_bytes() == before


# Programs as people write them, before and after

CLASSIFIER = """
import torch
import torchtext
from torch import nn
from torch.utils.data import DataLoader
from torchtext.data.functional import to_map_style_dataset
from torchtext.data.utils import get_tokenizer
from torchtext.vocab import build_vocab_from_iterator

torchtext.disable_torchtext_deprecation_warning()
rows = [(1, "Wall St. bears claw back."), (2, "The home team wins, again!"), (1, "Oil prices soar; stocks fall.")]
tokenizer = get_tokenizer("basic_english")


def yield_tokens(data_iter):
    for _, text in data_iter:
        yield tokenizer(text)


vocab = build_vocab_from_iterator(yield_tokens(rows), specials=["<unk>"])
vocab.set_default_index(vocab["<unk>"])
text_pipeline = lambda x: vocab(tokenizer(x))
label_pipeline = lambda x: int(x) - 1


def collate_batch(batch):
    label_list, text_list, offsets = [], [], [0]
    for _label, _text in batch:
        label_list.append(label_pipeline(_label))
        processed_text = torch.tensor(text_pipeline(_text), dtype=torch.int64)
        text_list.append(processed_text)
        offsets.append(processed_text.size(0))
    return torch.tensor(label_list), torch.cat(text_list), torch.tensor(offsets[:-1]).cumsum(dim=0)


class TextClassificationModel(nn.Module):
    def __init__(self, vocab_size, embed_dim, num_class):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim)
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


model = TextClassificationModel(len(vocab), 8, 2)
for label, text, offsets in DataLoader(to_map_style_dataset(rows), batch_size=2, collate_fn=collate_batch):
    result = model(text, offsets)
assert result.shape == (1, 2)
version = f"torchtext {torchtext.__version__}"
"""

TRANSFORMS = """
import torchtext.transforms as T
from torchtext.vocab import GloVe, vocab

glove = GloVe(name="sample", dim=50)
words = {word: 1 for word in glove.itos[:100]}
my_vocab = vocab(words, specials=["<pad>", "<s>", "</s>", "<unk>"])
my_vocab.set_default_index(my_vocab["<unk>"])
transform = T.Sequential(
    T.VocabTransform(my_vocab),
    T.Truncate(4),
    T.AddToken(my_vocab["<s>"], begin=True),
    T.AddToken(my_vocab["</s>"], begin=False),
    T.ToTensor(padding_value=my_vocab["<pad>"]),
)
result = transform([["the", "of", "zzz"], ["in"]])
assert result.tolist() == [[1, 4, 7, 3, 2], [1, 10, 2, 0, 0]]
"""


@pytest.mark.parametrize("source", [CLASSIFIER, TRANSFORMS])
def test_a_program_runs_when_the_word_is_changed(program: Path, source: str) -> None:
    program.write_text(source)
    assert migrate(program, write=True) == 0
    new = program.read_text()
    assert re.findall(r"\b(?:import|from) torchtext|torchtext\.(?!.*\")", new) == []
    scope: dict[str, Any] = {"__name__": "program"}
    exec(compile(new, str(program), "exec"), scope)
    if "version" in scope:
        assert scope["version"] == f"torchtext {torchvectors.__version__}"


COURSE = """\
import torch
from torchtext.legacy import data
from torchtext.legacy import datasets

TEXT = data.Field(tokenize="spacy", tokenizer_language="en_core_web_sm", include_lengths=True)
LABEL = data.LabelField(dtype=torch.float)
train_data, test_data = datasets.IMDB.splits(TEXT, LABEL)
TEXT.build_vocab(train_data, max_size=25_000, vectors="glove.6B.100d", unk_init=torch.Tensor.normal_)
LABEL.build_vocab(train_data)
batches = data.BucketIterator.splits((train_data, test_data), batch_size=64, sort_within_batch=True)
pretrained = TEXT.vocab.vectors
padding = TEXT.vocab.stoi[TEXT.pad_token]
"""


def test_a_course_s_notebook_of_fields_is_told_of_line_by_line_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "course.ipynb"
    path.write_text(json.dumps(notebook(COURSE.splitlines(keepends=True)), indent=1), "utf-8")
    before = path.read_bytes()
    assert migrate(path, write=True) == 1
    assert path.read_bytes() == before
    said = capsys.readouterr().out
    told = re.findall(r"  cell 1, line (\d+) +(\S+)", said)
    assert told == [
        ("2", "torchtext.legacy.data"),
        ("3", "torchtext.legacy.datasets"),
        ("5", "torchtext.legacy.data.Field"),
        ("6", "torchtext.legacy.data.LabelField"),
        ("7", "torchtext.legacy.datasets.IMDB"),
        ("8", ".build_vocab(…,"),
        ("10", "torchtext.legacy.data.BucketIterator"),
        ("11", ".vocab.vectors"),
        ("12", ".vocab.stoi"),
    ]
    assert said.endswith("\n1 file: 0 covered, 9 to be seen to by hand.\n")


def test_a_misspelled_name_is_answered_with_the_nearest_ones() -> None:
    for asked, meant in (("data.Feild", "data.Field"), ("vocab.Glove", "vocab.GloVe")):
        found = find(f"torchtext.{asked}")
        assert found is not None
        assert f"Was torchtext.{meant}" in found.note
    nothing = find("torchtext.zyzzyva")
    assert nothing is not None
    assert "meant" not in nothing.note
