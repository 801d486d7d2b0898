"""The habits a linter does not know: names, sizes, and nothing of the machine it was written on.

Each rule takes a file and yields findings such as `src/dunwell/x.py:12: ...`; no finding, no fault.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 400
LONGEST_FUNCTION = 80
USUAL_FUNCTION = 26  # nine functions in ten are shorter

# Words that say nothing, or something else in every field that uses them (docs/glossary.md).
VAGUE = {
    "level",
    "levels",
    "procedure",
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "service",
    "services",
    "data",
}
# Names that others chose for us.
THEIRS = {
    "cleaned_data": "Django's",
    "get_context_data": "Django's",
    "handle_data": "html.parser's",
    "handle_DATA": "aiosmtpd's",
    "process_request": "socketserver's",
    "smtp_DATA": "aiosmtpd's",
}

# Put together from pieces, so that this file does not find itself.
_FOLDERS = "|".join(["work", "root"])
_HOSTS = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org")]
MACHINE = re.compile(
    rf"(?<![\w./~-])/(?:{_FOLDERS})(?=/|\b(?!\w))"
    + "".join(rf"|\b{name}\.{end}\b" for name, end in _HOSTS)
    + "|"
    + "-".join(["r", "seed"])
)


_Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """List the Python files below some folders of the project, without generated migrations."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def words_of(name: str) -> list[str]:
    """Split a name into its words: `CaseManager` and `case_manager` are both case, manager."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def vague_names(path: Path) -> Iterator[str]:
    """Find files, classes and functions named with a word we do not use, or after "to process"."""
    if VAGUE & set(words_of(path.stem)) or words_of(path.stem)[:1] == ["process"]:
        yield f"{_place(path, 1)}: the file's name says too little"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, _Named) or node.name in THEIRS:
            continue
        words = words_of(node.name)
        vague = sorted(VAGUE & set(words))
        if vague:
            yield f"{_place(path, node.lineno)}: {node.name} uses {vague[0]!r}"
        elif isinstance(node, _Function) and words[:1] == ["process"]:
            yield f"{_place(path, node.lineno)}: {node.name} uses 'process' as a verb"


def too_long(path: Path) -> Iterator[str]:
    """Find a file or functions that are longer than one can take in."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines >= LONGEST_FILE:
        yield f"{_place(path, 1)}: {lines} lines, must be under {LONGEST_FILE}"
    for node in _functions(text):
        if (length := _length(node)) > LONGEST_FUNCTION:
            yield f"{_place(path, node.lineno)}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"


def usual_function_length(paths: list[Path]) -> int:
    """Say how long the longest of the shorter nine functions in ten is."""
    lengths = sorted(_length(node) for path in paths for node in _functions(path.read_text(encoding="utf-8")))
    return lengths[len(lengths) * 9 // 10] if lengths else 0


def traces_of_a_machine(path: Path) -> Iterator[str]:
    """Find paths and addresses that only mean something where the file was written."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE.search(line):
            yield f"{_place(path, number)}: {found.group()!r} belongs to one machine"


def project_files() -> list[Path]:
    """List the files that make up the project: what git keeps, or all but hidden ones without git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        found = [p for p in ROOT.rglob("*") if not any(part[0] == "." for part in p.relative_to(ROOT).parts)]
    return sorted(path for path in found if path.is_file())


def _functions(text: str) -> Iterator[_Function]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _Function):
            yield node


def _length(node: _Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name}:{line}"
