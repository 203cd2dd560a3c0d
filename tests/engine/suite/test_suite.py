import json
from collections import Counter
from pathlib import Path

import pytest

from mmflamingo.datasets.shots.few_shot import FewShotMixin
from mmflamingo.engine.config.options import parse_options
from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.suite.report import make_rows, markdown, write_report
from mmflamingo.engine.suite.suite import (
    Cell,
    CellResult,
    Suite,
    apply_protocol,
    inner_datasets,
    load_protocol,
    task_of,
)
from mmflamingo.engine.testing.journal import Journal, journal_files
from mmflamingo.engine.testing.protocol import digest
from mmflamingo.paths import CONFIGS, PROTOCOLS
from mmflamingo.registry import DATASETS

TOY_CONFIG = Path(__file__).parents[1] / 'toy_config.py'
SIMPLE = "benchmarks = dict(toy=dict(config='{config}', score='toy/count'))\nshots = (0, 2)\nseeds = (0, 1)\n"


@pytest.fixture
def make_suite(tmp_path):
    def make(text, **kwargs):
        path = tmp_path / 'suite.py'
        path.write_text(text.format(config=TOY_CONFIG))
        return Suite(str(path), None, tmp_path / 'runs', **kwargs)

    return make


def result(scores, error=None):
    if error:
        return CellResult(error=error)
    return CellResult(sum(scores) / len(scores), {str(i): score for i, score in enumerate(scores)}, {})


def test_cells(make_suite):
    suite = make_suite(SIMPLE + "selectors = dict(random='random', rices='rices')\n")
    assert [str(cell) for cell in suite.cells()] == [
        *('toy/random_0-shot_seed0', 'toy/random_0-shot_seed1', 'toy/random_2-shot_seed0', 'toy/random_2-shot_seed1'),
        *('toy/rices_2-shot_seed0', 'toy/rices_2-shot_seed1'),
    ]


def test_config_of_a_cell(make_suite):
    text = SIMPLE.replace("score='toy/count'", "score='toy/count', options={{'test_dataloader.batch_size': 7}}")
    suite = make_suite(text + "selectors = dict(rices=dict(type='rices'))\n", options={'model.width': 3})
    cfg = suite.config_of(Cell('toy', 'rices', 2, 1))
    dataset = cfg.test_dataloader.dataset
    assert (dataset.num_shots, dataset.num_text_only_shots, dataset.seed) == (2, 0, 1)
    assert dataset.shot_selector == {'type': 'rices'} and cfg.test_dataloader.batch_size == 7 and cfg.model.width == 3
    assert cfg.work_dir.endswith('runs/toy/rices_2-shot_seed1')


def test_options_of_the_command_line_mean_what_each_config_holds(make_suite):
    """A text of one benchmark's config stays a text; what no benchmark has is an error that names the key."""
    options = parse_options(['test_evaluator.prefix=1', 'work_dir=None', 'model.width=4'])
    cfg = make_suite(SIMPLE, options=options).config_of(Cell('toy', 'random', 2, 0))
    assert cfg.model.width == 4 and cfg.test_evaluator.prefix == 1
    cfg = make_suite(SIMPLE, options=parse_options(['default_scope=1'])).config_of(Cell('toy', 'random', 2, 0))
    assert cfg.default_scope == '1'
    with pytest.raises(ConfigError, match="no key 'modle'"):
        make_suite(SIMPLE, options=parse_options(['modle.width=4'])).config_of(Cell('toy', 'random', 2, 0))


