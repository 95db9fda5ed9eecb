"""Validates software bills of materials with the schema of CycloneDX 1.6, strictly.

The schema is a part of the package cyclonedx-python-lib. A bill is also checked for rules that a
schema cannot state: every reference leads to a component.
"""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def faults(text: str) -> list[str]:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        return [str(fault)]
    bill = json.loads(text)
    names = [part["bom-ref"] for part in bill["components"]]
    names.append(bill["metadata"]["component"]["bom-ref"])
    found = [f"{name} is listed twice" for name in set(names) if names.count(name) > 1]
    for entry in bill["dependencies"]:
        for name in [entry["ref"], *entry["dependsOn"]]:
            if name not in names:
                found.append(f"{name} is no component")
    return found


def main() -> int:
    wrong = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for fault in faults(file.read()):
                print(f"{path}: {fault}")
                wrong += 1
    if wrong == 0:
        print(f"{len(sys.argv) - 1} bills are valid")
    return 1 if wrong or len(sys.argv) < 2 else 0


sys.exit(main())
