"""JUnit's XML, as CI servers read it: what passed, and what did not and why. Written by `healer check` and `healer test`."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import showable


class Case(msgspec.Struct, frozen=True):
    """One thing that was looked at: where it is, its name, what is wrong with it ("": nothing), and seconds it took."""

    where: str
    name: str
    wrong: str = ""
    seconds: float = 0.0


def write_junit(file: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the cases as one suite. Raises Failure where the file cannot be written."""
    failures = sum(bool(case.wrong) for case in cases)
    root = ET.Element("testsuites")
    top = ET.SubElement(root, "testsuite", name=suite, tests=str(len(cases)), failures=str(failures), errors="0")
    for case in cases:
        shown = {"classname": showable(case.where, one_line=True), "name": showable(case.name, one_line=True)}
        element = ET.SubElement(top, "testcase", shown, time=f"{case.seconds:.3f}")
        if case.wrong:
            first = showable(case.wrong.splitlines()[0], one_line=True)
            ET.SubElement(element, "failure", message=first).text = showable(case.wrong)
    try:
        ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}", CALLED_WRONG) from None
