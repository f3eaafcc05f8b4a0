"""The script of a page, in a browser where there is one."""

import re
import shutil
import subprocess

import pytest

from ofa_bench.report.rendering import render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

CELLS = {"a": "9", "b": "1,000", "c": "", "d": "-0.5 (-1 to 0)", "e": "10 %"}
ROWS = "".join(f'<tr><td class="text">{name}</td><td>{cell}</td></tr>' for name, cell in CELLS.items())
PAGE = f"""<body><table><thead><tr><th class="text">name</th><th>number</th></tr></thead><tbody>{ROWS}</tbody></table>
<figure><div class="plot-of"><svg></svg></div></figure><script>SCRIPT</script><script>
const seen = document.body.dataset;
for (const order of ["rising", "falling"]) {{
  document.querySelectorAll("th button")[1].click();
  seen[order] = [...document.querySelectorAll("tbody tr")].map((row) => row.cells[0].textContent).join("");
}}
seen.before = document.querySelectorAll("dialog[open] svg").length;
document.querySelector("figure .plot-of").click();
seen.after = document.querySelectorAll("dialog[open] svg").length;
</script></body>"""


@pytest.mark.skipif(not BROWSER, reason="no Chromium here")
def test_a_head_sorts_by_number_and_a_figure_opens(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("SCRIPT", render("page.js.j2", {})))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/browser", "--dump-dom"]
    run = subprocess.run([BROWSER, *options, page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    found = dict(re.findall(r'data-(\w+)="([^"]*)"', run.stdout))
    assert found == {"rising": "daebc", "falling": "beadc", "before": "0", "after": "1"}
