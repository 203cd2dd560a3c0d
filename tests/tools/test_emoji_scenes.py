"""EmojiScenes: the files are a function of the seed, and say what the pictures show."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parents[2]
CONVERTERS = ROOT / 'tools' / 'dataset_converters'
DATA = ROOT / 'data' / 'emoji_scenes'


@pytest.fixture(scope='module')
def emoji():
    sys.path.insert(0, str(CONVERTERS))
    try:
        from emoji import language, questions, scenes, text

        yield {'language': language, 'questions': questions, 'scenes': scenes, 'text': text}
    finally:
        sys.path.remove(str(CONVERTERS))


def load(name):
    return json.loads((DATA / 'annotations' / name).read_text())


def test_committed_annotations_are_what_the_converter_writes(tmp_path):
    command = [sys.executable, str(CONVERTERS / 'emoji_scenes.py'), '--out', str(tmp_path)]
    sprites = str(DATA / 'sprites')
    subprocess.run([*command, '--sprites', sprites, '--splits', 'support', 'val', 'binding'], check=True)
    made = sorted(path.name for path in (tmp_path / 'annotations').iterdir())
    assert len(made) == 8
    for name in made:
        committed = DATA / 'annotations' / name
        assert (tmp_path / 'annotations' / name).read_bytes() == committed.read_bytes(), name
    for split in ('support', 'val', 'binding'):
        names = {path.name for path in (tmp_path / split).iterdir()}
        assert names == {path.name for path in (DATA / split).iterdir()}


def test_objects_do_not_overlap_and_stay_in_the_picture(emoji):
    scenes = emoji['scenes']
    for index in range(300):
        boxes = [box for group in scenes.sample_scene(Random(index)).groups for box in group.boxes]
        assert 1 <= len(boxes) <= 4
        for number, (x, y, edge) in enumerate(boxes):
            assert edge / 2 <= min(x, y) and max(x, y) + edge / 2 <= scenes.CANVAS
            for other_x, other_y, other in boxes[:number]:
                assert max(abs(x - other_x), abs(y - other_y)) >= (edge + other) / 2


def test_the_true_answer_has_the_majority(emoji):
    scenes, language, questions = emoji['scenes'], emoji['language'], emoji['questions']
    for index in range(200):
        rng = Random(index)
        scene = scenes.sample_scene(rng)
        team = language.Team.number(index % language.NUM_TEAMS)
        asked = questions.ask(scene, team, rng, 3)
        assert len({question.text for question in asked}) == 3
        for question in asked:
            answers = question.ask_ten(rng)
            assert len(answers) == 10
            assert Counter(answers)[question.answer] >= 5


def test_captions_have_five_voices_of_different_length(emoji):
    scenes, language = emoji['scenes'], emoji['language']
    lengths = dict.fromkeys(language.VOICES, 0)
    for index in range(100):
        scene = scenes.sample_scene(Random(index))
        captions = {v: language.caption(scene, language.Team.number(3), v) for v in lengths}
        assert len(set(captions.values())) == 5
        for voice, caption in captions.items():
            lengths[voice] += len(caption.split())
    assert lengths['brief'] < lengths['picture'] < lengths['plain'] < lengths['detailed']


def test_new_words_of_the_splits_are_disjoint(emoji):
    new_word, rng = emoji['text'].new_word, Random(0)
    words = {split: {new_word(rng, split) for _ in range(300)} for split in ('binding_train', 'binding_dev', 'binding')}
    assert not words['binding_train'] & words['binding']
    assert not words['binding_train'] & words['binding_dev']
    assert not words['binding_dev'] & words['binding']


def test_val_shows_pairs_that_no_training_split_shows(emoji):
    scenes = emoji['scenes']
    held_out = scenes.held_out_pairs(seed=0)
    images = load('captions_val.json')['images']
    assert len(images) == 500
    assert 50 <= sum(image['unseen_pair'] for image in images) <= 150
    assert not any(image['unseen_pair'] for image in load('captions_support.json')['images'])
    assert len(held_out) == len(scenes.THINGS) * (len(scenes.THINGS) - 1) // 20


def test_binding_queries_list_eight_supports_that_name_two_things():
    questions = load('v2_OpenEnded_emoji_binding_questions.json')['questions']
    annotations = load('v2_emoji_binding_annotations.json')['annotations']
    answers = {entry['question_id']: entry['multiple_choice_answer'] for entry in annotations}
    queries = [question for question in questions if 'support_question_ids' in question]
    assert len(queries) == 200
    for query in queries:
        words = [answers[support] for support in query['support_question_ids']]
        assert sorted(Counter(words).values()) == [4, 4]
        assert len(set(words[:2])) == 2
        assert answers[query['question_id']] in words


def test_an_inventory_names_all_that_is_seen(emoji):
    scenes, language = emoji['scenes'], emoji['language']
    for seed in range(50):
        scene = scenes.sample_scene(Random(seed))
        text = language.inventory(scene)
        assert text.endswith(f'{language.background(scene)}.')
        for group in scene.groups:
            assert group.thing.noun(group.count) in text
        assert text.count(',') == len(scene.groups)


@pytest.mark.parametrize('kind', ['questions', 'checks'])
def test_text_asks_several_things_of_one_scene_and_answers_truly(emoji, kind):
    text = emoji['text']
    weights = tuple(int(name == kind) for name in text.KINDS)
    asked = []
    for seed in range(200):
        described, *chunks = text.document(Random(seed), [3], weights).split('Question:')
        assert len(chunks) <= 8 and '<|endofchunk|>' not in described
        assert all(chunk.endswith('<|endofchunk|>') for chunk in chunks)
        pairs = [chunk.removesuffix('<|endofchunk|>').split(' Short answer:') for chunk in chunks]
        assert len(dict(pairs)) == len(chunks)  # no question twice
        for question, answer in pairs:
            if question.startswith('Is the background'):
                color = question.removeprefix('Is the background ').rstrip('?')
                assert answer == ('yes' if described.endswith(f' {color}.') else 'no')
        asked += pairs
    assert len(asked) > 600
    yes_no = [answer for _, answer in asked if answer in ('yes', 'no')]
    assert 0.35 < yes_no.count('yes') / len(yes_no) < 0.6
    assert (len(yes_no) == len(asked)) == (kind == 'checks')
