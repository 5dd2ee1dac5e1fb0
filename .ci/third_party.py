#!/usr/bin/env python3
"""Writes THIRD-PARTY-NOTICES.txt: the licences of everything that a build of embedlab contains.

    .ci/third_party.py            writes the file
    .ci/third_party.py --check    fails where it is not up to date, or a licence is not permissive

Needs cargo and the crates' sources (`cargo fetch`), no network otherwise. Crates for tests are left out.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "THIRD-PARTY-NOTICES.txt"
# What may be linked without a duty beyond a notice; MPL-2.0 asks for the source of that crate alone.
PERMISSIVE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "OpenSSL", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "Zlib",
    "bzip2-1.0.6",
}
NAMES = re.compile(r"^(licen[sc]e|copying|notice|unlicense)", re.IGNORECASE)


def packages():
    """The crates of a normal build on any platform, those for building included, without those for tests."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    data = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    waiting, seen = [data["resolve"]["root"]], set()
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        for dep in nodes[at]["deps"]:
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"]):
                waiting.append(dep["pkg"])
    seen.discard(data["resolve"]["root"])
    found = [package for package in data["packages"] if package["id"] in seen]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def allowed(expression):
    """Whether a licence expression can be fulfilled by permissive licences."""
    words = re.sub(r"\s+WITH\s+", "~", expression.replace("/", " OR "))
    tokens = re.findall(r"\(|\)|[^\s()]+", words)
    known = {licence.replace(" WITH ", "~") for licence in PERMISSIVE}
    python = [
        token.lower() if token in ("AND", "OR") else token if token in "()" else str(token in known)
        for token in tokens
    ]
    return eval(" ".join(python))  # only True, False, and, or and brackets


def texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    # The fonts have a licence of their own, deeper in their crate.
    deep = package["name"] == "dejavu"
    for path in sorted(folder.rglob("*") if deep else folder.iterdir()):
        if path.is_file() and NAMES.match(path.name):
            yield path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip()


def main():
    all_packages = packages()
    bad = [p for p in all_packages if not p["license"] or not allowed(p["license"])]
    for package in bad:
        print(f"not known as permissive: {package['name']} {package['version']}: {package['license']}", file=sys.stderr)
    by_text = collections.defaultdict(list)
    without = []
    for package in all_packages:
        name = f"{package['name']} {package['version']}"
        found = list(texts(package))
        for text in found:
            by_text[text].append(name)
        if not found:
            without.append(f"{name} ({package['license']}), by {', '.join(package['authors']) or 'its authors'}")
    lines = [
        "Third-party notices",
        "",
        "A build of embedlab contains the crates below. .ci/third_party.py writes this file.",
        "",
    ]
    lines += [f"{p['name']} {p['version']}: {p['license']}; {p['repository'] or 'crates.io'}" for p in all_packages]
    lines += ["", "Crates that carry no text of their licence:", ""] + without
    for text, names in sorted(by_text.items(), key=lambda item: item[1]):
        lines += ["", "=" * 100, ", ".join(names), "=" * 100, "", text]
    content = "\n".join(line.rstrip() for line in "\n".join(lines).split("\n")) + "\n"
    if "--check" in sys.argv[1:]:
        if not OUT.exists() or OUT.read_text() != content:
            sys.exit("THIRD-PARTY-NOTICES.txt is not up to date: run .ci/third_party.py")
    else:
        OUT.write_text(content)
    print(f"{len(all_packages)} crates, {len(by_text)} texts, {len(without)} crates without one")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
