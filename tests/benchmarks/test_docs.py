"""The pages about benchmarks say what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADD = (ROOT / 'docs/add_a_benchmark.md').read_text()
FIELD = (ROOT / 'docs/benchmarks_of_the_field.md').read_text()
DATASETS = ROOT / 'configs/_base_/datasets'
BLOCKS = re.findall('```python\n(.*?)```', ADD, re.DOTALL)
SOURCES = (
    'mmflamingo/datasets/image_questions.py',
    'configs/_base_/datasets/textvqa.py',
    'configs/flamingo/flamingo_zeroshot_textvqa.py',
    'tests/benchmarks/image_layouts.py',
)


@pytest.mark.parametrize(('block', 'source'), list(zip(BLOCKS, SOURCES, strict=True)))
def test_the_example_is_the_real_code(block, source):
    assert block in (ROOT / source).read_text()


def test_every_set_is_in_the_table():
    sets = {path.stem for path in DATASETS.glob('*.py') if not path.stem.startswith('emoji')}
    rows = ' '.join(line.split('|')[1] for line in FIELD.splitlines() if line.startswith('|'))
    assert sets <= set(re.findall(r'[\w-]+', rows))


def test_links_lead_to_sections_and_files():
    sections = {
        re.sub(r'[^\w -]', '', line[3:]).lower().replace(' ', '-')
        for line in FIELD.splitlines()
        if line.startswith('## ')
    }
    assert set(re.findall(r'\]\(#(.*?)\)', FIELD)) <= sections
    for page in ADD, FIELD:
        for link in re.findall(r'\]\(([\w./]+\.\w+)\)', page):
            assert (ROOT / 'docs' / link).is_file(), link
