"""EmojiClips: a function of the seed, read by MSVD-QA's reader, and no single frame tells an answer."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image

from mmflamingo.datasets import MSVDQA
from mmflamingo.datasets.transforms.video import LoadVideoFrames
from mmflamingo.engine.config.cli import load_config
from mmflamingo.registry import DATASETS, METRICS, MODELS

ROOT = Path(__file__).parents[2]
CONVERTERS = ROOT / 'tools' / 'dataset_converters'
MIDDLE_ONLY = load_config(str(ROOT / 'configs/flamingo/flamingo-tiny_emoji-clips_one-frame.py'))


@pytest.fixture(scope='module')
def clips():
    sys.path.insert(0, str(CONVERTERS))
    try:
        from emoji import clips

        yield clips
    finally:
        sys.path.remove(str(CONVERTERS))


@pytest.fixture(scope='module')
def convert(tmp_path_factory):
    def run(seed):
        out = tmp_path_factory.mktemp('emoji_clips')
        sprites = str(ROOT / 'data/emoji_scenes/sprites')
        options = ['--sprites', sprites, '--splits', 'val', '--clips', '4', '--seed', str(seed), '--out', str(out)]
        subprocess.run([sys.executable, str(CONVERTERS / 'emoji_clips.py'), *options], check=True)
        return out

    return run


@pytest.fixture(scope='module')
def folder(convert):
    return convert(0)


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def test_the_files_are_a_function_of_the_seed(convert, folder):
    first, again, other = files(folder), files(convert(0)), files(convert(1))
    assert len(first) == 5 and first == again
    assert first.keys() == other.keys() and not any(first[name] == other[name] for name in first)


def test_the_reader_finds_questions_and_frames(folder):
    data = MSVDQA('val_qa.json', str(folder), {'img_path': 'videos'}, video_name='clip{video_id}.avi')
    records = [data[index] for index in range(len(data))]
    assert [record['question_type'] for record in records] == ['what', 'where', 'which'] * 2
    frames = LoadVideoFrames(num_frames=9)({'img_path': records[0]['img_path']})['img']
    assert len(frames) == 9 and frames[0].shape == (128, 128, 3)
    assert not any(np.array_equal(a, b) for a, b in zip(frames, frames[1:], strict=False))


def test_the_control_sees_the_middle_frame_alone(folder):
    name = MIDDLE_ONLY.test_dataloader.dataset.video_name
    data = MSVDQA('val_qa.json', str(folder), {'img_path': 'videos'}, video_name=name)
    for record in data:
        shown = LoadVideoFrames(num_frames=4)({'img_path': record['img_path']})['img']
        whole = LoadVideoFrames(num_frames=9)({'img_path': record['img_path'].split('#')[0]})['img']
        assert len(shown) == 4 and all(np.array_equal(frame, whole[4]) for frame in shown)


def test_what_moves_is_what_is_asked_about(clips):
    for seed in range(200):
        clip = clips.sample_move(Random(seed))
        (mover,) = [actor for actor in clip.actors if len(set(actor.places)) > 1]
        (x0, y0), (x1, y1) = mover.places[0], mover.places[-1]
        went = {(True, False): 'right', (False, False): 'left', (True, True): 'bottom', (False, True): 'top'}
        direction = went[x1 + y1 > x0 + y0, x0 == x1]
        name = mover.thing.name
        assert clip.questions == (('What moves?', name), (f'Where does the {name} go?', direction))


def test_things_stay_in_the_picture_and_apart_wherever_they_go(clips):
    for seed in range(200):
        for sample in clips.sample_move, clips.sample_arrival:
            one, two = sample(Random(seed)).actors
            for actor in one, two:
                places = [place for place in actor.places if place]
                assert all(actor.edge / 2 <= min(place) and max(place) <= 128 - actor.edge / 2 for place in places)
            for a, b in zip(one.places, two.places, strict=True):
                assert not (a and b) or max(abs(a[0] - b[0]), abs(a[1] - b[1])) >= (one.edge + two.edge) / 2


def test_a_middle_frame_does_not_tell_what_moves_or_where(clips):
    """The same place in the middle frame goes with every direction, and with moving and staying, equally often."""
    directions, quadrants, moving = Counter(), Counter(), Counter()
    for seed in range(4000):
        clip = clips.sample_move(Random(f'middle-{seed}'))
        direction = clip.questions[1][1]
        for actor in clip.actors:
            x, y = actor.places[clips.MIDDLE]
            quadrant, moves = (x < 64, y < 64), len(set(actor.places)) > 1
            quadrants[quadrant] += 1
            moving[quadrant] += moves
            directions[quadrant, direction] += moves
    for quadrant in quadrants:
        assert moving[quadrant] / quadrants[quadrant] == pytest.approx(0.5, abs=0.05)
        for direction in clips.DIRECTIONS:
            assert directions[quadrant, direction] / moving[quadrant] == pytest.approx(0.25, abs=0.05)


def test_what_comes_first_goes_first_and_the_middle_shows_both(clips):
    alone = Counter()
    for seed in range(500):
        clip = clips.sample_arrival(Random(f'first-{seed}'))
        shown = [[place is not None for place in actor.places] for actor in clip.actors]
        assert all(presence[clips.MIDDLE] for presence in shown)
        (first,) = [number for number in (0, 1) if shown[number][0]]
        assert clip.questions == (('Which comes first?', clip.actors[first].thing.name),)
        alone[first] += 1
        for frame, seen in enumerate(zip(*shown, strict=True)):
            if sum(seen) == 1:  # before the middle it is the first one, behind it the other
                assert seen[first] == (frame < clips.MIDDLE)
    assert alone[0] / 500 == pytest.approx(0.5, abs=0.1)


def built(config, folder, part):
    """The set of a config's part, with its files in another folder."""
    dataset = config[part].dataset
    for source in dataset.get('sources', [dataset]):
        source.data_root = str(folder)
        source.ann_file = 'val_qa.json'
    return DATASETS.build(dataset)


