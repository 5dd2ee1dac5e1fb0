"""Runs notebooks, or checks that their saved outputs belong to this version and to their code; see `run`.

A saved notebook says in its metadata by which version of the crate it was run, and has a hash of the code that was run and
one of the sources that decide what a notebook shows.
"""

import base64
import hashlib
import json
import os
import pathlib
import struct
import sys
import tempfile
import time


def fingerprint(cells):
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


def shown_by():
    """A hash of the sources that decide what a notebook shows."""
    source = pathlib.Path(__file__).resolve().parent.parent / "src"
    rooms = ["notebook.rs", "notebook/**/*", "view/**/*", "report/**/*", "analysis/report*"]
    files = sorted({file for room in rooms for file in source.glob(room) if file.is_file()})
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(source).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def passed():
    """Where this machine notes the sources with which notebooks ran well though nothing was saved."""
    return pathlib.Path(os.environ["NOTEBOOK_HOME"]) / "passed"


def stale(paths):
    """Whether the notebooks were run, here or by who saved them, with other sources than these, or with other code."""
    now = shown_by()
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        saved = notebook["metadata"].get("embedlab", {})
        if saved.get("shown_by") != now or saved.get("code") != fingerprint(notebook["cells"]):
            line = f"{now} {fingerprint(notebook['cells'])}"
            if not passed().is_file() or line not in passed().read_text(encoding="utf-8").splitlines():
                print(f"{path.name} was run with other sources")
                return True
    return False


def check(version, paths):
    """Complains about each notebook whose outputs are missing, failed, or not of this version and code."""
    complaints = []
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        saved = notebook["metadata"].get("embedlab", {})
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        if saved.get("version") != version:
            complaints.append(f"{path.name} was run by version {saved.get('version')}, and this is {version}")
        if saved.get("code") != fingerprint(notebook["cells"]):
            complaints.append(f"{path.name} has other code than was run")
        if any(output["output_type"] == "error" for cell in code for output in cell["outputs"]):
            complaints.append(f"{path.name} holds an error")
        if not any(cell["outputs"] for cell in code):
            complaints.append(f"{path.name} has no outputs")
    for complaint in complaints:
        print(f"{complaint}; run notebooks/run {complaint.split()[0]}", file=sys.stderr)
    print(f"{len(paths)} notebooks looked at, {len(complaints)} complaints")
    return 1 if complaints or not paths else 0


def shown_width(picture):
    """The width of a PNG in CSS pixels, of which there are 96 to an inch, by its dots per metre."""
    width, dots = struct.unpack(">I", picture[16:20])[0], picture.find(b"pHYs")
    return round(width * 96 / (struct.unpack(">I", picture[dots + 4:dots + 8])[0] * 0.0254)) if dots > 0 else width


def tidy(outputs):
    """Outputs as they are kept: what cargo says while it builds is no result, lines of text stand together, an empty tuple
    is not shown, and a picture is as large as it was drawn to be."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if output.get("name") == "stderr" or data == {"text/plain": "()"}:
            continue
        if "image/png" in data:
            output.metadata["image/png"] = {"width": shown_width(base64.b64decode(data["image/png"]))}
        if output.output_type == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def execute(version, paths, save):
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    failed = 0
    for path in paths:
        start = time.monotonic()
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        client = NotebookClient(notebook, timeout=3600, startup_timeout=120, kernel_name="rust", record_timing=False,
                                resources={"metadata": {"path": str(path.parent)}})
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: {error}{error.evalue}", file=sys.stderr)
            failed += 1
            continue
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = tidy(cell.outputs)
        code = fingerprint(notebook.cells)
        notebook.metadata["embedlab"] = {"version": version, "code": code, "shown_by": shown_by()}
        with open(passed(), "a", encoding="utf-8") as notes:
            notes.write(f"{shown_by()} {code}\n")
        if save:
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
                file.write(text)
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        print(f"{path.name}: {len(notebook.cells)} cells in {time.monotonic() - start:.0f} s", flush=True)
    return 1 if failed else 0


def main():
    work, version, *names = sys.argv[1:]
    paths = [pathlib.Path(name).resolve() for name in names]
    if work == "stale":
        return 0 if stale(paths) else 1
    return check(version, paths) if work == "check" else execute(version, paths, work == "yes")


sys.exit(main())
