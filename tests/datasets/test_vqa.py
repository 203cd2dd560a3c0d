import json

import pytest

from mmflamingo.datasets import COCOVQA


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_record(tmp_path, vqa):
    dataset = COCOVQA(**vqa(), data_root=str(tmp_path), data_prefix={'img_path': 'val2014'})

    assert len(dataset) == 60
    assert dataset.get_data_info(1) == {
        'task': 'vqa',
        'sample_id': 11,
        'image_id': 1,
        'sample_idx': 1,
        'img_path': f'{tmp_path}/val2014/COCO_val2014_000000000001.jpg',
        'question': 'question 1 of 1?',
        'gt_answer': ['answer 1'] * 6 + ['other'] * 4,
        'majority_answer': 'answer 1',
        'answer_type': 'other',
        'question_type': 'what',
        'shots': [],
    }


def test_pairs_by_question_id_whatever_the_order(tmp_path, vqa):
    dataset = COCOVQA(**vqa(order_seed=3), data_root=str(tmp_path))
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        number = record['sample_id'] % 10
        assert record['majority_answer'] == f'answer {number}'
        assert record['question'].startswith(f'question {number} ')


@pytest.mark.parametrize(
    ('file_split', 'name'),
    [
        ('train2014', 'COCO_train2014_000000000001.jpg'),
        ('v2_OpenEnded_mscoco_val2014', 'COCO_val2014_000000000001.jpg'),
        ('v2_OpenEnded_mscoco_test2015', 'COCO_test2015_000000000001.jpg'),
        ('v2_OpenEnded_mscoco_test-dev2015', 'COCO_test2015_000000000001.jpg'),
    ],
)
def test_image_name_is_told_by_the_question_file(tmp_path, vqa, file_split, name):
    dataset = COCOVQA(**vqa(file_split), data_root=str(tmp_path))
    assert dataset.get_data_info(0)['img_path'] == f'{tmp_path}/{name}'


def test_image_name_can_be_given(tmp_path, vqa):
    dataset = COCOVQA(**vqa(), data_root=str(tmp_path), img_name='{image_id:06d}.png')
    assert dataset.get_data_info(0)['img_path'] == f'{tmp_path}/000001.png'


def test_untold_image_name(tmp_path, vqa):
    with pytest.raises(ValueError, match=r"img_name='COCO_val2014_\{image_id:012d\}\.jpg'"):
        COCOVQA(**vqa('mine'), data_root=str(tmp_path))


@pytest.mark.parametrize('img_name', ['{id}.jpg', '{}.jpg', '{image_id:Q}.jpg'])
def test_wrong_template(tmp_path, vqa, img_name):
    with pytest.raises(
        ValueError, match=r"val2014_questions.json', question 10: img_name=.*only field is \{image_id\}"
    ):
        COCOVQA(**vqa(), data_root=str(tmp_path), img_name=img_name)


def test_test_split_has_no_answers(tmp_path, vqa):
    dataset = COCOVQA(vqa()['question_file'], data_root=str(tmp_path))
    record = dataset.get_data_info(0)
    assert record['gt_answer'] == []
    assert record['majority_answer'] is None


def test_majority_without_multiple_choice_answer(tmp_path, vqa):
    keys = {10: {'multiple_choice_answer': None, 'answers': ['b', 'a', 'a']}}
    dataset = COCOVQA(**vqa(annotation_keys=keys), data_root=str(tmp_path))
    record = dataset.get_data_info(0)
    assert (record['majority_answer'], record['gt_answer']) == ('a', ['b', 'a', 'a'])


def test_files_of_different_splits(tmp_path, vqa):
    questions, annotations = vqa('val2014', count=20), vqa('train2014', count=15, first=11)
    with pytest.raises(ValueError) as error:
        COCOVQA(questions['question_file'], annotations['ann_file'], str(tmp_path))
    assert '60 questions' in str(error.value)
    assert '45 annotations' in str(error.value)
    assert '30 questions have none' in str(error.value)
    assert 'same split' in str(error.value)


def test_annotations_without_question(tmp_path, vqa):
    files = vqa()
    edit(tmp_path / files['question_file'], lambda content: content['questions'].pop())
    with pytest.raises(ValueError, match='59 questions .* but 60 annotations'):
        COCOVQA(**files, data_root=str(tmp_path))


def test_question_without_annotation(tmp_path, vqa):
    files = vqa()
    edit(tmp_path / files['ann_file'], lambda content: content['annotations'].pop(0))
    with pytest.raises(ValueError, match=r'59 annotations .* 1 questions have none \(10\)'):
        COCOVQA(**files, data_root=str(tmp_path))


def test_annotation_of_another_image(tmp_path, vqa):
    with pytest.raises(ValueError, match='1 questions have another image_id .* 10'):
        COCOVQA(**vqa(annotation_keys={10: {'image_id': 7}}), data_root=str(tmp_path))


@pytest.mark.parametrize(('file', 'key'), [('question_file', 'questions'), ('ann_file', 'annotations')])
def test_duplicates_and_empty_files(tmp_path, vqa, file, key):
    files = vqa()
    edit(tmp_path / files[file], lambda content: content[key].append(content[key][0]))
    with pytest.raises(ValueError, match='1 of 60 .* ids come more than once: 10'):
        COCOVQA(**files, data_root=str(tmp_path))

    edit(tmp_path / files[file], lambda content: content[key].clear())
    with pytest.raises(ValueError, match=f'{file}: .* holds no {key}'):
        COCOVQA(**files, data_root=str(tmp_path))


@pytest.mark.parametrize('file', ['question_file', 'ann_file'])
def test_missing_files(tmp_path, vqa, file):
    files = vqa() | {file: 'val2014_none.json'}
    with pytest.raises(FileNotFoundError, match=f'{file}: .*val2014_none.json. does not exist'):
        COCOVQA(**files, data_root=str(tmp_path))


def test_missing_keys(tmp_path, vqa):
    files = vqa()
    edit(tmp_path / files['question_file'], lambda content: content['questions'][0].pop('question'))
    with pytest.raises(ValueError, match=r'(?s)_questions.json. .* entry 0 \(question_id 10\): question is missing'):
        COCOVQA(**files, data_root=str(tmp_path))


def test_unknown_answer_policy(tmp_path, vqa):
    with pytest.raises(ValueError, match="answer_policy='best' is not known"):
        COCOVQA(**vqa(), data_root=str(tmp_path), answer_policy='best')
