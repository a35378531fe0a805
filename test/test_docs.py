"""Check that links of documents and names of docs/ in code lead somewhere, and the version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')])
FOLDERS = ('.github', 'bench', 'config', 'demo', 'launch', 'monodepth_ros', 'trainer')
LINK = re.compile(r'\]\((?!https?:)([^)\s]*)\)')
NAMED = re.compile(r'\bdocs/[\w./-]*\.md(?:#[\w-]+)?')
CODE_BLOCK = re.compile(r'^```.*?^```$', re.M | re.S)
HEADING = re.compile(r'^#+ (.+)$', re.M)


def _anchors(document: str) -> set[str]:
    """What GitHub calls the headings: lower case, no punctuation, a hyphen for a blank."""
    headings = HEADING.findall(CODE_BLOCK.sub('', document))
    return {re.sub(r'[^\w\s-]', '', title.lower()).replace(' ', '-') for title in headings}


def _leads_somewhere(target: str, origin: Path) -> bool:
    """target: FILE, FILE#ANCHOR or #ANCHOR as the document origin has it."""
    file, _, anchor = target.partition('#')
    path = origin.parent / file if file else origin
    return path.exists() and (not anchor or anchor in _anchors(path.read_text()))


def _named_in_code() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob('*'):
            if path.suffix in {'.py', '.xml', '.yaml', '.yml', '.rviz'}:
                for named in NAMED.findall(path.read_text()):
                    yield str(path.relative_to(ROOT)), named


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_links_of_documents_lead_somewhere(document):
    links = LINK.findall(CODE_BLOCK.sub('', document.read_text()))
    assert [link for link in links if not _leads_somewhere(link, document)] == []


def test_places_in_docs_that_code_names_exist():
    named = list(_named_in_code())
    assert ('trainer/train/losses.py', 'docs/method.md#loss') in named
    assert [place for place in named if not _leads_somewhere(place[1], ROOT / 'README.md')] == []


def test_a_link_to_no_file_or_to_no_heading_leads_nowhere(tmp_path):
    document = tmp_path / 'page.md'
    document.write_text('# One, two: `three`\n\n```\n# four\n```\n')
    assert _leads_somewhere('page.md', document)
    assert _leads_somewhere('#one-two-three', document)
    assert not _leads_somewhere('#four', document)
    assert not _leads_somewhere('other.md', document)


def test_all_name_one_version():
    release = re.search(r'^## (\S+)', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    package = re.search(r'<version>(.*)</version>', (ROOT / 'package.xml').read_text())
    setup = re.search(r"version='(.*)',", (ROOT / 'setup.py').read_text())
    assert release[1] == package[1] == setup[1]
