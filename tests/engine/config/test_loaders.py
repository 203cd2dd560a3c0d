import pytest
from mmengine.evaluator import BaseMetric, Evaluator

from mmflamingo.engine.config.loaders import workable
from mmflamingo.engine.errors import ConfigError
from mmflamingo.evaluation import COCOCaption
from mmflamingo.registry import METRICS


@METRICS.register_module()
class MetricOfMetrics(BaseMetric):
    """A metric with an argument that mmengine takes for an evaluator's."""

    def __init__(self, metrics=('sum',)):
        super().__init__()
        self.names = metrics

    def process(self, data_batch, data_samples):
        self.results += [sample['image_id'] for sample in data_samples]

    def compute_metrics(self, results):
        return {name: sum(results) for name in self.names}


OF_WORKERS = dict(persistent_workers=True, prefetch_factor=4, timeout=30, multiprocessing_context='fork')


def test_without_workers_their_settings_go():
    loader = dict(batch_size=2, num_workers=0, dataset={}, sampler={}, pin_memory=True)
    assert workable(loader | OF_WORKERS) == loader
    assert workable(loader | OF_WORKERS | {'num_workers': 2}) == loader | OF_WORKERS | {'num_workers': 2}
    with pytest.raises(ConfigError, match='needs sampler; this one has batch_size, dataset'):
        workable(dict(batch_size=2, dataset={}))


def test_no_workers_in_train_val_and_test(toy_cfg, build_runner):
    """A4: `num_workers=0` beside settings of workers runs everywhere."""
    for section in ('train_dataloader', 'test_dataloader'):
        toy_cfg[section].update(OF_WORKERS)
    toy_cfg.update(val_dataloader=toy_cfg.test_dataloader, val_cfg={}, val_evaluator=toy_cfg.test_evaluator)
    toy_cfg.train_cfg.update(max_iters=2, val_interval=2)
    build_runner(toy_cfg).train()
    assert build_runner(toy_cfg).val()['toy/count'] == 13
    assert build_runner(toy_cfg).test()['toy/count'] == 13


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_a_metric_with_an_argument_metrics(toy_cfg, build_runner, mode):
    """P8: mmengine takes it for an evaluator."""
    metric = dict(type='MetricOfMetrics', metrics=['one', 'two'])
    toy_cfg.update({'val_dataloader': toy_cfg.test_dataloader, 'val_cfg': {}, 'val_evaluator': metric})
    toy_cfg.test_evaluator = metric
    runner = build_runner(toy_cfg)
    assert (runner.val() if mode == 'val' else runner.test()) == {'one': 78, 'two': 78}


def test_every_way_to_name_metrics(toy_cfg, build_runner):
    runner = build_runner(toy_cfg)
    metric = dict(type='COCOCaption', metrics=['CIDEr'])
    evaluators = (metric, [metric], dict(metrics=[metric]), dict(type='Evaluator', metrics=metric))
    for evaluator in (*evaluators, dict(type=COCOCaption, metrics=['CIDEr']), Evaluator(metric)):
        (built,) = runner.build_evaluator(evaluator).metrics
        assert isinstance(built, COCOCaption)
