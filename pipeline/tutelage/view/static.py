"""A page with a sample of dialogues, in one file that needs no server and no network.

It contains its scripts and styles, and allows only those, by their digests. The dialogues are JSON in
an element that is not executed, with `<` escaped so that no text can end the element.
"""

import base64
import hashlib
import json
from typing import Any

from tutelage.errors import Mistake
from tutelage.shards.folder import writing
from tutelage.storage import location, whole
from tutelage.view.app import asset, shown
from tutelage.view.rows import Rows

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {scripts}; \
style-src {styles}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
<div id="app"></div>
<script type="application/json" id="data">{data}</script>
<script>{preact}</script>
<script>{app}</script>
</html>
"""


def write(runs: list[str], out: str, count: int = 50, where: str = "") -> int:
    """Writes the page and returns the number of dialogues in it.

    Raises:
        Mistake: one of `runs` is not a run, or no dialogue meets the condition.
        OutputError: the file cannot be written.
    """
    rows = [shown(row) for row in Rows(runs).sample(count, where)]
    if not rows:
        raise Mistake(f"no dialogue of {', '.join(runs)} to show")
    path = location(out)
    with writing(path), whole(path) as part:
        part.write_text(render(runs, rows), "utf-8")
    return len(rows)


def render(runs: list[str], rows: list[dict[str, Any]]) -> str:
    """The page with these rows, which `app.shown` prepared."""
    data = json.dumps({"runs": runs, "rows": rows}, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    css, preact, script = asset("app.css"), asset("preact.js"), asset("app.js")
    return _PAGE.format(
        scripts=f"{_digest(preact)} {_digest(script)}",
        styles=_digest(css),
        title="Tutelage dialogues",
        css=css,
        data=data,
        preact=preact,
        app=script,
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
