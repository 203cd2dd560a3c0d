"""Kind `annotations`: questions, answers and captions of other types, broken files, other encodings."""

import json
import shutil
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from random import Random
from typing import Any

from .cases import Case
from .material import Material, Outcome, outcome, write_configs
from .mutations import change_text_of_json

FILES = {
    'questions.json': 'vqa', 'annotations.json': 'vqa', 'support_questions.json': 'vqa', 'support_annotations.json': 'vqa',
    'captions.json': 'captions', 'support_captions.json': 'captions',
}  # fmt: skip


def make(material: Material, rng: Random, folder: Path) -> Case:
    """One annotation file is changed; what is predicted and scored must follow it."""
    shutil.copytree(material.folder / 'data', folder / 'data')
    write_configs(folder, folder)
    file, config = rng.choice(list(FILES.items()))
    path = folder / 'data' / file
    name, content = change_text_of_json(json.loads(path.read_text()), rng)
    path.write_bytes(content)
    work = material.test(folder, f'{config}.py', folder / 'work', checkpoint=str(material.folder / 'checkpoint.pth'))

    def judge() -> str | None:
        found = outcome(folder / 'work')
        return _fault_of(lambda: _difference(folder, config, found)) or _fault_of(
            lambda: _expected(folder, config, 'support_')
        )

    return Case(f'{file}: {name}', work, judge)


def _fault_of(check: Callable[[], Any]) -> str | None:
    """What an own reading of the files says against a run that ended well."""
    try:
        fault = check()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f'no error, though the file does not fit: {error!r}'
    return fault if isinstance(fault, str) else None


def _difference(folder: Path, config: str, found: Outcome) -> str | None:
    expected = _expected(folder, config, '')
    seen = {
        sample['sample_id']: (_plain(sample['question']), list(map(_plain, sample['references'])))
        for sample in found.samples
    }
    return None if seen == expected else f'the run saw {seen!r:.200}, the file says {expected!r:.200}'


def _expected(folder: Path, config: str, prefix: str) -> dict[int | str, tuple[str | None, list[str]]]:
    """Questions and references by id, read strictly and without the toolbox."""
    if config == 'captions':
        return _captions(_read(folder / 'data' / f'{prefix}captions.json'))
    questions = _read(folder / 'data' / f'{prefix}questions.json')['questions']
    annotations = _read(folder / 'data' / f'{prefix}annotations.json')['annotations']
    answers = {}
    for entry in annotations:
        answers_of_one = [answer if isinstance(answer, str) else answer['answer'] for answer in entry['answers']]
        texts = list(map(_text, answers_of_one))
        if len(texts) < 4 and not prefix:
            raise ValueError(f'{len(texts)} answers are too few for the metric')
        answers[_id(entry['question_id'])] = texts
    if len(answers) != len(annotations) or len({_id(q['question_id']) for q in questions}) != len(questions):
        raise ValueError('ids come twice')
    return {
        _id(q['question_id']): (_plain(_text(q['question'])), list(map(_plain, answers[_id(q['question_id'])])))
        for q in questions
    }


def _captions(content: dict) -> dict[int | str, tuple[None, list[str]]]:
    captions: dict[int | str, list[str]] = {_id(image['id']): [] for image in content['images']}
    for entry in content['annotations']:
        captions[_id(entry['image_id'])].append(_plain(_text(entry['caption'])))
    if len(captions) != len(content['images']) or not all(captions.values()):
        raise ValueError('an image comes twice, or has no caption')
    return {image_id: (None, texts) for image_id, texts in captions.items()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text('utf-8-sig'))


def _id(value: Any) -> int | str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or value != int(value):
        raise ValueError(f'{value!r} is not an id')
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a text')
    return value


def _plain(text: str | None) -> str | None:
    """A text up to white space and halves of characters, whose rules are tested elsewhere."""
    return None if text is None else ' '.join(text.encode('utf-8', 'replace').decode().split())
