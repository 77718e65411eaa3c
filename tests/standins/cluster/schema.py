"""What a server makes of a custom resource by its definition's schema: defaults in, unknown fields out, the rest refused.

It reads the definition that ships, so a field that healer writes and the schema does not have is lost here as it is there.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "remediations.yaml"
_TYPES: dict[str, type | tuple[type, ...]] = {"object": dict, "array": list, "string": str, "integer": int}


@cache
def definition() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def schema() -> dict[str, Any]:
    (version,) = definition()["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def held(said: Any, by: dict[str, Any], path: str, faults: list[str]) -> Any:
    """A value as the server would store it; what is wrong with it joins the faults."""
    if by.get("x-kubernetes-int-or-string"):
        if not isinstance(said, int | str) or isinstance(said, bool):
            faults.append(f'{path}: Invalid value: must be of type integer or string: "{type(said).__name__}"')
        return said
    wanted = by["type"]
    if not isinstance(said, _TYPES[wanted]) or isinstance(said, bool):
        faults.append(f'{path}: Invalid value: must be of type {wanted}: "{type(said).__name__}"')
        return said
    if isinstance(said, dict):
        return _object(said, by, path, faults)
    if isinstance(said, list):
        return [held(one, by["items"], f"{path}[{index}]", faults) for index, one in enumerate(said)]
    if isinstance(said, str):
        _text(said, by, path, faults)
    return said


def _object(said: dict[str, Any], by: dict[str, Any], path: str, faults: list[str]) -> dict[str, Any]:
    known, rest = by.get("properties"), by.get("additionalProperties")
    if known is None and rest is None:
        return said
    faults += [f"{path}.{name}: Required value" for name in by.get("required", ()) if name not in said]
    if len(said) > by.get("maxProperties", len(said)):
        faults.append(f"{path}: Too many: {len(said)}: must have at most {by['maxProperties']} items")
    found = {name: each["default"] for name, each in (known or {}).items() if "default" in each}
    for name, value in said.items():
        each = (known or {}).get(name, rest)
        if each is not None:
            found[name] = held(value, each, f"{path}.{name}", faults)
    return found


def _text(said: str, by: dict[str, Any], path: str, faults: list[str]) -> None:
    if "enum" in by and said not in by["enum"]:
        supported = ", ".join(f'"{one}"' for one in by["enum"])
        faults.append(f'{path}: Unsupported value: "{said}": supported values: {supported}')
    if not by.get("minLength", 0) <= len(said) <= by.get("maxLength", len(said)):
        faults.append(f"{path}: Too long: may not be more than {by.get('maxLength')} bytes")
    if "pattern" in by and not re.search(by["pattern"], said):
        faults.append(f"{path}: Invalid value: \"{said}\": should match '{by['pattern']}'")