class TestRuns:
    """The toy dataset takes no shots: a number of samples stands for them."""

    @pytest.fixture
    def suite(self, make_suite, monkeypatch):
        suite = make_suite(
            SIMPLE.replace(
                "toy=dict(config='{config}', score='toy/count')",
                "a=dict(config='{config}', score='toy/count'), b=dict(config='{config}', score='nonsense')",
            )
        )
        config_of = suite.config_of

        def toy_config_of(cell):
            cfg = config_of(cell)
            cfg.test_dataloader.dataset = dict(type='ToyDataset', num_samples=5 + cell.shots)
            return cfg

        monkeypatch.setattr(suite, 'config_of', toy_config_of)
        return suite

    def test_runs_once_and_is_read_back(self, suite, tmp_path, monkeypatch):
        first = suite.run(Cell('a', 'random', 2, 0))
        assert first.score == 7 and first.error is None and first.protocol['config']['dataset']['num_samples'] == 7
        monkeypatch.setattr('mmflamingo.engine.suite.suite.build_runner', lambda cfg: pytest.fail('runs again'))
        assert suite.run(Cell('a', 'random', 2, 0)) == first

    def test_a_broken_member_costs_no_other(self, suite, tmp_path):
        cells = [Cell('b', 'random', 0, 0), Cell('a', 'random', 0, 0)]
        results = {cell: suite.run(cell) for cell in cells}
        assert "no score 'nonsense', but ['toy/count', 'toy/sum']" in results[cells[0]].error
        assert results[cells[1]].score == 5
        text = write_report(make_rows(results, {'a': 'toy/count', 'b': 'nonsense'}), {}, tmp_path / 'report')
        assert '| failed ' in text and 'b, random, 0 shots: seed 0: ' in text

    def test_a_finished_run_of_another_config_is_said(self, suite):
        suite.run(Cell('a', 'random', 0, 0))
        suite.options = {'model.width': 2}
        assert 'config.model.width: None there, 2 here' in suite.run(Cell('a', 'random', 0, 0)).error


class TestReport:
    @pytest.fixture
    def rows(self):
        good = [60.0, 70.0, 80.0, 90.0] * 10
        results = {
            Cell('vqa', 'random', 1, 0): result([50.0, 60.0, 70.0, 80.0] * 10),
            Cell('vqa', 'random', 1, 1): result([52.0, 62.0, 72.0, 82.0] * 10),
            Cell('vqa', 'rices', 1, 0): result(good),
            Cell('vqa', 'rices', 1, 1): result([], error='no disk'),
            Cell('vqa', 'rices', 2, 0): result([], error='no disk'),
        }
        return make_rows(results, {'vqa': 'acc'})

    def test_numbers(self, rows):
        random, rices, failed = rows
        assert random.mean == 66 and random.std == pytest.approx(2**0.5) and random.p is None
        assert random.low < 66 < random.high and rices.low < 75 < rices.high
        assert rices.p < 0.001 and rices.std == 0 and rices.errors == {1: 'no disk'}
        assert failed.mean is None and failed.errors == {0: 'no disk'}

    def test_table(self, rows):
        lines = markdown(rows).splitlines()
        assert lines[0].split('|')[1:-1] == [
            ' benchmark ',
            ' shots by ',
            lines[0].split('|')[3],
            lines[0].split('|')[4],
        ]
        assert '66.0 ± 1.4 (' in lines[2] and ' *, 1 failed' in lines[3] and '| failed ' in lines[3]
        assert '- vqa, rices, 2 shots: seed 0: no disk' in lines

    def test_files(self, rows, tmp_path):
        write_report(rows, {'vqa/random_1-shot_seed0': {'name': None}}, tmp_path)
        content = json.loads((tmp_path / 'table.json').read_text())
        assert content['rows'][0]['mean'] == 66 and content['protocols']
        assert (tmp_path / 'table.csv').read_text().splitlines()[1].startswith('vqa,acc,random,1,66.0,')
        picture = (tmp_path / 'scores.svg').read_bytes()
        write_report(rows, {}, tmp_path)
        assert picture.startswith(b'<?xml') and picture == (tmp_path / 'scores.svg').read_bytes()

    def test_no_interval_for_a_score_that_is_no_mean(self):
        (row,) = make_rows({Cell('c', 'random', 1, 0): CellResult(30.0, {'1': 10.0, '2': 20.0}, {})}, {'c': 'BLEU-4'})
        assert row.mean == 30 and row.low is None


