"""What every page of ours stands in: head, style, scripts, and the policy that lets nothing else run or be fetched."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from limbeck import __version__
from limbeck.report.pictures import Picture
from limbeck.report.scripts import hash_of, our_script, plotly_packed

HERE = Path(__file__).parent


def rendered(template: str, scripts: tuple[str, ...], pictures: Sequence[Picture], told: Mapping[str, Any]) -> str:
    """Return a page.

    Args:
        template: its file, which extends frame.html.j2.
        scripts: our files that run in it, in the order in which they build on one another.
        pictures: all that it draws.
        told: what its template tells, of it 'title'.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    packed, plotly_hash = plotly_packed()
    ours = our_script(scripts)
    frame = {
        "figures": {picture.key: picture.figure for picture in pictures},
        "style": Markup((HERE / "page.css").read_text(encoding="utf-8")),  # noqa: S704  our own file
        "plotly": packed,
        "ours": ours,
        "hashes": [plotly_hash, hash_of(ours)],
        "version": __version__,
    }
    return environment.get_template(template).render({**told, **frame})
