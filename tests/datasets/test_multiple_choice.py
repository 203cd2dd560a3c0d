"""What is read of close-ended sets, and what is said of choices that can't be ranked."""

import json

import pytest

from mmflamingo.datasets import AOKVQA, COCOVQA, FlamingoEvalScienceQA, HatefulMemes, ImageNet, ScienceQA
from mmflamingo.datasets.transforms import AddChoices

MEME = {'id': 42953, 'img': 'img/42953.png', 'text': 'nice cat', 'label': 1}
QUESTION = {
    'image_id': 299207,
    'question_id': 'k0kbF',
    'question': 'Where is it?',
    'choices': ['pool', 'park', 'bar', 'zoo'],
    'correct_choice_idx': 1,
    'direct_answers': ['park'] * 9 + ['zoo'],
    'difficult_direct_answer': False,
}
PROBLEM = {
    'question': 'Which is a solid?',
    'choices': ['milk', 'stone'],
    'answer': 1,
    'hint': 'A solid has a shape.',
    'image': 'image.png',
    'subject': 'natural science',
    'split': 'test',
}


@pytest.fixture
def lines(tmp_path):
    def write(*content, name='a.txt'):
        (tmp_path / name).write_text('\n'.join(content) + '\n')
        return name

    return write


def test_meme(tmp_path, lines):
    dataset = HatefulMemes(lines(json.dumps(MEME)), str(tmp_path))
    record = dataset.get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/img/42953.png'
    fields = [record[key] for key in ('task', 'ocr', 'choices', 'gt_choice', 'gt_answer', 'majority_answer')]
    assert fields == ['hateful_memes', 'nice cat', ['no', 'yes'], 1, ['yes'], 'yes']


def test_memes_of_a_test_split_have_no_label(tmp_path, lines):
    record = HatefulMemes(lines(json.dumps({**MEME, 'label': None})), str(tmp_path)).get_data_info(0)
    assert record['gt_answer'] == [] and 'gt_choice' not in record


def test_a_broken_line(tmp_path, lines):
    with pytest.raises(ValueError, match=r"line 2 of '.*a\.txt' is not valid JSON"):
        HatefulMemes(lines(json.dumps(MEME), '{"id": 3,'), str(tmp_path))


def test_a_label_that_is_no_choice(tmp_path, lines):
    with pytest.raises(ValueError, match=r'line 1 \(id 42953\): label is 2, it must be one of 0, 1'):
        HatefulMemes(lines(json.dumps({**MEME, 'label': 2})), str(tmp_path))


def test_aokvqa_both_ways(tmp_path, write_json):
    difficult = {**QUESTION, 'question_id': 'hard', 'difficult_direct_answer': True}
    name = write_json('a.json', [QUESTION, difficult])
    ranked, direct = (AOKVQA(name, str(tmp_path), multiple_choice=flag) for flag in (True, False))
    assert (len(ranked), len(direct)) == (2, 1)
    record = ranked.get_data_info(0)
    assert (record['task'], record['choices'], record['gt_choice']) == ('multiple_choice', QUESTION['choices'], 1)
    assert record['img_path'].endswith('000000299207.jpg')
    record = direct.get_data_info(0)
    assert (record['task'], record['gt_answer'], 'choices' in record) == ('vqa', QUESTION['direct_answers'], False)


def test_scienceqa_asks_what_has_an_image(tmp_path, write_json):
    problems = {'3': PROBLEM, '4': {**PROBLEM, 'image': None}, '5': {**PROBLEM, 'split': 'train', 'hint': ''}}
    name = write_json('problems.json', problems)
    dataset = ScienceQA(name, str(tmp_path))
    assert len(dataset) == 1
    record = dataset.get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/test/3/image.png'
    assert record['question'] == 'A solid has a shape. Which is a solid?'
    assert (record['gt_choice'], record['question_type']) == (1, 'natural science')
    assert ScienceQA(name, str(tmp_path), with_hint=False).get_data_info(0)['question'] == 'Which is a solid?'

    few = FlamingoEvalScienceQA(name, str(tmp_path), support_split='train', num_shots=1)
    assert few.get_data_info(0)['shots'][0]['answer'] == 'stone'
    with pytest.raises(
        ValueError, match=r"support_split='minival': .* has questions with images in \['test', 'train'\]"
    ):
        FlamingoEvalScienceQA(name, str(tmp_path), support_split='minival')