class TestProtocols:
    @pytest.mark.parametrize('name', [path.stem for path in PROTOCOLS.glob('*.py')])
    def test_each_applies_to_caption_and_vqa(self, name, make_suite):
        from mmflamingo.engine.config.check import check_config
        from mmflamingo.engine.config.cli import load_config

        for task in ('caption', 'vqa'):
            cfg = load_config(str(CONFIGS / 'flamingo' / f'flamingo-tiny_fewshot_{task}.py'))
            published = load_protocol(name)
            apply_protocol(cfg, published)
            check_config(cfg)
            assert cfg.protocol == name and cfg.model.prompts[task] == published.prompts[task]
            assert cfg.test_dataloader.dataset.num_support_examples == 2048

    @pytest.mark.parametrize('name', [path.stem for path in PROTOCOLS.glob('*.py')])
    def test_the_same_settings_whatever_the_dataset_file(self, name):
        """F8: OpenFlamingo v2's shots show one annotator's answer, not only with the file of VQAv2 that says so."""
        from mmflamingo.engine.config.check import check_config
        from mmflamingo.engine.config.cli import keep_sections, load_config

        published, applied = load_protocol(name), Counter()
        for path in sorted((CONFIGS / 'flamingo').glob('*.py')):
            cfg = load_config(str(path))
            if 'train' in path.stem:
                continue
            (dataset,), task = inner_datasets(cfg.test_dataloader.dataset), task_of(cfg)
            if task not in published.prompts or not issubclass(DATASETS.get(dataset.type), FewShotMixin):
                continue
            keep_sections(cfg, 'test')
            apply_protocol(cfg, published)
            check_config(cfg)
            assert {key: dataset[key] for key in published.datasets[task]} == published.datasets[task]
            assert cfg.model.prompts[task] == published.prompts[task]
            applied[task] += 1
        assert applied['caption'] > 5 and applied['vqa'] > 5
        policies = {'flamingo': 'majority', 'openflamingo_v1': 'majority', 'openflamingo_v2': 'sample'}
        assert published.datasets.vqa.answer_policy == policies[name]

    def test_unknown(self, make_suite):
        with pytest.raises(
            ConfigError, match=r"'flamenco' is not known; choose one of \['flamingo', 'openflamingo_v1'"
        ):
            make_suite(SIMPLE, protocol_name='flamenco')

    def test_other_tasks(self):
        from mmengine.config import Config

        cfg = Config(dict(test_dataloader=dict(dataset=dict(type='FlamingoEvalCOCOCaption', task='ocr')), model={}))
        with pytest.raises(ConfigError, match="openflamingo_v2 says nothing about task 'ocr'"):
            apply_protocol(cfg, load_protocol('openflamingo_v2'))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('shots = (1,)\n', 'names no benchmarks'),
        ("benchmarks = dict(a=dict(config='x.py', scores='acc'))\n", r"benchmarks.a lacks \['score'\] .* \['scores'\]"),
    ],
)
def test_wrong_suites(make_suite, text, said):
    with pytest.raises(ConfigError, match=said):
        make_suite(text)


