import json
from collections import Counter

import pytest
from torch.utils.data import DataLoader

from mmflamingo.datasets import EpochSampler, InterleavedDataset
from mmflamingo.registry import DATA_SAMPLERS, DATASETS


@pytest.fixture
def caption_source(tmp_path, captions):
    return {'type': 'COCOCaption', 'ann_file': captions(), 'data_root': str(tmp_path)}


@pytest.fixture
def vqa_source(tmp_path, vqa):
    return {'type': 'COCOVQA', 'data_root': str(tmp_path), **vqa()}


def test_items(caption_source, vqa_source):
    dataset = DATASETS.build({'type': 'InterleavedDataset', 'sources': [caption_source, vqa_source]})
    assert len(dataset) == 90
    items = list(dataset)
    assert Counter(item['task'] for item in items) == {'caption': 30, 'vqa': 60}
    assert len({(item['task'], item['sample_id']) for item in items}) == 90
    assert {len(item['shots']) for item in items} == {0, 1, 2, 4}
    for item in items:
        key = 'caption' if item['task'] == 'caption' else 'answer'
        assert item['image_id'] not in {shot['image_id'] for shot in item['shots']}
        assert all(key in shot for shot in item['shots'])
        assert len(item['img_path']) == len(item['shots']) + 1
        assert item['output'] in item.get('gt_caption', [item.get('majority_answer')])


def test_epochs_differ_and_repeat(caption_source, vqa_source):
    sources = [caption_source, vqa_source]
    dataset, again = InterleavedDataset(sources), InterleavedDataset(sources)
    other = InterleavedDataset(sources, seed=1)
    for epoch in range(3):
        first = [dataset[epoch * 90 + i] for i in range(90)]
        assert first == [again[epoch * 90 + i] for i in range(90)]
        assert first != [other[epoch * 90 + i] for i in range(90)]
    assert [dataset[i] for i in range(90)] != [dataset[90 + i] for i in range(90)]
    assert dataset[-1] == dataset[89]


def test_weights_and_length(caption_source, vqa_source):
    dataset = InterleavedDataset([caption_source, vqa_source], weights=[2, 1], length=45)
    assert Counter(item['task'] for item in dataset) == {'caption': 30, 'vqa': 15}
    four_epochs = [dataset[i] for i in range(4 * 45)]
    asked = Counter(item['sample_id'] for item in four_epochs if item['task'] == 'vqa')
    assert len(asked) == 60
    assert set(asked.values()) == {1}


def test_number_of_shots_and_overrides(caption_source, vqa_source):
    dataset = InterleavedDataset(
        [caption_source, {'dataset': vqa_source, 'num_shots': [3], 'text_only_prob': 1.0}],
        num_shots=[0, 8],
        shots_probs=[0, 1],
    )
    for item in dataset:
        assert len(item['shots']) == (8 if item['task'] == 'caption' else 3)
        assert len(item['img_path']) == (9 if item['task'] == 'caption' else 1)


def test_groups_keep_to_themselves(tmp_path, captions, vqa):
    path = tmp_path / captions()
    content = json.loads(path.read_text())
    for entry in content['annotations']:
        entry['group'] = f'voice {entry["id"] % 2}'
    path.write_text(json.dumps(content))
    questions = vqa(question_keys={10 * i + k: {'group': i % 4} for i in range(1, 21) for k in range(3)})
    dataset = InterleavedDataset(
        [
            {'type': 'COCOCaption', 'ann_file': str(path)},
            {'type': 'COCOVQA', 'data_root': str(tmp_path), **questions},
        ],
        num_shots=[4],
    )
    voices = set()
    for item in dataset:
        if item['task'] == 'caption':
            voice = item['output'].split()[1]
            voices.add(voice)
            assert [shot['caption'].split()[1] for shot in item['shots']] == [voice] * 4
        else:
            groups = [shot['image_id'] % 4 for shot in item['shots']]
            assert groups == [item['image_id'] % 4] * 4
    assert voices == {'0', '1'}


def test_small_groups_give_fewer_shots(tmp_path, captions):
    source = {'type': 'COCOCaption', 'data_root': str(tmp_path)}
    two = source | {'ann_file': captions(count=2, group=1)}
    assert [len(i['shots']) for i in InterleavedDataset([two], num_shots=[4])] == [1, 1]


def test_episodes(tmp_path, vqa):
    keys = {10: {'support_question_ids': [20, 30, 21]}, 11: {'support_question_ids': [31]}}
    few_shot = {
        'type': 'FlamingoEvalCOCOVQA',
        'data_root': str(tmp_path),
        'shot_selector': 'listed',
        **vqa(question_keys=keys),
    }
    items = list(InterleavedDataset([few_shot], num_shots=[2]))
    shots = {item['sample_id']: [shot['sample_id'] for shot in item['shots']] for item in items}
    assert shots == {10: [20, 30], 11: [31]}

    plain = {'type': 'COCOVQA', 'data_root': str(tmp_path), **vqa(question_keys=keys)}
    items = {item['sample_id']: item for item in InterleavedDataset([plain], num_shots=[2])}
    assert [shot['sample_id'] for shot in items[10]['shots']] == [20, 30]
    assert len(items[12]['shots']) == 2


