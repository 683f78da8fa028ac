"""A run with everything that a page may have to show, including attempts to inject markup."""

import shutil
from pathlib import Path

import pytest

from played import Played, Said, write_run

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
ARABIC = "كم عدد التفاحات؟ 12"
FOLDING = [
    ("Zürich", "ZÜRICH", True),
    ("É", "é", True),
    ("É", "e", False),
    ("cafe\u0301", "CAFE\u0301", True),
    ("cafe\u0301", "café", False),
    ("straße", "STRASSE", False),
    ("straße", "STRA\u1e9eE", True),
    ("οδος", "ΟΔΟΣ", True),
    ("Istanbul", "istanbul", True),
    ("İstanbul", "istanbul", False),
    ("ısı", "isi", False),
    ("\u212a", "k", True),
    (ARABIC, ARABIC, True),
    ("a.c*[", "A.C*[", True),
    ("abc", "a.c", False),
    ("\\d+ $^", "\\D+ $^", True),
]
"""What a message holds, what is searched, and whether it is found. Unicode's simple case folding."""


@pytest.fixture
def run(written: str, tmp_path: Path) -> str:
    """Folder of the run; a copy, in which marks may be left."""
    return shutil.copytree(written, str(tmp_path / "first"))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run, written once."""
    right = Said("It is 6", right=True, ids=(5, 6, 7))
    return write_run(
        tmp_path_factory.mktemp("view") / "first",
        [
            Played(3, [Said("It is 9", hint="Off by three."), right]),
            Played(3, [Said("It is 8"), Said("It is 7")], sample=1),
            Played(3, [right], arm="retry"),
            Played(4, [Said(EVIL + " 8", right=True)]),
            Played(5, [Said(ARABIC + " 10", right=True)]),
            Played(6, [Said("word " * 1_000_000, cut=True), Said("It is 12", right=True)]),
            *(Played(n, [Said(f"It is {2 * n}", right=True)]) for n in range(100, 180)),
        ],
    )