class TestStaleResults:
    """R5: what a score depends on has changed since."""

    CELL = Cell('toy', 'random', 0, 0)

    @pytest.fixture
    def suite(self, make_suite, monkeypatch):
        suite = make_suite(SIMPLE)
        config_of = suite.config_of

        def toy_config_of(cell):
            cfg = config_of(cell)
            cfg.test_dataloader.dataset = dict(type='ToyDataset', ann_file='answers.json')
            return cfg

        monkeypatch.setattr(suite, 'config_of', toy_config_of)
        monkeypatch.chdir(suite.work_dir.parent)
        Path('answers.json').write_text('["two"]')
        return suite

    @pytest.fixture
    def no_test(self, monkeypatch):
        return lambda: monkeypatch.setattr(
            'mmflamingo.engine.suite.suite.build_runner', lambda cfg: pytest.fail('predicts again')
        )

    def test_other_metrics_score_again_without_predicting(self, suite, no_test):
        assert suite.run(self.CELL).score == 13
        no_test()
        suite.options = {'test_evaluator.prefix': 'other'}
        suite.benchmarks['toy']['score'] = 'other/sum'
        result = suite.run(self.CELL)
        assert result.error is None and result.score == 78
        (path,) = suite.work_dir.glob('toy/*/*/results.json')
        assert json.loads(path.read_text())['evaluator']['prefix'] == 'other'

    def test_changed_files_of_a_metric_score_again(self, suite, no_test, monkeypatch):
        Path('words.txt').write_text('a')
        suite.options = {'test_evaluator.words_file': 'words.txt'}
        assert suite.run(self.CELL).score == 13
        no_test()
        scored = []
        monkeypatch.setattr('mmflamingo.engine.testing.finished.rescore', lambda *args: scored.append(args))
        suite.run(self.CELL)
        assert not scored
        Path('words.txt').write_text('b')
        suite.run(self.CELL)
        assert len(scored) == 1

    def test_changed_answers_are_an_error_that_names_the_file(self, suite, no_test):
        suite.run(self.CELL)
        no_test()
        Path('answers.json').write_text('["three"]')
        assert 'files.dataset.ann_file: the file has other contents' in suite.run(self.CELL).error

    def test_changed_pictures_are_an_error(self, suite, no_test, monkeypatch):
        monkeypatch.setattr('toy_parts.ToyDataset.media_paths', lambda _: ['a.png'], raising=False)
        Path('a.png').write_text('red')
        suite.run(self.CELL)
        no_test()
        Path('a.png').write_text('blue')
        assert 'data.media_sha256: pictures or videos' in suite.run(self.CELL).error

    def test_a_run_killed_between_its_results_and_its_end_is_finished(self, suite):
        suite.run(self.CELL)
        (results,) = suite.work_dir.glob('toy/*/*/results.json')
        lines = (results.parent / 'predictions.jsonl').read_text().splitlines()
        present = json.loads(results.read_text())['protocol']
        (results.parent / 'protocol.json').write_text(json.dumps(present))
        Journal(results.parent, 0, digest(present)).append(range(13), list(map(json.loads, lines)))
        assert suite.run(self.CELL).score == 13
        assert list(suite.work_dir.glob('toy/*/*/results.json')) == [results] and not journal_files(results.parent)

    def test_r16_a_metric_that_failed_is_tried_again(self, suite, no_test, monkeypatch):
        from toy_parts import ToyMetric

        def scores(metric, results):
            metric.failures = {'METEOR': 'no such jar'}
            return {'sum': 1.0}

        with monkeypatch.context() as patch:
            patch.setattr(ToyMetric, 'compute_metrics', scores)
            assert "['toy/sum']. METEOR failed: no such jar." in suite.run(self.CELL).error
            no_test()
            assert 'METEOR failed: no such jar.' in suite.run(self.CELL).error
            suite.benchmarks['toy']['score'] = 'toy/sum'  # the others stand
            assert suite.run(self.CELL).score == 1
        no_test()
        suite.benchmarks['toy']['score'] = 'toy/count'
        result = suite.run(self.CELL)
        assert result.error is None and result.score == 13

    @pytest.mark.parametrize(
        ('change', 'said'),
        [
            (lambda folder: (folder / 'predictions.jsonl').unlink(), 'holds no predictions.jsonl'),
            (lambda folder: (folder / 'results.json').write_text('{"metrics": {}}'), 'num_samples is None'),
            (lambda folder: cut(folder / 'predictions.jsonl'), 'holds 12 predictions'),
            (lambda folder: raise_scores(folder / 'predictions.jsonl'), 'are not those of results.json'),
        ],
    )
    def test_runs_that_were_changed_are_refused(self, suite, no_test, change, said):
        suite.run(self.CELL)
        no_test()
        (results,) = suite.work_dir.glob('toy/*/*/results.json')
        change(results.parent)
        assert said in suite.run(self.CELL).error