def test_from_clips_to_score(folder, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load_config('configs/flamingo/flamingo-tiny_emoji-clips.py')
    model, data = MODELS.build(config.model).eval(), built(config, folder, 'test_dataloader')
    batch = pseudo_collate([data[index] for index in range(len(data))])
    assert batch['inputs'][0].shape == (1, 4, 3, 128, 128)
    with torch.inference_mode():
        samples = [sample.to_dict() for sample in model.test_step(batch)]
    metric = METRICS.build(config.test_evaluator)
    right = [sample | {'pred_answer': sample['gt_answer'][0]} for sample in samples]
    metric.process(None, right[:3] + [sample | {'pred_answer': 'xyzzy'} for sample in right[3:]])
    assert metric.evaluate(6) == dict.fromkeys(('acc', 'acc/what', 'acc/where', 'acc/which'), 50)


def test_what_joins_the_frozen_parts_learns(folder, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = load_config('configs/flamingo/flamingo-tiny_train_emoji-clips.py')
    model, data = MODELS.build(config.model).train(), built(config, folder, 'train_dataloader')
    batch = model.data_preprocessor(pseudo_collate([data[index] for index in range(3)]), True)
    model(**batch, mode='loss')['loss'].backward()
    learned = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {'resampler.frame_embs', 'resampler.patch_embs', 'resampler.latents'} <= learned
    assert not any(name.startswith(('vision_backbone', 'language_model.lm')) for name in learned)


def test_a_picture_of_clips_and_answers(folder, tmp_path):
    records = [
        f'{{"sample_id": {n}, "image_id": 7, "img_path": "{folder}/videos/clip1000001.avi", "question": "What moves?", '
        f'"references": ["cat"], "prediction": "dog"}}\n'
        for n in range(2)
    ]
    (tmp_path / 'predictions.jsonl').write_text(''.join(records))
    command = [sys.executable, str(ROOT / 'tools/dev/clip_strips.py'), str(tmp_path), '--names', 'ours']
    subprocess.run([*command, '--out', str(tmp_path / 'clips.png')], check=True)
    assert Image.open(tmp_path / 'clips.png').width > 4 * 128
