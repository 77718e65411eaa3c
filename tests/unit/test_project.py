"""What the repository says of itself is true: commands exist, files that are named are there, nothing points elsewhere."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*(?: [a-z][a-z-]*)*):(?!=)", MAKEFILE, re.MULTILINE))
PAGES = sorted(file for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])

ELSEWHERE = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/"),
    "a host of a package registry": re.compile(r"\b(?:files\.pythonhosted|pypi)\.(?:org|io)\b|\bdeb\.debian\.org\b"),
    "an option that binds installs to one registry": re.compile(r"--(?:extra-)?index-url [^-]|--find-links [^-]"),
}


def tracked() -> list[Path]:
    """The text files of the repository, as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def targets() -> set[str]:
    return {word for line in TARGETS for word in line.split()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_pages_exist(page: Path) -> None:
    """Every `make TARGET` that a page tells people to type is in the Makefile."""
    told = set(re.findall(r"(?:^|`|&& |\s{4})make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    assert told - targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_in_the_pages_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    prose = re.sub(r"`[^`\n]*`", "", page.read_text())
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", prose)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_nothing_points_to_one_machine_or_registry() -> None:
    """The text of the repository names no path of the machine it was written on and no registry's host."""
    found = []
    for file in tracked():
        if file == Path(__file__):
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        for what, pattern in ELSEWHERE.items():
            found += [f"{file.relative_to(ROOT)}: {what}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize("lock", ["run.lock", "dev.lock"])
def test_every_pinned_package_has_a_hash(lock: str) -> None:
    """What is installed is what was pinned, to the byte."""
    pins = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements" / lock).read_text())
    assert [pin.split()[0] for pin in pins[1:] if "--hash=sha256:" not in pin] == []


def test_dependencies_are_pinned() -> None:
    """Every declared dependency is in the lock of its environment, and the tests run on what the service runs on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run, dev = (set((ROOT / "requirements" / f"{name}.lock").read_text().splitlines()) for name in ("run", "dev"))
    pinned_run = {line.split()[0] for line in run if "==" in line}
    pinned_dev = {line.split()[0] for line in dev if "==" in line}
    assert pinned_run - pinned_dev == set()
    for lines, wanted in (
        (pinned_run, project["project"]["dependencies"] + project["dependency-groups"]["build"]),
        (pinned_dev, [each for group in project["project"]["optional-dependencies"].values() for each in group]),
    ):
        names = {line.split("==")[0] for line in lines}
        assert {re.split(r"[<>=;\[ ]", each)[0].lower() for each in wanted} - names == set()


def test_what_is_no_code_is_installed_as_well() -> None:
    """Rule packs, the grammar and the storms lie beside the modules that read them: a wheel without one would not run."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    installed = {
        file
        for package, globs in declared.items()
        for glob in globs
        for file in ROOT.joinpath(*package.split(".")).glob(glob)
    }
    packages = [ROOT / name for name in ("healer", "rules", "notifiers")]
    inside = {
        file for file in tracked() if any(file.is_relative_to(each) for each in packages) and file.suffix != ".py"
    }
    assert inside
    assert inside - installed == set()


def test_ci_does_what_people_can_do() -> None:
    """.ci/run calls make targets and nothing else."""
    script = (ROOT / ".ci" / "run").read_text()
    called = re.findall(r"^make ([a-z-]+)$", script, re.MULTILINE)
    assert set(called) == {"check", "test"}
    rest = [
        line for line in script.splitlines() if line and not line.startswith(("#", "make ", "set ", "cd ", "export "))
    ]
    assert rest == []