def cut(path):
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:-1]))


def raise_scores(path):
    path.write_text(path.read_text().replace('"scores": {"id": 3.0}', '"scores": {"id": 300.0}'))


class TestTaskAsBuilt:
    """F2: a class may have several tasks, and a set may wrap others."""

    @pytest.fixture
    def cfg(self):
        from mmengine.config import Config

        def make(dataset):
            return Config(dict(test_dataloader=dict(dataset=dataset), model=dict(prompts={}, language_model={})))

        return make

    @pytest.mark.parametrize(
        ('dataset', 'task'),
        [
            (dict(type='FlamingoEvalAOKVQA', ann_file='a.json'), 'multiple_choice'),
            (dict(type='FlamingoEvalAOKVQA', ann_file='a.json', multiple_choice=False), 'vqa'),
            (dict(type='FlamingoEvalScienceQA', ann_file='a.json'), 'multiple_choice'),
            (dict(type='FlamingoEvalCOCOCaption', ann_file='a.json', task='own'), 'own'),
            (dict(type='ShuffledPictures', dataset=dict(type='FlamingoEvalCOCOCaption', ann_file='a.json')), 'caption'),
            (dict(type='ConcatDataset', datasets=[dict(type='FlamingoEvalCOCOCaption', ann_file='a.json')]), 'caption'),
            (dict(type='ToyDataset', task='toy'), 'toy'),
        ],
    )
    def test_task(self, cfg, dataset, task):
        from mmflamingo.engine.suite.suite import task_of

        assert task_of(cfg(dataset)) == task

    def test_aokvqa_is_not_vqa_to_a_protocol(self, cfg):
        with pytest.raises(ConfigError, match="says nothing about task 'multiple_choice'"):
            apply_protocol(cfg(dict(type='FlamingoEvalAOKVQA', ann_file='a.json')), load_protocol('openflamingo_v2'))

    def test_text_only_examples_of_a_task(self, tmp_path):
        configs = {name: f'configs/flamingo/flamingo_zeroshot_{name}.py' for name in ('aokvqa', 'scienceqa', 'vqa')}
        benchmarks = {name: {'config': str(CONFIGS.parent / path), 'score': 'acc'} for name, path in configs.items()}
        path = tmp_path / 'suite.py'
        path.write_text(f'benchmarks = {benchmarks}\nshots = (0,)\nseeds = (0,)\nzero_shot_text_only = dict(vqa=2)\n')
        suite = Suite(str(path), None, tmp_path)
        counts = {
            cell.benchmark: suite.config_of(cell).test_dataloader.dataset.num_text_only_shots for cell in suite.cells()
        }
        assert counts == {'aokvqa': 0, 'scienceqa': 0, 'vqa': 2}

    def test_a_wrapped_set_gets_the_shots(self, make_suite, tmp_path):
        config = tmp_path / 'wrapped.py'
        config.write_text(
            f"_base_ = '{CONFIGS}/flamingo/flamingo-tiny_fewshot_caption.py'\n"
            'inner = _base_.test_dataloader.dataset\n'
            "test_dataloader = dict(dataset=dict(_delete_=True, type='ShuffledPictures', dataset=inner))\n"
        )
        cfg = make_suite(SIMPLE.format(config=config)).config_of(Cell('toy', 'random', 2, 1))
        assert 'num_shots' not in cfg.test_dataloader.dataset
        assert cfg.test_dataloader.dataset.dataset.num_shots == 2 and cfg.test_dataloader.dataset.dataset.seed == 1
