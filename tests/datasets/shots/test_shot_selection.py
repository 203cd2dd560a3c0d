import shutil
from collections import Counter
from random import Random

import pytest
import torch

from mmflamingo.datasets import FlamingoEvalCOCOCaption, ImageFeatures
from mmflamingo.datasets.shots.rices import WordIndex


def shot_ids(dataset):
    shots = map(dataset.get_data_info, range(len(dataset)))
    return {record['sample_id']: [shot['sample_id'] for shot in record['shots']] for record in shots}


@pytest.fixture
def line_features(tmp_path):
    """Features of images 1 to 200 on a quarter circle: the nearer two numbers, the more alike."""
    angles = torch.arange(1, 201) / 200 * torch.pi / 2
    vectors = torch.stack([angles.cos(), angles.sin()], 1)
    ImageFeatures(list(range(1, 201)), vectors, 'ToyViT 0123').save(tmp_path / 'features.pt')
    return str(tmp_path / 'features.pt')


class TestRICES:
    def test_most_similar_last(self, tmp_path, captions, line_features):
        files = captions('val.json', 3, first=50), captions('support.json', 10, first=100)
        selector = dict(type='rices', features=line_features)
        make = lambda **kw: FlamingoEvalCOCOCaption(  # noqa: E731
            files[0], str(tmp_path), support_ann_file=files[1], num_shots=3, shot_selector=selector | kw
        )
        assert shot_ids(make())[51] == [102, 101, 100]
        assert shot_ids(make(order='selected'))[51] == [100, 101, 102]
        assert sorted(shot_ids(make(order='shuffled'))[51]) == [100, 101, 102]

    def test_equals_a_search_by_hand(self, vqa_set, line_features):
        dataset = vqa_set(num_shots=4, shot_selector=dict(type='rices', features=line_features))
        for query, shots in shot_ids(dataset).items():
            distance = lambda r, q=query: abs(r['image_id'] - q // 10)  # noqa: E731
            order = sorted(dataset.supports, key=distance)
            by_hand = [distance(record) for record in order[:4]]
            assert [abs(i // 10 - query // 10) for i in reversed(shots)] == by_hand

    def test_does_not_depend_on_the_other_queries(self, tmp_path, captions, line_features):
        files = captions('val.json', 30, first=50), captions('support.json', 30, first=100)
        make = lambda **kw: FlamingoEvalCOCOCaption(  # noqa: E731
            *(files[0], str(tmp_path)),
            **dict(support_ann_file=files[1], num_shots=3, shot_selector=dict(type='rices', features=line_features)),
            **kw,
        )
        some, everything = shot_ids(make(num_query_examples=7)), shot_ids(make())
        assert len(some) == 7 and everything.items() >= some.items()

    def test_by_text(self, vqa_set, vqa):
        keys = {
            10 * i + k: {'question': q} for i in range(1, 21) for k, q in enumerate(('how many', 'what', 'where is'))
        }
        dataset = vqa_set(vqa(question_keys=keys), num_shots=2, shot_selector=dict(type='rices', by='text'))
        for query, shots in shot_ids(dataset).items():
            assert {shot % 10 for shot in shots} == {query % 10}
            assert all(shot // 10 != query // 10 for shot in shots)

    def test_by_both_goes_between(self, vqa_set, vqa, line_features):
        keys = {
            10 * i + k: {'question': q} for i in range(1, 61) for k, q in enumerate(('how many', 'what', 'where is'))
        }
        files, nearest = vqa(count=60, question_keys=keys), {}
        for weight in (0.0, 0.5, 1.0):
            selector = dict(type='rices', by='both', features=line_features, image_weight=weight)
            dataset = vqa_set(files, num_shots=1, num_support_examples=30, num_query_examples=6, shot_selector=selector)
            nearest[weight] = shot_ids(dataset)
        same_kind = lambda shots: sum(ids[0] % 10 == query % 10 for query, ids in shots.items())  # noqa: E731
        distance = lambda shots: sum(abs(ids[0] // 10 - query // 10) for query, ids in shots.items())  # noqa: E731
        assert same_kind(nearest[0.0]) == same_kind(nearest[0.5]) == 6
        assert distance(nearest[1.0]) <= distance(nearest[0.5]) <= distance(nearest[0.0])

    def test_among_listed(self, vqa_set, vqa, line_features):
        keys = {50: {'support_question_ids': [200, 100, 60]}, 51: {'support_question_ids': [30, 120, 10]}}
        selector = dict(type='rices', features=line_features, among='listed')
        dataset = vqa_set(vqa(question_keys=keys), num_shots=2, shot_selector=selector)
        assert shot_ids(dataset) == {50: [100, 60], 51: [10, 30]}

    def test_text_only_examples_are_the_next_similar(self, tmp_path, captions, line_features):
        dataset = FlamingoEvalCOCOCaption(
            *(captions('val.json', 3, first=50), str(tmp_path)),
            support_ann_file=captions('support.json', 10, first=100),
            shot_selector=dict(type='rices', features=line_features),
            **dict(num_shots=1, num_text_only_shots=2),
        )
        shots = dataset.get_data_info(0)['shots']
        assert [(s['sample_id'], s['img_path'] is None) for s in shots] == [(102, True), (101, True), (100, False)]

    @pytest.mark.parametrize(
        ('selector', 'message'),
        [
            ({'by': 'sound'}, "by='sound' is not known"),
            ({'among': 'all'}, "among='all' is not known"),
            ({'order': 'best'}, "order='best' is not known; choose one of .'selected', 'reversed', 'shuffled'"),
            ({'by': 'text'}, r"10 records have none .* Use by='image'"),
            ({'backbone': 'ViT-L'}, "another backbone, 'ToyViT 0123', not of 'ViT-L'"),
        ],
    )
    def test_wrong_arguments(self, caption_set, line_features, selector, message):
        with pytest.raises(ValueError, match=message.replace('10 records', '25 records')):
            caption_set(num_shots=1, shot_selector={'type': 'rices', 'features': line_features} | selector)

    def test_features_of_other_images(self, caption_set, tmp_path):
        ImageFeatures(list(range(1, 20)), torch.ones(19, 2), 'ViT').save(tmp_path / 'few.pt')
        with pytest.raises(ValueError, match='images have no features .* from the config of this very dataset'):
            caption_set(num_shots=1, shot_selector=dict(type='rices', features=str(tmp_path / 'few.pt')))

    def test_no_features(self, caption_set, tmp_path):
        with pytest.raises(FileNotFoundError, match='none.pt does not exist. .*extract_features'):
            caption_set(shot_selector=dict(type='rices', features='none.pt'))
        with pytest.raises(RuntimeError, match='no image features yet: tools/test.py computes them'):
            caption_set(num_shots=1, shot_selector='rices').get_data_info(0)
        torch.save([1], tmp_path / 'list.pt')
        with pytest.raises(ValueError, match='list.pt holds no image features'):
            caption_set(shot_selector=dict(type='rices', features=str(tmp_path / 'list.pt')))


def test_words_by_tf_idf():
    index = WordIndex(['how many cats?', 'how many dogs?', 'what is this?'])
    similarity = index.similarity('How many CATS, zebra?')
    assert similarity[0] == pytest.approx(1) and 0 < similarity[1] < similarity[0] and similarity[2] == 0
    assert index.similarity('zebra').tolist() == [0, 0, 0]


class TestClassBalanced:
    @pytest.fixture
    def make(self, vqa_set, vqa):
        def make(count, **selector):
            sizes = dict(num_shots=count, num_support_examples=30)
            return vqa_set(vqa(count=60), **sizes, shot_selector={'type': 'class_balanced'} | selector)

        return make

    @pytest.mark.parametrize('count', [3, 4, 6, 9])
    def test_classes_come_equally_often(self, make, count):
        for shots in shot_ids(make(count)).values():
            numbers = Counter(shot % 10 for shot in shots)
            assert sum(numbers.values()) == count == len(set(shots))
            assert max(numbers.values()) - min(numbers.values()) <= count % 3 and len(numbers) == 3

    def test_selected_order_goes_round_the_classes(self, make):
        for shots in shot_ids(make(6, order='selected')).values():
            kinds = [shot % 10 for shot in shots]
            assert kinds[:3] == kinds[3:] and len(set(kinds)) == 3

    def test_odd_shots_are_not_always_of_one_class(self, make):
        shots = shot_ids(make(1)).values()
        assert len({ids[0] % 10 for ids in shots}) == 3

    def test_chosen_classes(self, make):
        shots = shot_ids(make(2, classes=['answer 0', 'answer 2']))
        assert all({i % 10 for i in ids} == {0, 2} for ids in shots.values())

    def test_more_shots_than_supports_of_a_class(self, make):
        with pytest.raises(ValueError, match="45 shots of 3 classes need 15 supports of each, .* fewer of 'answer"):
            make(45)
        with pytest.raises(ValueError, match="fewer of 'maybe: 0'"):
            make(1, classes=['maybe'])

    def test_unknown_label(self, make):
        with pytest.raises(ValueError, match="no field 'colour'; choose label of .*'majority_answer'"):
            make(1, label='colour')


def test_lists_of_a_file(vqa_set, write_json, tmp_path):
    file = write_json('lists.json', {'10': [20, 30, 21], '11': [31, 21]})
    dataset = vqa_set(num_shots=2, shot_selector=dict(type='listed', file=str(tmp_path / file), order='reversed'))
    assert shot_ids(dataset) == {10: [30, 20], 11: [21, 31]}


class TestTwins:
    """Images with the same content are one image."""

    @pytest.fixture
    def images(self, make_image, tmp_path):
        for number in range(1, 31):
            make_image(f'{number:06d}.jpg', seed=number)
        shutil.copy(tmp_path / '000003.jpg', tmp_path / '000027.jpg')

    def test_separate_sets(self, images, tmp_path, captions):
        files = captions('val.json', 10), captions('support.json', 10, first=21)
        make = lambda **kw: FlamingoEvalCOCOCaption(files[0], str(tmp_path), support_ann_file=files[1], **kw)  # noqa: E731
        assert 27 not in {record['image_id'] for record in make().supports}
        assert 27 in {record['image_id'] for record in make(find_twins=False).supports}

    def test_one_file(self, images, caption_set):
        for seed in range(8):
            dataset = caption_set(seed=seed, num_support_examples=15, num_query_examples=None)
            supports = {record['image_id'] for record in dataset.supports}
            assert (3 in supports) == (27 in supports) or not {3, 27} & {
                dataset.get_query(i)['image_id'] for i in range(len(dataset))
            }

    def test_listed(self, images, tmp_path, captions):
        val = captions('val.json', 3, support_image_ids=[27])
        with pytest.raises(ValueError, match='1 queries have the content of their own image among their shots: 3'):
            FlamingoEvalCOCOCaption(
                *(val, str(tmp_path)),
                **dict(support_ann_file=captions('support.json', 10, first=21), shot_selector='listed', num_shots=1),
            )


def test_arrange_keeps_all(caption_set):
    selector = caption_set(shot_selector=dict(type='random', order='shuffled')).shot_selector
    assert sorted(selector.arrange(range(9), Random(0))) == list(range(9))


def test_random_among_listed(vqa_set, vqa):
    keys = {50: {'support_question_ids': [200, 100, 60]}, 51: {'support_question_ids': [30, 120, 10]}}
    files = vqa(question_keys=keys)
    make = lambda seed: vqa_set(files, num_shots=2, seed=seed, shot_selector=dict(type='random', among='listed'))  # noqa: E731
    chosen = [shot_ids(make(seed)) for seed in range(8)]
    assert all(set(shots[50]) < {200, 100, 60} and set(shots[51]) < {30, 120, 10} for shots in chosen)
    assert len({tuple(shots[50]) for shots in chosen}) > 2
