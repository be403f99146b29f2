"""`scripts/docs`: writes the pages, builds the site, follows its links.

    scripts/docs                     the whole site, into build/docs/html
    scripts/docs --short             a page of each kind: what CI builds
    scripts/docs --execute           runs the notebooks, which are tiny, and shows their output
    scripts/docs --serve             and serves it at http://localhost:8000

Warnings are errors: a name that is not there, a page that no other lists, a broken link.
"""

import argparse
import functools
import http.server
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOP = HERE.parents[1]


def main(arguments=None) -> int:
    """Builds the site; returns the exit status."""
    parser = argparse.ArgumentParser("scripts/docs", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a page of each kind, for a check")
    parser.add_argument("--execute", action="store_true", help="run the notebooks, which are tiny")
    parser.add_argument("--out", default="build/docs", help="the folder (default: build/docs)")
    parser.add_argument("--serve", action="store_true", help="serve the site at port 8000")
    found = parser.parse_args(arguments)
    out = Path(found.out).resolve()
    # Pages are made on a processor by TensorFlow, whatever else there is.
    os.environ |= {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from scripts.documentation import links, site

    source, html = out / "source", out / "html"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(html, ignore_errors=True)
    pages = site.write(source, short=found.short)
    print(f"{pages} pages written to {source}", file=sys.stderr)
    environment = os.environ | {
        "PYTHONPATH": str(TOP),
        "ZOO_DOCS_EXECUTE": "1" if found.execute else "",
        "ZOO_TINY": "1",
    }
    command = [sys.executable, "-m", "sphinx", "--nitpicky", "--fail-on-warning", "--keep-going"]
    command += ["--quiet", "-b", "html", "-c", str(HERE), "-d", str(out / "doctrees")]
    status = subprocess.run([*command, str(source), str(html)], env=environment).returncode
    broken = links.broken(html)
    print(*broken, sep="\n", end="\n" if broken else "", file=sys.stderr)
    if status or broken:
        print(f"The site has mistakes: see above. Links broken: {len(broken)}.", file=sys.stderr)
        return 1
    print(f"Open {html / 'index.html'}", file=sys.stderr)
    if found.serve:
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=html)
        http.server.ThreadingHTTPServer(("localhost", 8000), handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
