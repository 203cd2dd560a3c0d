from random import Random

import pytest

from mmflamingo.datasets import FlamingoEvalCOCOCaption, FlamingoEvalCOCOVQA, ShotPool
from mmflamingo.datasets.base import record_key


def records(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def shots_by_id(dataset):
    return {record['sample_id']: record['shots'] for record in records(dataset)}


class TestSplit:
    def test_sizes_and_disjointness(self, caption_set, vqa_set):
        for dataset in (caption_set(), vqa_set()):
            assert (len(dataset), dataset.num_supports) == (15, 10)
            queries = {record['image_id'] for record in records(dataset)}
            assert not queries & {record['image_id'] for record in dataset.supports}

    def test_one_query_an_image(self, caption_set):
        images = [record['image_id'] for record in records(caption_set())]
        assert len(images) == len(set(images))

    def test_depends_on_the_seed_only(self, caption_set, vqa_set, vqa):
        for make in (
            caption_set,
            lambda **kw: vqa_set(vqa(order_seed=kw.pop('order_seed', None)), **kw),
        ):
            here, there, other = make(num_shots=3), make(order_seed=5, num_shots=3), make(seed=1)
            assert shots_by_id(here) == shots_by_id(there)
            assert here.supports == there.supports
            assert set(shots_by_id(here)) != set(shots_by_id(other))

    def test_does_not_depend_on_the_shots(self, caption_set):
        zero, four = caption_set(num_shots=0), caption_set(num_shots=4)
        assert list(shots_by_id(zero)) == list(shots_by_id(four))

    @pytest.mark.parametrize('everything', [None, -1])
    def test_all_that_is_left(self, caption_set, everything):
        assert len(caption_set(num_query_examples=everything)) == 20
        assert caption_set(num_support_examples=everything).num_supports == 15

    def test_too_few_records(self, caption_set, vqa_set):
        message = 'num_support_examples=2048 .* {} records of {} images; .* {} supports and 0 queries'
        for make, numbers in ((caption_set, (30, 30, 30)), (vqa_set, (60, 20, 60))):
            with pytest.raises(ValueError, match=message.format(*numbers)):
                make(num_support_examples=2048)

    def test_both_sets_cannot_be_all(self, caption_set):
        with pytest.raises(ValueError, match='cannot give all its records to both'):
            caption_set(num_support_examples=None, num_query_examples=-1)


class TestSeparateSupport:
    def make(self, tmp_path, captions, first, **kwargs):
        return FlamingoEvalCOCOCaption(
            captions('val.json', 20),
            str(tmp_path),
            {'img_path': 'val'},
            support_ann_file=captions('support.json', 10, first),
            support_data_prefix={'img_path': 'support'},
            **kwargs,
        )

    def test_takes_all_by_default(self, tmp_path, captions):
        dataset = self.make(tmp_path, captions, first=100, num_shots=4)
        assert (len(dataset), dataset.num_supports) == (20, 10)
        *shots, query = dataset.get_data_info(0)['img_path']
        assert all(path.startswith(f'{tmp_path}/support/0001') for path in shots)
        assert query == f'{tmp_path}/val/000001.jpg'

    def test_limits(self, tmp_path, captions):
        dataset = self.make(tmp_path, captions, first=100, num_query_examples=5, num_support_examples=3)
        assert (len(dataset), dataset.num_supports) == (5, 3)

    @pytest.mark.parametrize('num_query_examples', [3, None])
    def test_drops_images_of_the_query_file(self, tmp_path, captions, num_query_examples):
        dataset = self.make(tmp_path, captions, 16, num_query_examples=num_query_examples)
        assert [record['image_id'] for record in dataset.supports] == list(range(21, 26))

    def test_nothing_left(self, tmp_path, captions):
        with pytest.raises(ValueError, match='All images of the 10 supports .* 20 queries'):
            self.make(tmp_path, captions, first=5)

    def test_missing_file(self, tmp_path, captions):
        with pytest.raises(FileNotFoundError, match=r'support_ann_file: .*none\.json'):
            FlamingoEvalCOCOCaption(captions(), str(tmp_path), support_ann_file='none.json')

    def test_vqa_test_split(self, tmp_path, vqa):
        support = vqa('train2014', first=100)
        dataset = FlamingoEvalCOCOVQA(
            vqa('test2015')['question_file'],
            data_root=str(tmp_path),
            support_question_file=support['question_file'],
            support_ann_file=support['ann_file'],
            num_shots=2,
        )
        record = dataset.get_data_info(0)
        assert record['gt_answer'] == []
        assert 'COCO_train2014_' in record['img_path'][0]
        assert 'COCO_test2015_' in record['img_path'][-1]

    def test_vqa_files_belong_together(self, vqa_set):
        with pytest.raises(ValueError, match='belong together'):
            vqa_set(support_question_file='q.json')

    def test_supports_need_answers(self, vqa_set, vqa):
        files = {'question_file': vqa()['question_file']}
        vqa_set(files)
        with pytest.raises(ValueError, match='10 of 10 supports have no caption or answer'):
            vqa_set(files, num_shots=1)


class TestShots:
    def test_caption_shot(self, caption_set):
        dataset = caption_set(num_shots=3)
        references = {record['image_id']: record['gt_caption'] for record in dataset.supports}
        chosen = set()
        for record in records(dataset):
            assert record['img_path'][:-1] == [shot['img_path'] for shot in record['shots']]
            assert len(record['shots']) == 3
            for shot in record['shots']:
                assert set(shot) == {'sample_id', 'image_id', 'img_path', 'caption'}
                assert shot['caption'] in references[shot['image_id']]
                chosen.add(shot['caption'].split()[1])
        assert chosen == {'0', '1'}

    def test_vqa_shot_has_the_majority_answer(self, vqa_set):
        for record in records(vqa_set(num_shots=3)):
            for shot in record['shots']:
                number = shot['sample_id'] % 10
                assert shot['answer'] == f'answer {number}'
                assert shot['question'] == f'question {number} of {shot["image_id"]}?'

    def test_are_what_the_named_generator_samples(self, caption_set):
        dataset = caption_set(num_shots=4, seed=7)
        for record in records(dataset):
            expected = Random(f'7-{record["sample_id"]}').sample(dataset.supports, 4)
            assert [s['image_id'] for s in record['shots']] == [e['image_id'] for e in expected]

    def test_do_not_depend_on_the_other_queries(self, tmp_path, captions):
        files = {'support_ann_file': captions('support.json', first=100), 'num_shots': 4}
        everything = FlamingoEvalCOCOCaption(captions('val.json'), str(tmp_path), **files)
        some = FlamingoEvalCOCOCaption(captions('val.json'), str(tmp_path), num_query_examples=5, **files)
        subset = FlamingoEvalCOCOCaption(captions('val.json'), str(tmp_path), indices=3, **files)
        whole = shots_by_id(everything)
        for part, count in ((some, 5), (subset, 3)):
            assert len(part) == count
            assert all(whole[key] == shots for key, shots in shots_by_id(part).items())

    def test_do_not_depend_on_the_order_of_access(self, vqa_set):
        dataset = vqa_set(num_shots=4)
        backwards = [dataset.get_data_info(i) for i in reversed(range(len(dataset)))]
        assert backwards[::-1] == records(dataset)

    def test_change_with_the_seed_of_the_same_sets(self, tmp_path, captions):
        files = captions('val.json'), captions('support.json', first=100)
        make = lambda seed: FlamingoEvalCOCOCaption(  # noqa: E731
            files[0], str(tmp_path), support_ann_file=files[1], num_shots=4, seed=seed
        )
        assert shots_by_id(make(0)) != shots_by_id(make(1))

    def test_text_only(self, caption_set):
        dataset = caption_set(num_text_only_shots=2)
        for record in records(dataset):
            assert [shot['img_path'] for shot in record['shots']] == [None, None]
            assert len(record['img_path']) == 1
        both = caption_set(num_shots=1, num_text_only_shots=2).get_data_info(0)
        assert [shot['img_path'] is None for shot in both['shots']] == [True, True, False]
        assert len(both['img_path']) == 2

    @pytest.mark.parametrize('shots, text_only', [(0, [True, True]), (1, [False])])
    def test_text_only_for_zero_shots_alone(self, caption_set, shots, text_only):
        record = caption_set(num_shots=shots, zero_shot_text_only=2).get_data_info(0)
        assert [shot['img_path'] is None for shot in record['shots']] == text_only

    def test_none(self, caption_set):
        record = caption_set().get_data_info(0)
        assert record['shots'] == []
        assert len(record['img_path']) == 1

    def test_more_than_supports(self, caption_set, vqa_set):
        for make in (caption_set, vqa_set):
            with pytest.raises(ValueError, match='11 shots a query need 11 .* holds 10'):
                make(num_shots=9, num_text_only_shots=2)

    def test_an_empty_caption_is_never_a_shot(self, caption_set):
        dataset = caption_set(num_shots=1)
        record = dataset.supports[0] | {'gt_caption': ['', 'two', ' \n']}
        assert {dataset.choose_output(record, Random(seed)) for seed in range(20)} == {('two', None)}


class TestListed:
    """Image 1's questions list the supports of images 2 and 3, and only they are queries."""

    LISTS = {10: [20, 30, 21], 11: [31, 21], 12: [22, 32]}

    @pytest.fixture
    def listed(self, vqa_set, vqa):
        def make(lists=self.LISTS, num_shots=2, **kwargs):
            keys = {query: {'support_question_ids': ids} for query, ids in lists.items()}
            files = vqa(question_keys=keys)
            return vqa_set(files, shot_selector='listed', num_shots=num_shots, **kwargs)

        return make

    def test_first_ones_in_order(self, listed):
        shots = shots_by_id(listed())
        assert {key: [s['sample_id'] for s in v] for key, v in shots.items()} == {
            10: [20, 30],
            11: [31, 21],
            12: [22, 32],
        }

    def test_text_only(self, listed):
        shots = shots_by_id(listed(num_shots=0, num_text_only_shots=1))[10]
        assert [(shot['sample_id'], shot['img_path']) for shot in shots] == [(20, None)]

    def test_lists_may_stand_in_the_annotations_and_supports_in_another_file(self, tmp_path, vqa, vqa_set):
        keys = {10 * i + k: {'support_question_ids': [1000, 1010]} for i in (1, 2) for k in range(3)}
        support = vqa('train2014', first=100)
        dataset = vqa_set(
            vqa(count=2, annotation_keys=keys),
            shot_selector='listed',
            num_shots=2,
            support_question_file=support['question_file'],
            support_ann_file=support['ann_file'],
        )
        assert len(dataset) == 6
        assert [s['image_id'] for s in dataset.get_data_info(3)['shots']] == [100, 101]

    def test_captions(self, tmp_path, captions, write_json):
        val = captions('val.json', count=3, support_image_ids=[102, 100])
        dataset = FlamingoEvalCOCOCaption(
            val,
            str(tmp_path),
            support_ann_file=captions('support.json', first=100),
            shot_selector='listed',
            num_shots=2,
        )
        assert [s['image_id'] for s in dataset.get_data_info(2)['shots']] == [102, 100]

    def test_short_lists(self, listed):
        with pytest.raises(ValueError, match="3 shots a query need 3 .* but 2 of 3 queries list fewer: '11: 2'"):
            listed(num_shots=3)

    def test_unknown_ids(self, listed):
        with pytest.raises(ValueError, match='1 listed ids are not among the 59 supports: 9999'):
            listed({10: [20, 9999]})

    def test_own_image(self, listed):
        with pytest.raises(ValueError, match='1 queries list their own image: 10'):
            listed({10: [20, 11]})


@pytest.mark.parametrize(
    ('argument', 'message'),
    [
        ({'shot_selector': 'best'}, r"shot_selector='best' .* \['class_balanced', 'listed', 'random', 'rices'\]"),
        ({'num_shots': -1}, 'num_shots=-1 must be an integer, 0 or more'),
        ({'num_shots': '4'}, "num_shots='4' must be an integer"),
        ({'num_query_examples': 0}, 'num_query_examples=0 must be a positive integer'),
        ({'num_support_examples': -5}, 'num_support_examples=-5 must be a positive integer'),
    ],
)
def test_wrong_arguments(caption_set, argument, message):
    with pytest.raises(ValueError, match=message):
        caption_set(**argument)


def test_pool_equals_sampling_from_a_list_without_the_image():
    pool_records = [{'image_id': f'i{i % 7}', 'sample_id': i} for i in range(40)]
    entries = [(record_key(record), i) for i, record in enumerate(pool_records)]
    pool = ShotPool(reversed(entries))
    for image_id in ('i0', 'i3', 'i6', 'elsewhere'):
        others = sorted((r for r in pool_records if r['image_id'] != image_id), key=record_key)
        expected = [record['sample_id'] for record in Random(1).sample(others, 12)]
        assert pool.draw(Random(1), 12, image_id) == expected
        assert pool.size_without(image_id) == len(others)


def test_ids_may_mix_numbers_and_names():
    mixed = [{'image_id': i, 'sample_id': i} for i in ('b', 2, 'a', 1)]
    assert [record['image_id'] for record in sorted(mixed, key=record_key)] == [1, 2, 'a', 'b']
