"""flamingo-tiny, and each benchmark's own config on files in that benchmark's layout."""

from pathlib import Path

import image_layouts
import pytest
import torch
import video_layouts
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from scenes import read_scenes

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.registry import DATASETS, METRICS, MODELS

ROOT = Path(__file__).parents[2]
TINY = 'configs/flamingo/flamingo-tiny_zeroshot_vqa.py'
QUERIES, SUPPORTS = 3, 3


@pytest.fixture(scope='session')
def model():
    """flamingo-tiny with its weights, and the prompts of the benchmarks besides."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        config = load_config(TINY).model
        config.prompts.caption.generation = dict(
            num_beams=2, max_new_tokens=8
        )  # as many as it takes to see that it works
        for path in Path('configs/_base_/prompts').glob('*.py'):
            config.prompts.update(Config.fromfile(path).benchmark_prompts)
        model = MODELS.build(config).eval()
        state = read_checkpoint(find_weights(TINY))['state_dict']
    model.load_state_dict({key: value.float() for key, value in state.items()})
    return model


@pytest.fixture(scope='session')
def scenes():
    return read_scenes('val', QUERIES), read_scenes('support', SUPPORTS)


@pytest.fixture
def benchmark(tmp_path, scenes, monkeypatch):
    """Writes a benchmark's files and returns its config, set to them and to 128 px, and the ids of its queries."""
    monkeypatch.chdir(tmp_path)

    def make(name, **options):
        writers = {**vars(image_layouts), **vars(video_layouts)}
        ids = writers[name.replace('-', '_')](tmp_path / 'data', *scenes)
        config = Config.fromfile(ROOT / f'configs/_base_/datasets/{name}.py')
        set_size(config.test_dataloader.dataset.pipeline, 128)
        config.test_dataloader.dataset.update(options)
        return config, ids

    return make


def set_size(pipeline, size):
    for step in pipeline:
        set_size(step.get('transforms', []), size)
        step.update({key: size for key in ('scale', 'crop_size') if key in step})


@pytest.fixture
def predict(model):
    """Builds a config's set and predicts it; returns the samples as metrics get them."""

    def run(config, batch_size=2):
        dataset = DATASETS.build(config.test_dataloader.dataset)
        samples = [dataset[i] for i in range(len(dataset))]
        batches = [samples[i : i + batch_size] for i in range(0, len(samples), batch_size)]
        with torch.inference_mode():
            return [sample.to_dict() for batch in batches for sample in model.test_step(pseudo_collate(batch))]

    return run


@pytest.fixture
def score(monkeypatch):
    """Scores samples by a config's metric, without Java, which takes long to start."""
    monkeypatch.setattr('mmflamingo.evaluation.java.shutil.which', lambda name: None)

    def run(config, samples):
        scores, metrics = {}, config.test_evaluator
        for metric in map(METRICS.build, metrics if isinstance(metrics, list) else [metrics]):
            metric.process(None, samples)
            scores |= metric.evaluate(len(samples))
        return scores

    return run