def test_imagenet(tmp_path, lines):
    files = lines('b/2.JPEG 1', 'a b.JPEG 0'), lines('tench', 'great white shark', name='classes.txt')
    dataset = ImageNet(*files, data_root=str(tmp_path), data_prefix={'img_path': 'val'})
    record = dataset.get_data_info(0)
    assert record['img_path'] == f'{tmp_path}/val/b/2.JPEG'
    assert (record['task'], record['gt_choice'], record['gt_caption']) == ('imagenet', 1, ['great white shark'])
    assert record['choices'] == ['tench', 'great white shark']
    assert dataset.get_data_info(1)['sample_id'] == 'a b.JPEG'


@pytest.mark.parametrize('line', ['a.JPEG', 'a.JPEG 2', 'a.JPEG -1', 'a.JPEG tench'])
def test_imagenet_lines_that_are_none(tmp_path, lines, line):
    files = lines('b.JPEG 1', line), lines('tench', 'shark', name='classes.txt')
    with pytest.raises(
        ValueError,
        match=f"line 2: the line is '{line}', it must be a file and a number below 2, as 'classes.txt' has names",
    ):
        ImageNet(*files, data_root=str(tmp_path))


def test_p2_equal_names_are_ranked_once_and_any_of_their_classes_is_right(tmp_path, lines):
    names = lines('missile', 'shark', 'missile ', 'sunglasses', 'sunglasses', name='classes.txt')
    images = lines(*(f'{number}.JPEG {number}' for number in range(5)))
    dataset = ImageNet(images, names, data_root=str(tmp_path))
    records = [dataset.get_data_info(number) for number in range(5)]
    assert [record['gt_choice'] for record in records] == [0, 1, 0, 2, 2]
    assert all(record['choices'] == ['missile', 'shark', 'sunglasses'] for record in records)
    assert [record['gt_caption'] for record in records][3:] == [['sunglasses'], ['sunglasses']]


@pytest.mark.parametrize('names', [['a', 'a '], ['a']])
def test_names_that_are_too_few(tmp_path, lines, names):
    with pytest.raises(ValueError, match=r"class_file: '.*classes.txt' has the names 'a'; .* at least two different"):
        ImageNet(lines('b.JPEG 0'), lines(*names, name='classes.txt'), data_root=str(tmp_path))


@pytest.mark.parametrize('choices', [['a'], ['a', ' '], ['a', 'b', 'a ']])
def test_candidates_that_can_not_be_ranked(choices):
    with pytest.raises(ValueError, match=rf'AddChoices.choices(:| has).* {len(choices)} choices'):
        AddChoices(choices)


def test_candidates_from_a_file(tmp_path, lines):
    path = tmp_path / lines('yes', '', ' no')
    assert AddChoices(choices_file=str(path))({})['choices'] == ['yes', 'no']
    for arguments in {}, {'choices': ['a', 'b'], 'choices_file': str(path)}:
        with pytest.raises(ValueError, match='choices or choices_file, one of them'):
            AddChoices(**arguments)


def test_candidates_from_the_answers_of_an_annotation_file(tmp_path, vqa):
    path = str(tmp_path / vqa(annotation_keys={10: {'multiple_choice_answer': 'blue'}})['ann_file'])
    assert AddChoices(choices_file=path).choices == ['answer 1', 'answer 2', 'answer 0', 'blue']
    some = AddChoices(choices_file=path, most_common=2)
    assert some({'majority_answer': 'answer 2'})['gt_choice'] == 1
    assert 'gt_choice' not in some({'majority_answer': 'blue'})


def test_answer_types(tmp_path, vqa):
    files = vqa(count=2, annotation_keys={10: {'answer_type': 'yes/no'}})
    dataset = COCOVQA(**files, data_root=str(tmp_path), answer_types=('yes/no',))
    assert [dataset.get_data_info(i)['sample_id'] for i in range(len(dataset))] == [10]
    with pytest.raises(ValueError, match=r"answer_types=\('number',\): .*\['other', 'yes/no'\]"):
        COCOVQA(**files, data_root=str(tmp_path), answer_types=('number',))