def test_episodes_are_checked(tmp_path, vqa):
    source = {'type': 'COCOVQA', 'data_root': str(tmp_path)}
    unknown = vqa(question_keys={10: {'support_question_ids': [20, 7]}})
    with pytest.raises(ValueError, match=r'Of 2 listed support ids, 1 are not in the source \(7\)'):
        InterleavedDataset([source | unknown])
    own = vqa(question_keys={10: {'support_question_ids': [20, 11]}})
    with pytest.raises(ValueError, match=r'1 show the image of a query that lists them \(11\)'):
        InterleavedDataset([source | own])


@pytest.mark.parametrize(('policy', 'answers'), [('majority', 1), ('sample', 2)])
def test_answer_policies(tmp_path, vqa, policy, answers):
    source = {'type': 'COCOVQA', 'data_root': str(tmp_path), 'answer_policy': policy, **vqa()}
    dataset = InterleavedDataset([source], num_shots=[0])
    query = dataset.get_data_info(0)['sample_id']
    outputs = {dataset.get_data_info(60 * epoch)['output'] for epoch in range(20)}
    assert {dataset.get_data_info(60 * epoch)['sample_id'] for epoch in range(20)} == {query}
    assert len(outputs) == answers


def test_few_shot_sets_give_their_supports(tmp_path, captions):
    source = {
        'type': 'FlamingoEvalCOCOCaption',
        'data_root': str(tmp_path),
        'ann_file': captions('val.json'),
        'support_ann_file': captions('support.json', first=100),
    }
    for item in InterleavedDataset([source], num_shots=[4]):
        assert item['image_id'] < 100
        assert all(shot['image_id'] >= 100 for shot in item['shots'])


def test_pipeline(caption_source):
    dataset = InterleavedDataset([caption_source], pipeline=[lambda record: record['sample_id']])
    assert sorted(dataset) == list(range(1, 31))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'sources': []}, 'at least one source'),
        ({'num_shots': []}, r'num_shots=\[\] must list numbers'),
        ({'num_shots': [-1]}, r'num_shots=\[-1\]'),
        ({'shots_probs': [1.0]}, r'shots_probs=\[1\.0\] needs one number for each'),
        ({'text_only_prob': 2}, 'text_only_prob=2 must lie between 0 and 1'),
        ({'weights': [1, 2]}, r'weights=\[1, 2\] must be 1 positive numbers'),
        ({'weights': [0]}, r'weights=\[0\] must be 1 positive'),
        ({'length': 0}, 'length=0 must be positive'),
    ],
)
def test_wrong_arguments(caption_source, arguments, message):
    with pytest.raises(ValueError, match=message):
        InterleavedDataset(**({'sources': [caption_source]} | arguments))


def test_queries_need_texts(tmp_path, vqa):
    source = {'type': 'COCOVQA', 'data_root': str(tmp_path)}
    with pytest.raises(ValueError, match='60 of 60 training records have no caption or answer'):
        InterleavedDataset([source | {'question_file': vqa()['question_file']}])


@pytest.mark.parametrize('num_workers', [0, 1])
def test_sampler_brings_the_epoch_to_workers(caption_source, num_workers):
    dataset = InterleavedDataset([caption_source])
    sampler = DATA_SAMPLERS.build({'type': 'EpochSampler', 'dataset': dataset, 'shuffle': True, 'seed': 0})
    assert isinstance(sampler, EpochSampler)
    loader = DataLoader(
        dataset,
        sampler=sampler,
        num_workers=num_workers,
        batch_size=None,
        persistent_workers=num_workers > 0,
    )
    for epoch in range(2):
        sampler.set_epoch(epoch)
        items = list(loader)
        expected = {record['sample_id']: record for record in (dataset[30 * epoch + i] for i in range(30))}
        assert {item['sample_id']: item for item in items} == expected


def test_several_texts_an_image(vqa_source):
    dataset = InterleavedDataset([{'dataset': vqa_source, 'num_shots': [4], 'texts_per_image': 2}])
    for item in dataset:
        assert len(item['shots']) == 8
        assert len(item['img_path']) == 5  # of four shots and of the query
        for shown, further in zip(item['shots'][::2], item['shots'][1::2], strict=True):
            assert shown['image_id'] == further['image_id'] != item['image_id']
            assert shown['question'] != further['question']
            assert shown['img_path'] is not None and further['img_path'] is None
    all_there_are = InterleavedDataset([{'dataset': vqa_source, 'num_shots': [1], 'texts_per_image': 9}])
    assert {len(item['shots']) for item in all_there_are} == {3}
    with pytest.raises(ValueError, match='texts_per_image=0'):
        InterleavedDataset([{'dataset': vqa_source, 'texts_per_image': 0}])
