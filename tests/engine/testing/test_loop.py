import json
import logging
import time
from pathlib import Path

import pytest
import torch
import toy_parts

from mmflamingo.engine.errors import RunError
from mmflamingo.engine.testing import protocol
from mmflamingo.engine.testing.journal import Journal, journal_files, read_journals
from mmflamingo.engine.testing.predictions import read_records

RESUME = {'test_cfg.resume': True}


def folder_of(runner):
    return Path(runner.log_dir)


def predictions(runner):
    return list(read_records(folder_of(runner) / 'predictions.jsonl'))


@pytest.fixture
def broken(toy_cfg, build_runner):
    """The folder of a run that broke off at the 7th of 13 samples, in batches of 2."""
    runner = build_runner(toy_cfg, **{'model.fail_at': 7})
    with pytest.raises(ValueError, match='sample 7 is beyond'):
        runner.test()
    return folder_of(runner)


@pytest.fixture
def go_on(toy_cfg, build_runner):
    """Builds a runner that goes on with a broken run; the model is mended without a change of the config."""

    def build(**overrides):
        runner = build_runner(toy_cfg, **RESUME, **{'model.fail_at': 7}, **overrides)
        runner.model.fail_at = None
        return runner

    return build


def test_every_prediction_is_kept_with_its_score(toy_cfg, build_runner):
    runner = build_runner(toy_cfg)
    runner.test()
    records = predictions(runner)
    assert [record['sample_id'] for record in records] == list(range(100, 113))
    assert records[3] == {
        'sample_id': 103,
        'image_id': 3,
        'task': 'caption',
        'img_path': '3.png',
        'shots': [{'sample_id': 1, 'image_id': 1, 'img_path': 'shot.png', 'caption': 'one'}],
        'generated': ' number 3<|endofchunk|>',
        'output': 'caption',
        'prediction': 'number 3',
        'references': ['number 3', 'no. 3'],
        'scores': {'id': 3.0},
    }
    assert not journal_files(folder_of(runner))


def test_results_carry_their_protocol(toy_cfg, build_runner, tmp_path, toy_model):
    torch.save(toy_model.state_dict(), tmp_path / 'toy.pth')
    runner = build_runner(toy_cfg, load_from=str(tmp_path / 'toy.pth'))
    runner.test()
    results = json.loads((folder_of(runner) / 'results.json').read_text())
    assert results['metrics'] == {'toy/sum': 78.0, 'toy/count': 13} and results['num_samples'] == 13
    protocol = results['protocol']
    assert protocol['config']['model'] == {'type': 'ToyModel'}
    assert protocol['config']['dataset'] == {'type': 'ToyDataset'} and protocol['config']['seed'] == 0
    assert len(protocol['checkpoint']['sha256']) == 64 and protocol['code']['mmflamingo']


