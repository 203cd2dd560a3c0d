"""What is read of TextVQA, VizWiz and GQA, and what is said of files in another layout."""

import pytest

from mmflamingo.datasets import GQA, FlamingoEvalTextVQA, FlamingoEvalVizWiz, TextVQA, VizWiz
from mmflamingo.datasets.clips import clip_path, split_clip

TEXT_QUESTION = {'image_id': 'a7f', 'question_id': 5, 'question': 'what does it say?', 'answers': ['stop'] * 9 + ['go']}
PHOTO_QUESTION = {
    'image': 'VizWiz_val_00000001.jpg',
    'question': 'What is this?',
    'answers': [{'answer': 'soda', 'answer_confidence': 'yes'}, {'answer': 'can', 'answer_confidence': 'no'}],
    'answer_type': 'other',
    'answerable': 1,
}
GRAPH_QUESTION = {'imageId': 'n16', 'question': 'Is it red?', 'answer': 'no', 'types': {'structural': 'verify'}}
SETS = {
    TextVQA: {'data': [TEXT_QUESTION]},
    VizWiz: [PHOTO_QUESTION],
    GQA: {'201': GRAPH_QUESTION},
}
EXPECTED = {
    TextVQA: {
        'sample_id': 5,
        'image_id': 'a7f',
        'img_path': 'a7f.jpg',
        'question': 'what does it say?',
        'gt_answer': ['stop'] * 9 + ['go'],
        'majority_answer': 'stop',
    },
    VizWiz: {
        'sample_id': 'VizWiz_val_00000001.jpg',
        'image_id': 'VizWiz_val_00000001.jpg',
        'img_path': 'VizWiz_val_00000001.jpg',
        'question': 'What is this?',
        'gt_answer': ['soda', 'can'],
        'majority_answer': 'soda',
        'answer_type': 'other',
    },
    GQA: {
        'sample_id': '201',
        'image_id': 'n16',
        'img_path': 'n16.jpg',
        'question': 'Is it red?',
        'gt_answer': ['no'],
        'majority_answer': 'no',
        'question_type': 'verify',
    },
}


@pytest.mark.parametrize('cls', SETS)
def test_record(cls, tmp_path, write_json):
    dataset = cls(write_json('a.json', SETS[cls]), str(tmp_path), {'img_path': 'images'})
    expected = EXPECTED[cls] | {'img_path': f'{tmp_path}/images/{EXPECTED[cls]["img_path"]}'}
    assert dataset.get_data_info(0) == expected | {'task': 'vqa', 'sample_idx': 0, 'shots': []}
    assert dataset.media_paths() == [expected['img_path']]


@pytest.mark.parametrize('cls', SETS)
@pytest.mark.parametrize('content', [{'images': []}, [{'id': 1}], [3], {'data': [{}]}, [[]]])
def test_another_layout_is_named(cls, content, tmp_path, write_json):
    with pytest.raises(ValueError, match=rf"ann_file: .*a\.json' does not have the layout of {cls.__name__}"):
        cls(write_json('a.json', content), str(tmp_path))


@pytest.mark.parametrize(('cls', 'empty'), [(TextVQA, {'data': []}), (VizWiz, []), (GQA, {})])
def test_no_questions(cls, empty, tmp_path, write_json):
    with pytest.raises(ValueError, match="a.json' holds no questions. It must be a JSON"):
        cls(write_json('a.json', empty), str(tmp_path))


def test_a_question_twice(tmp_path, write_json):
    with pytest.raises(ValueError, match='1 of 1 question ids come more than once: 5'):
        TextVQA(write_json('a.json', {'data': [TEXT_QUESTION] * 2}), str(tmp_path))


def test_a_test_split_has_no_answers_and_gives_no_shots(tmp_path, write_json):
    mute = {key: value for key, value in TEXT_QUESTION.items() if key != 'answers'}
    files = {
        'ann_file': write_json('test.json', {'data': [mute]}),
        'support_ann_file': write_json('more.json', {'data': [mute | {'image_id': 'b', 'question_id': 6}]}),
    }
    dataset = FlamingoEvalTextVQA(**files, data_root=str(tmp_path))
    assert dataset.get_data_info(0)['gt_answer'] == []
    with pytest.raises(ValueError, match='1 of 1 supports have no caption or answer'):
        FlamingoEvalTextVQA(**files, data_root=str(tmp_path), num_shots=1)


def test_shots_come_from_the_support_file_and_its_folder(tmp_path, write_json):
    other = PHOTO_QUESTION | {'image': 'VizWiz_train_00000007.jpg'}
    dataset = FlamingoEvalVizWiz(
        write_json('val.json', [PHOTO_QUESTION]),
        str(tmp_path),
        {'img_path': 'val'},
        support_ann_file=write_json('train.json', [other]),
        support_data_prefix={'img_path': 'train'},
        num_shots=1,
    )
    record = dataset.get_data_info(0)
    paths = [f'{tmp_path}/train/VizWiz_train_00000007.jpg', f'{tmp_path}/val/VizWiz_val_00000001.jpg']
    assert record['img_path'] == paths and sorted(dataset.media_paths()) == paths
    assert (record['shots'][0]['question'], record['shots'][0]['answer']) == ('What is this?', 'soda')


def test_parts_of_videos_are_fragments():
    assert split_clip(clip_path('a#1.mp4', '2.5', 10)) == ('a#1.mp4', 2.5, 10)
    assert split_clip('a.mp4') == ('a.mp4', 0, float('inf'))
    for wrong in 'a.mp4#t=5', 'a.mp4#t=a,b', 'a.mp4#t=4,4', 'a.mp4#t=-1,4':
        with pytest.raises(ValueError, match='a.mp4#t='):
            split_clip(wrong)
