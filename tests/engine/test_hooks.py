from pathlib import Path

import pytest
from PIL import Image

from mmflamingo.engine.predictions import add_scores, merge_ranks, rank_path, read_records, to_line


def test_every_prediction_is_kept_with_its_score(toy_cfg, build_runner):
    runner = build_runner(toy_cfg)
    runner.test()
    records = list(read_records(Path(runner.log_dir) / 'predictions.jsonl'))
    assert [record['sample_id'] for record in records] == list(range(100, 113))
    assert records[3] == {
        'sample_id': 103,
        'image_id': 3,
        'task': 'caption',
        'img_path': '3.png',
        'shots': [{'sample_id': 1, 'image_id': 1, 'img_path': 'shot.png', 'caption': 'one'}],
        'generated': ' number 3<|endofchunk|>',
        'prediction': 'number 3',
        'references': ['number 3', 'no. 3'],
        'scores': {'id': 3.0},
    }
    assert not rank_path(runner.log_dir, 0).exists()


def test_broken_run_leaves_what_was_predicted(toy_cfg, build_runner):
    runner = build_runner(toy_cfg, **{'model.fail_at': 7})
    with pytest.raises(ValueError, match='sample 7 is beyond'):
        runner.test()
    left = list(read_records(rank_path(runner.log_dir, 0)))
    assert [record['image_id'] for record in left] == [0, 1, 2, 3, 4, 5]
    assert not (Path(runner.log_dir) / 'predictions.jsonl').exists()


@pytest.mark.parametrize(('count', 'world_size'), [(13, 2), (13, 3), (2, 3), (6, 3)])
def test_ranks_merge_to_the_order_of_the_dataset(tmp_path, count, world_size):
    padded = -(-count // world_size) * world_size
    indices = [index % count for index in range(padded)]  # as mmengine's DefaultSampler pads
    for rank in range(world_size):
        lines = [to_line({'sample_id': index}) for index in indices[rank::world_size]]
        rank_path(tmp_path, rank).write_text(''.join(lines))
    merged = merge_ranks(tmp_path, world_size)
    assert [record['sample_id'] for record in merged] == list(range(count))


def test_scores_of_several_metrics_and_of_none():
    class Scores:
        def __init__(self, sample_scores):
            self.sample_scores = sample_scores

    records = [{'sample_id': 1}, {'sample_id': 'b'}]
    add_scores(records, [Scores({1: {'CIDEr': 3.0}}), object(), Scores({1: {'acc': 60.0}})])
    assert records[0]['scores'] == {'CIDEr': 3.0, 'acc': 60.0}
    assert records[1]['scores'] == {}


def test_question_and_its_id_are_kept():
    from mmflamingo.engine.predictions import prediction_record

    record = prediction_record(
        {
            'task': 'vqa',
            'sample_id': 9,
            'image_id': 4,
            'img_path': 'a.png',
            'question': 'Why?',
            'gt_answer': ['so'],
            'pred_text': 'so be it',
            'pred_answer': 'so',
        }
    )
    assert record['question_id'] == 9 and record['question'] == 'Why?'
    assert (record['generated'], record['prediction'], record['references']) == (
        'so be it',
        'so',
        ['so'],
    )


def test_bad_images_are_counted_and_named(toy_cfg, build_runner, capfd):
    bad = list(range(12))
    runner = build_runner(toy_cfg, **{'test_dataloader.dataset.bad': bad})
    metrics = runner.test()
    said = ''.join(capfd.readouterr())
    assert metrics['bad_images'] == 12
    assert '12 images could not be read' in said
    assert '  9.png' in said and '  10.png' not in said and 'and 2 more' in said


def test_no_bad_images_no_word(toy_cfg, build_runner):
    assert 'bad_images' not in build_runner(toy_cfg).test()


def test_pictures_of_the_first_samples(toy_cfg, build_runner, tmp_path):
    hook = {'type': 'VisualizationHook', 'out_dir': str(tmp_path / 'show'), 'max_samples': 3}
    images = {'test_dataloader.dataset.img_dir': str(tmp_path)}
    build_runner(toy_cfg, **{'default_hooks.visualization': hook}, **images).test()
    pictures = sorted((tmp_path / 'show').iterdir())
    assert [p.name for p in pictures] == ['0000_100.png', '0001_101.png', '0002_102.png']
    with Image.open(pictures[0]) as picture:
        assert picture.width > 1000


def test_visualizer_that_cannot_draw_is_an_error(toy_cfg, build_runner):
    hook = {'type': 'VisualizationHook', 'out_dir': 'show'}
    runner = build_runner(toy_cfg, **{'default_hooks.visualization': hook, 'visualizer.type': 'Visualizer'})
    with pytest.raises(ValueError, match="set it to 'FlamingoVisualizer'"):
        runner.test()