class TestResume:
    def test_a_broken_run_keeps_what_was_predicted(self, broken, capfd):
        assert len(journal_files(broken)[0].read_text().splitlines()) == 6
        assert not (broken / 'predictions.jsonl').exists()

    @pytest.mark.parametrize('batch_size', [1, 5])
    def test_continued_equals_unbroken(self, toy_cfg, build_runner, broken, go_on, batch_size):
        whole = build_runner(toy_cfg, work_dir=f'{toy_cfg.work_dir}2')
        metrics = whole.test()
        runner = go_on(**{'test_dataloader.batch_size': batch_size})
        assert runner.test() == metrics
        assert folder_of(runner) == broken and predictions(runner) == predictions(whole)

    def test_only_what_is_missing_is_predicted(self, broken, go_on):
        runner = go_on()
        seen = []
        forward = runner.model.forward
        runner.model.forward = lambda inputs, **kwargs: seen.extend(map(float, inputs)) or forward(inputs, **kwargs)
        runner.test()
        assert seen == [6, 7, 8, 9, 10, 11, 12]

    def test_a_run_that_was_killed_while_scoring(self, toy_cfg, build_runner, monkeypatch):
        def killed(*_):
            raise OSError('killed')

        with monkeypatch.context() as patch, pytest.raises(OSError, match='killed'):
            patch.setattr('mmflamingo.engine.testing.loop.score', killed)
            build_runner(toy_cfg).test()
        resumed = build_runner(toy_cfg, **RESUME, **{'model.fail_at': 0})
        with pytest.raises(RunError, match='config.model.fail_at'):
            resumed.test()
        assert build_runner(toy_cfg, **RESUME).test()['toy/count'] == 13

    def test_journals_of_other_ranks_count(self, toy_cfg, broken, go_on):
        (path,) = journal_files(broken)
        path.rename(broken / 'journal.rank5.jsonl')
        assert go_on().test() == {'toy/sum': 78.0, 'toy/count': 13}

    def test_damage_is_said(self, broken, go_on, capfd):
        (path,) = journal_files(broken)
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b''.join([lines[0], lines[0], *lines[1:-1], lines[-1][:40]]))
        assert go_on().test()['toy/sum'] == 78.0
        said = ''.join(capfd.readouterr())
        assert '1 lines are cut off' in said and '1 lines repeat a sample' in said
        assert '5 of 13 predictions are there already' in said

    @pytest.mark.parametrize(
        ('change', 'said'),
        [
            ({'model.width': 2}, 'config.model.width: None there, 2 here'),
            ({'test_dataloader.dataset.num_samples': 9}, r'config.dataset.num_samples: None there, 9 here'),
            ({'test_cfg.fp16': True}, 'config.test_cfg.fp16: None there, True here'),
            ({'randomness.seed': 4}, 'config.seed: 0 there, 4 here'),
        ],
    )
    def test_another_config_is_refused(self, broken, go_on, change, said):
        with pytest.raises(RunError, match=said):
            go_on(**change).test()
        assert journal_files(broken)

    def test_r6_another_picture_is_refused(self, toy_cfg, build_runner, go_on, tmp_path, monkeypatch):
        monkeypatch.setattr(toy_parts.ToyDataset, 'media_paths', lambda _: [str(tmp_path / 'a.png')], raising=False)
        (tmp_path / 'a.png').write_text('red')
        with pytest.raises(ValueError, match='sample 7 is beyond'):
            build_runner(toy_cfg, **{'model.fail_at': 7}).test()
        (tmp_path / 'a.png').write_text('blu')
        with pytest.raises(RunError, match='data.media_sha256: pictures or videos of the set have other contents'):
            go_on().test()
        (tmp_path / 'a.png').write_text('red')
        assert go_on().test() == {'toy/sum': 78.0, 'toy/count': 13}

    def test_a_run_that_broke_before_files_were_noted_continues(self, broken, go_on):
        """Its journal has the digest of a protocol without them."""
        path = broken / protocol.FILE_NAME
        former = json.loads(path.read_text())
        records = read_journals(broken, protocol.digest(former), 13).records
        del former['files'], former['data']['media_sha256']
        former['data']['features_sha256'] = None
        path.write_text(json.dumps(former))
        journal_files(broken)[0].unlink()
        Journal(broken, 0, protocol.digest(former)).append(list(records), list(records.values()))
        assert go_on().test()['toy/count'] == 13

    @pytest.mark.parametrize('content', ['', '[]', '{"a":' * 100_000, '{"files": [3]}', '\xff'])
    def test_r20_a_broken_protocol_is_one_sentence(self, broken, go_on, content):
        (broken / protocol.FILE_NAME).write_text(content)
        with pytest.raises(RunError, match='protocol|Cannot resume'):
            go_on().test()
        assert journal_files(broken)

    def test_another_checkpoint_is_refused(self, broken, go_on, tmp_path, toy_model):
        torch.save(toy_model.state_dict(), tmp_path / 'toy.pth')
        with pytest.raises(RunError, match='checkpoint.sha256: None there, '):
            go_on(load_from=str(tmp_path / 'toy.pth')).test()

    def test_a_journal_from_elsewhere_is_refused(self, broken, go_on):
        Journal(broken, 1, 'f' * 16).append([12], [{'sample_id': 112}])
        with pytest.raises(RunError, match='rank1.jsonl, line 1: .* a different config, checkpoint or data'):
            go_on().test()

    def test_nothing_to_go_on_with_is_a_new_run(self, toy_cfg, build_runner):
        assert build_runner(toy_cfg, **RESUME).test()['toy/count'] == 13


