"""The documentation: quoted measurements are those of RESULTS.md, links lead somewhere, words of Cache-Status exist."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [page for page in sorted(ROOT.rglob("*.md")) if not {"build", "node_modules", ".git"} & set(page.relative_to(ROOT).parts)]


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_readme_quotes_the_results():
    results = (ROOT / "bench" / "RESULTS.md").read_text().splitlines()
    quoted = [line for line in section((ROOT / "README.md").read_text(), "Results").splitlines() if line.startswith("|")]
    assert len(quoted) > 20
    assert [line for line in quoted if line not in results] == []


def anchors(page: pathlib.Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere():
    broken = []
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if link.startswith(("http://", "https://", "mailto:")):
                continue
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_words_of_cache_status_exist():
    known = set(re.findall(r"^\| `([a-z-]+)`", (ROOT / "config" / "cache-status.md").read_text(), re.MULTILINE))
    assert len(known) > 40
    used = {(page.name, word) for page in PAGES for word in re.findall(r"\b(?:detail|fwd)=([a-z-]+)", page.read_text())}
    assert {(name, word) for name, word in used if word not in known} == set()
