"""EmojiScenes as what the files of benchmarks are made of."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from PIL import Image

EMOJI_SCENES = Path(__file__).parents[2] / 'data' / 'emoji_scenes'
ANNOTATIONS = EMOJI_SCENES / 'annotations'
CHOICES = {'one', 'two', 'three', 'four', 'striped', 'plain'}


@dataclass
class Scene:
    """A picture with its captions and one question."""

    id: int
    picture: Path
    captions: list[str] = field(default_factory=list)
    question: str = ''
    answers: list[str] = field(default_factory=list)
    answer: str = ''  # of the majority

    def put(self, path: Path) -> str:
        """Copy the picture; returns the name of the copy."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.picture, path)
        return path.name

    def put_video(self, path: Path, seconds: int = 2, rate: int = 4) -> str:
        """Write a video that shows the picture; returns the name of its file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.asarray(Image.open(self.picture).convert('RGB'))
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('mpeg4', rate=rate)
            stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], 'yuv420p'
            stream.bit_rate = 4_000_000
            for _ in range(seconds * rate):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
            container.mux(stream.encode())
        return path.name


Scenes = Sequence[Scene]
Writer = Callable[[Path, Scenes, Scenes], list]


def read_scenes(split: str, count: int) -> list[Scene]:
    """The first scenes of 'val' or 'support', each with the last of its questions."""
    captions = read(f'captions_{split}')
    scenes = {
        image['id']: Scene(image['id'], EMOJI_SCENES / split / image['file_name'])
        for image in captions['images'][:count]
    }
    for entry in captions['annotations']:
        if entry['image_id'] in scenes:
            scenes[entry['image_id']].captions.append(entry['caption'])
    questions = {entry['question_id']: entry for entry in read(f'v2_OpenEnded_emoji_{split}_questions')['questions']}
    for entry in read(f'v2_emoji_{split}_annotations')['annotations']:
        if entry['image_id'] in scenes:
            scene = scenes[entry['image_id']]
            scene.question = questions[entry['question_id']]['question']
            scene.answers = [answer['answer'] for answer in entry['answers']]
            scene.answer = entry['multiple_choice_answer']
    return list(scenes.values())


def read(name: str) -> dict:
    return json.loads((ANNOTATIONS / f'{name}.json').read_text())


def write(path: Path, content: object) -> None:
    """Write text as it is, all else as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def write_csv(path: Path, rows: Sequence[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def choices_of(scene: Scene) -> list[str]:
    """The right answer and three wrong ones, in an order that doesn't tell."""
    return sorted([scene.answer, *sorted(CHOICES - {scene.answer})[:3]])