def test_ctrl_c_says_what_is_kept(toy_cfg, build_runner, capfd):
    runner = build_runner(toy_cfg)
    forward = runner.model.forward

    def interrupted(inputs, **kwargs):
        if inputs[0] == 4:
            raise KeyboardInterrupt
        return forward(inputs, **kwargs)

    runner.model.forward = interrupted
    with pytest.raises(KeyboardInterrupt):
        runner.test()
    assert '4 of 13 predictions are kept' in ''.join(capfd.readouterr())


class TestMemory:
    @pytest.mark.parametrize('memory', [1, 3])
    def test_batches_are_halved_until_they_fit(self, toy_cfg, build_runner, memory, capfd):
        runner = build_runner(toy_cfg, **{'model.memory': memory, 'test_dataloader.batch_size': 8})
        assert runner.test() == {'toy/sum': 78.0, 'toy/count': 13}
        said = ''.join(capfd.readouterr())
        assert 'Out of memory with 8 samples: continuing with 4 at once' in said
        assert said.count('Out of memory') == {1: 3, 3: 2}[memory]

    def test_one_sample_too_large(self, toy_cfg, build_runner):
        runner = build_runner(toy_cfg, **{'model.memory': 0})
        with pytest.raises(RunError, match='Even a single sample does not fit in memory: no room in the toy'):
            runner.test()


class TestNumbersThatAreNotFinite:
    """R2: they end a run or a metric, and never get into a file."""

    @pytest.mark.parametrize('value', [float('nan'), float('inf')])
    def test_in_a_prediction(self, toy_cfg, build_runner, value):
        runner = build_runner(toy_cfg)
        forward = runner.model.forward

        def broken(inputs, data_samples, **kwargs):
            samples = forward(inputs, data_samples, **kwargs)
            for sample in samples:
                sample.choice_scores = torch.tensor([0.5, value if sample.image_id == 5 else 0.5])
            return samples

        runner.model.forward = broken
        with pytest.raises(RunError, match=r'sample 105 cannot be written: record.choice_scores\[1\] is (nan|inf)'):
            runner.test()
        assert journal_files(folder_of(runner))[0].read_text().count('\n') == 4

    @pytest.mark.parametrize('of_sample', [True, False])
    def test_in_a_score(self, toy_cfg, build_runner, monkeypatch, of_sample):
        def scores(metric, results):
            metric.sample_scores = {103: {'id': float('nan')}} if of_sample else {103: {'id': 1.0}}
            return {'sum': 1.0 if of_sample else float('nan')}

        monkeypatch.setattr(toy_parts.ToyMetric, 'compute_metrics', scores)
        runner = build_runner(toy_cfg)
        with pytest.raises(RunError, match='sample 103: id is nan' if of_sample else 'ToyMetric: sum is nan'):
            runner.test()
        results = json.loads((folder_of(runner) / 'results.json').read_text())
        assert results['metrics'] == {} and 'is nan' in results['failed_metrics']['ToyMetric']
        assert predictions(runner)[3]['scores'] == {}


