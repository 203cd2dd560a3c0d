"""Kind `inferencer`: FlamingoInferencer with unusual pictures, shots, texts and settings."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from .cases import Case
from .material import SIZE, Material
from .mutations import STRANGE

QUESTION = 'Is it number 1?'
CHOICES = ['no', 'yes']
RIGHT, WRONG, ANY = 'right', 'wrong', 'any'


def make(material: Material, rng: Random, folder: Path) -> Case:
    """One call, compared with a plain one in the same process."""
    pictures = material.folder / 'data' / 'pictures'
    name, arguments, expected = rng.choice([_picture, _shots, _texts, _settings])(pictures, rng)
    written = folder / 'answers.json'

    def work() -> None:
        from mmflamingo import FlamingoInferencer
        from mmflamingo.engine.config.cli import user_errors

        inferencer = FlamingoInferencer(str(material.folder / 'vqa.py'), str(material.folder / 'checkpoint.pth'), 'cpu')
        plain = inferencer(**_plain_call(pictures))
        with user_errors():
            other = inferencer(**arguments())
        written.write_text(json.dumps([plain, other], default=str))

    def judge() -> str | None:
        plain, other = json.loads(written.read_text())
        if expected == WRONG:
            return f'{name}: no error, but {other!r:.200}'
        scores = (other[0] if isinstance(other, list) and other else other).get('choice_scores') if other else None
        if expected == RIGHT and not np.allclose(
            list((scores or {'': 0}).values()), list(plain['choice_scores'].values()), atol=1e-4
        ):
            return f'{name}: {scores}, not {plain["choice_scores"]}'
        return None if 'NaN' not in written.read_text() else f'{name}: NaN'

    return Case(name, work, judge)


def _plain_call(pictures: Path, **changed: Any) -> dict[str, Any]:
    shots = [{'image': str(pictures / '5.png'), 'question': 'Is it number 5?', 'answer': 'yes'}]
    return {'images': str(pictures / '1.png'), 'question': QUESTION, 'choices': CHOICES, 'shots': shots} | changed


def _picture(pictures: Path, rng: Random) -> tuple[str, Callable[[], dict], str]:
    """The picture as something else than a path."""
    path = pictures / '1.png'

    def bgr() -> np.ndarray:
        return np.asarray(Image.open(path).convert('RGB'))[..., ::-1]

    ways: dict[str, tuple[Callable[[], Any], str]] = {
        'a PIL picture': (lambda: Image.open(path), RIGHT),
        'RGBA': (lambda: Image.open(path).convert('RGBA'), RIGHT),
        'an array': (lambda: np.ascontiguousarray(bgr()), RIGHT),
        'a view with strides': (bgr, RIGHT),
        'a Path': (lambda: path, RIGHT),
        'a list of one': (lambda: [str(path)], RIGHT),
        'floats': (lambda: bgr() / 255, RIGHT),
        'int64': (lambda: bgr().astype(np.int64), ANY),
        'of shape (3, H, W)': (lambda: np.moveaxis(bgr(), 2, 0), WRONG),
        'five channels': (lambda: np.zeros((SIZE, SIZE, 5), np.uint8), WRONG),
        'no pixels': (lambda: np.zeros((0, SIZE, 3), np.uint8), WRONG),
        'one pixel': (lambda: np.zeros((1, 1, 3), np.uint8), ANY),
        'NaN': (lambda: np.full((SIZE, SIZE, 3), np.nan), WRONG),
        'bytes': (path.read_bytes, ANY),
        'no such file': (lambda: 'none.png', WRONG),
        'a URL of another kind': (lambda: 'ftp://localhost/x.png', WRONG),
        'a file URL': (lambda: f'file://{path}', ANY),
        'a number': (lambda: 3, WRONG),
        'None': (lambda: None, WRONG),
        'an empty list': (list, ANY),
        'a folder': (lambda: str(pictures), WRONG),
    }
    name = rng.choice(list(ways))
    picture, expected = ways[name]
    return f'picture: {name}', lambda: _plain_call(pictures, images=picture()), expected


def _shots(pictures: Path, rng: Random) -> tuple[str, Callable[[], dict], str]:
    """An example lacks a key, has another, or a value of another type."""
    shot = _plain_call(pictures)['shots'][0]
    key = rng.choice(list(shot))
    name = rng.choice(['renamed', 'dropped', 'one more', 'strange', 'no list', 'text'])
    if name == 'renamed':
        changed: Any = [{(f'{k}s' if k == key else k): value for k, value in shot.items()}]
    elif name == 'dropped':
        changed = [{k: value for k, value in shot.items() if k != key}]
    elif name == 'one more':
        changed = [shot | {rng.choice(['img', 'caption_', 'answers', 'x']): 'x'}]
    elif name == 'strange':
        value = rng.choice(
            [value for value in STRANGE if not isinstance(value, str) and not (value is None and key == 'image')]
        )
        changed = [shot | {key: value}]
    else:
        changed = shot if name == 'no list' else 'shots'
    expected = ANY if name == 'dropped' and key == 'image' else WRONG
    return f'shots: {name} {key}', lambda: _plain_call(pictures, shots=changed), expected


def _texts(pictures: Path, rng: Random) -> tuple[str, Callable[[], dict], str]:
    """Questions and choices of other types, or hostile."""
    name, value = (
        rng.choice(['question', 'choices']),
        rng.choice([*STRANGE, 'a <image> b', '<|endofchunk|>', '\n', 'x' * 10**6]),
    )
    if name == 'question':
        is_fine = isinstance(value, str)
    else:
        is_fine = value is None or (
            isinstance(value, list) and len(value) > 0 and all(isinstance(text, str) for text in value)
        )
    return f'{name}={value!r:.40}', lambda: _plain_call(pictures, **{name: value}), ANY if is_fine else WRONG


def _settings(pictures: Path, rng: Random) -> tuple[str, Callable[[], dict], str]:
    """Settings of the search and of the call."""
    name = rng.choice(
        ['num_beams', 'max_new_tokens', 'length_penalty', 'temperature', 'top_p', 'max_length', 'num_beam', 'bad']
    )
    value = rng.choice([*STRANGE, 2, 5])
    is_wrong = name in ('num_beam', 'bad', 'max_length') or isinstance(value, str | list | dict)
    is_wrong = is_wrong and value is not None  # which leaves a setting out
    call = {'images': str(pictures / '1.png'), 'question': QUESTION, name: value}
    return f'{name}={value!r:.40}', lambda: call, WRONG if is_wrong else ANY
