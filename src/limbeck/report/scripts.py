"""The page's JavaScript: ours as it is, plotly compressed, and the names by which the page's policy lets both run."""

import base64
import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

HERE = Path(__file__).parent
OURS = (
    "page.js",
    "softening.js",
    "explorers.js",
    "speech.js",
    "start.js",
)  # in the order in which they build on one another


@cache
def our_script(names: tuple[str, ...] = OURS) -> Markup:
    """Return our files as one script, whose names stay its own."""
    files = "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
    return _inline(f'"use strict";\n{{\n{files}}}')


@cache
def plotly_packed() -> tuple[str, str]:
    """Return plotly, compressed and in base64, and its name for the policy; always the same for the same version.

    Unpacked it is four times as long, and a browser that meets it in the page shows nothing until it has read it.
    """
    from plotly.offline import get_plotlyjs

    code = get_plotlyjs()
    packed = gzip.compress(code.encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode(), hash_of(code)


def hash_of(script: str) -> str:
    """Return a script's name in the page's content security policy: no other script runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _inline(code: str) -> Markup:
    """Return JavaScript that no HTML parser ends early: in its strings an escaped slash is a slash."""
    return Markup(re.sub("</(script)", r"<\\/\1", code, flags=re.IGNORECASE))  # noqa: S704  our own