class TestScorers:
    def test_r16_a_scorer_that_fails_inside_a_metric_is_noted(self, toy_cfg, build_runner, monkeypatch):
        def scores(metric, results):
            metric.failures = {'METEOR': 'no such jar'}
            return {'CIDEr': 1.0}

        monkeypatch.setattr(toy_parts.ToyMetric, 'compute_metrics', scores)
        runner = build_runner(toy_cfg)
        assert runner.test() == {'toy/CIDEr': 1.0}
        results = json.loads((folder_of(runner) / 'results.json').read_text())
        assert results['failed_metrics'] == {'METEOR': 'no such jar'} and results['metrics'] == {'toy/CIDEr': 1.0}

    def test_a_hook_that_fails_costs_no_results(self, toy_cfg, build_runner, monkeypatch):
        """R18: drawing never does."""
        runner = build_runner(toy_cfg)

        def failing(name, **_):
            if name == 'after_test_epoch':
                raise OSError('no disk')

        monkeypatch.setattr(runner, 'call_hook', failing)
        with pytest.raises(OSError, match='no disk'):
            runner.test()
        results = json.loads((folder_of(runner) / 'results.json').read_text())
        assert results['metrics'] == {'toy/sum': 78.0, 'toy/count': 13} and not journal_files(folder_of(runner))

    def test_a_broken_one_costs_nothing_else(self, toy_cfg, build_runner, capfd):
        toy_cfg.test_evaluator = [dict(type='BrokenMetric'), dict(type='ToyMetric')]
        runner = build_runner(toy_cfg)
        assert runner.test() == {'toy/sum': 78.0, 'toy/count': 13}
        assert 'BrokenMetric failed: no such jar' in ''.join(capfd.readouterr())
        results = json.loads((folder_of(runner) / 'results.json').read_text())
        assert results['failed_metrics'] == {'BrokenMetric': 'no such jar'}
        assert predictions(runner)[3]['scores'] == {'id': 3.0}

    def test_the_only_one_is_an_error_that_keeps_the_predictions(self, toy_cfg, build_runner):
        toy_cfg.test_evaluator = dict(type='BrokenMetric')
        runner = build_runner(toy_cfg)
        with pytest.raises(RunError, match='no such jar.* are kept .*rescore.py'):
            runner.test()
        assert len(predictions(runner)) == 13 and not journal_files(folder_of(runner))

    def test_the_same_name_twice(self, toy_cfg, build_runner, caplog):
        toy_cfg.test_evaluator = [dict(type='ToyMetric'), dict(type='ToyMetric')]
        with caplog.at_level(logging.ERROR):
            assert build_runner(toy_cfg).test() == {'toy/sum': 78.0, 'toy/count': 13}


def test_dealt_batches_are_the_samplers_without_its_filling(toy_cfg, build_runner, monkeypatch):
    """Three ranks of a sampler that fills up 7 samples to 9."""
    loop = build_runner(toy_cfg).test_loop
    ranks = [[[0, 3], [6]], [[1, 4], [0]], [[2, 5], [1]]]
    monkeypatch.setattr('mmflamingo.engine.testing.loop.all_gather_object', lambda _: ranks)
    assert loop._remaining_batches([]) == [[0, 3], [1, 4], [2, 5], [6]]
    assert loop._remaining_batches([4, 6]) == [[0, 3], [1], [2, 5]]


def test_a_fresh_run_with_the_clock_set_back_keeps_a_broken_runs_journals(broken, toy_cfg, build_runner, monkeypatch):
    """R23: in the same second, and an hour before."""
    before = {path.name: path.read_bytes() for path in journal_files(broken)}
    began = time.mktime(time.strptime(broken.name, '%Y%m%d_%H%M%S'))
    for now in (began, began - 3600):
        monkeypatch.setattr('mmengine.runner.runner.time.time', lambda now=now: now)
        runner = build_runner(toy_cfg)
        runner.test()
        assert folder_of(runner).name > broken.name
        assert {path.name: path.read_bytes() for path in journal_files(broken)} == before
