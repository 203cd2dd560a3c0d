"""One change to one value of a benchmark's files, and what must hold of the records that are read then."""

import csv
import io
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import image_layouts
import scenes
import video_layouts
from mmengine.config import Config

from mmflamingo.registry import DATASETS

CONFIGS = Path(__file__).parents[2] / 'configs/_base_/datasets'
LAYOUTS = sorted(
    {path.stem for path in CONFIGS.glob('*.py')}
    & {n.replace('vqav2_test_dev', 'vqav2_test-dev') for n in dir(image_layouts) + dir(video_layouts)}
)
GONE = object()
VALUES = [
    None,
    3,
    -1,
    2.5,
    1e30,
    'xyzzy',
    '',
    ' \n',
    [],
    ['xyzzy'],
    [[]],
    {},
    {'a': 1},
    math.nan,
    math.inf,
    True,
    False,
]
CELLS = ['', ' ', 'xyzzy', '7', '1.0', 'nan', '-3', '2.5', 'x,"y"', 'a\nb', '9' * 5000]


class Unseen(scenes.Scene):
    """A scene whose pictures and videos are not written: reading annotations needs none."""

    def put(self, path: Path) -> str:
        return path.name

    put_video = put


def write_valid(name: str, folder: Path, monkeypatch) -> Path:
    """Write a benchmark's files to an empty folder, and make it the working directory."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(scenes, 'Scene', Unseen)
    writers = {**vars(image_layouts), **vars(video_layouts)}
    writers[name.replace('-', '_')](folder / 'data', scenes.read_scenes('val', 3), scenes.read_scenes('support', 3))
    return folder / 'data'


def read(name: str, **options) -> tuple[list[dict], list[dict]]:
    """The queries and the supports of a benchmark in the working directory."""
    config = config_of(name).test_dataloader.dataset.copy()
    config.update(pipeline=[], **options)
    dataset = DATASETS.build(config)
    return [dataset.get_data_info(index) for index in range(len(dataset))], dataset.supports


@cache
def config_of(name: str) -> Config:
    return Config.fromfile(CONFIGS / f'{name}.py')


def annotation_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob('*')
        if path.suffix in ('.json', '.jsonl', '.csv', '.txt') and path.name != 'stopwords.txt'
    )


def load(path: Path) -> object:
    """The content of a file as nested lists and dicts."""
    text = path.read_text()
    if path.suffix == '.json':
        return json.loads(text)
    if path.suffix == '.jsonl':
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text))) if path.suffix == '.csv' else text.splitlines()


def save(path: Path, content: object) -> None:
    if path.suffix == '.csv':
        scenes.write_csv(path, content)
    else:
        lines = [json.dumps(line) for line in content] if path.suffix == '.jsonl' else content
        scenes.write(path, content if path.suffix == '.json' else '\n'.join(map(str, lines)))


def places(content: object, above: tuple = ()) -> Iterator[tuple]:
    """The places of all values in nested lists and dicts."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from places(value, (*above, key))


def values_for(path: Path, value: object) -> list:
    """What a value is replaced by."""
    if path.suffix in ('.csv', '.txt'):
        return [*CELLS, f'{value}.0' if isinstance(value, str) else value]
    return [GONE, *VALUES, *([float(value)] if isinstance(value, int) else [])]


def value_at(content: object, place: tuple) -> object:
    for key in place:
        content = content[key]
    return content


def change(path: Path, place: tuple, value: object) -> None:
    """Write a file anew with another value at a place, or without it."""
    content = load(path)
    holder = value_at(content, place[:-1])
    if value is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    save(path, content)


def assert_typed(record: dict) -> None:
    """All fields of a record are of the types that prompts and metrics take."""
    for name in 'sample_id', 'image_id':
        assert type(record[name]) in (int, str), record
    assert all(
        isinstance(path, str) and path.strip() for path in record['img_path'] if isinstance(record['img_path'], list)
    )
    for name in 'gt_answer', 'gt_caption', 'choices':
        assert all(type(text) is str for text in record.get(name, ())), record
    for name in 'gt_answer', 'gt_caption':
        assert not record.get(name) or any(text.strip() for text in record[name]), record
    assert all(choice.strip() for choice in record.get('choices', ())), record
    assert record['task'] in ('caption', 'imagenet') or type(record.get('question', record.get('ocr'))) is str
    right = record.get('gt_choice', 0)
    assert type(right) is int and right < len(record.get('choices', range(right + 1))), record
    for name in 'answer_type', 'question_type', 'domain', 'majority_answer':
        assert record.get(name) is None or type(record[name]) is str, record
    json.dumps(record, allow_nan=False)


def number_of_changes(before: list[dict], after: list[dict]) -> int:
    """How many records are others, apart from their number in the set."""

    def plain(records):
        """Each without its number and shots; `img_path` of a query ends in its own."""
        own = [
            r | {'sample_idx': 0, 'shots': [], 'img_path': r['img_path'][-1] if 'shots' in r else 0} for r in records
        ]
        return {json.dumps(record, sort_keys=True) for record in own}

    return max(len(plain(before) - plain(after)), len(plain(after) - plain(before)))
