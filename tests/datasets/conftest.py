"""Tiny annotation files in the real layouts, made anew for each test."""

import gc
import json
from random import Random

import pytest
from PIL import Image

from mmflamingo.datasets import FlamingoEvalCOCOCaption, FlamingoEvalCOCOVQA


@pytest.fixture(scope='session', autouse=True)
def _frozen_imports():
    """Spare torch's objects the garbage collection that mmengine runs for each dataset."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def write_json(tmp_path):
    """Write an object below tmp_path and return the file's name relative to it."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return name

    return write


@pytest.fixture
def captions(write_json):
    """Write a COCO caption file of `count` images with two captions each; ids begin at `first`."""

    def write(name='captions.json', count=30, first=1, order_seed=None, **image_keys):
        ids = range(first, first + count)
        images = [{'id': i, 'file_name': f'{i:06d}.jpg'} | image_keys for i in ids]
        annotations = [
            {'id': 10 * i + k, 'image_id': i, 'caption': f'caption {k} of {i}'} for i in ids for k in range(2)
        ]
        if order_seed is not None:
            Random(order_seed).shuffle(images)
        return write_json(name, {'images': images, 'annotations': annotations})

    return write


@pytest.fixture
def vqa(write_json):
    """Write a pair of VQAv2 files, three questions an image; return the dataset's arguments."""

    def write(
        split='val2014',
        count=20,
        first=1,
        order_seed=None,
        question_keys=None,
        annotation_keys=None,
    ):
        questions, annotations = [], []
        for image_id in range(first, first + count):
            for k in range(3):
                ids = {'image_id': image_id, 'question_id': 10 * image_id + k}
                questions.append(ids | {'question': f'question {k} of {image_id}?'})
                answers = [f'answer {k}'] * 6 + ['other'] * 4
                annotations.append(
                    ids
                    | {
                        'answer_type': 'other',
                        'question_type': 'what',
                        'multiple_choice_answer': f'answer {k}',
                        'answers': [{'answer': a, 'answer_id': n} for n, a in enumerate(answers)],
                    }
                )
        for question in questions:
            question.update((question_keys or {}).get(question['question_id'], {}))
        for annotation in annotations:
            annotation.update((annotation_keys or {}).get(annotation['question_id'], {}))
        if order_seed is not None:
            Random(order_seed).shuffle(questions)
            Random(order_seed + 1).shuffle(annotations)
        return {
            'question_file': write_json(f'{split}_questions.json', {'questions': questions}),
            'ann_file': write_json(f'{split}_annotations.json', {'annotations': annotations}),
        }

    return write


@pytest.fixture
def make_image(tmp_path):
    """Save a picture of noise below tmp_path and return its path."""

    def make(name='image.jpg', size=(40, 30), mode='RGB', seed=0, **save):
        width, height = size
        noise = Random(seed).randbytes(width * height * 3)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes('RGB', size, noise).convert(mode).save(path, **save)
        return str(path)

    return make


@pytest.fixture
def caption_set(tmp_path, captions):
    def make(name='captions.json', count=30, order_seed=None, **kwargs):
        sizes = {'num_support_examples': 10, 'num_query_examples': 15}
        ann_file = captions(name, count, order_seed=order_seed)
        return FlamingoEvalCOCOCaption(ann_file, str(tmp_path), **(sizes | kwargs))

    return make


@pytest.fixture
def vqa_set(tmp_path, vqa):
    def make(files=None, **kwargs):
        sizes = {'num_support_examples': 10, 'num_query_examples': 15}
        return FlamingoEvalCOCOVQA(**(files or vqa()), data_root=str(tmp_path), **(sizes | kwargs))

    return make
