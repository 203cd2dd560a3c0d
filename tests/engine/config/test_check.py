import pytest
import toy_parts
from mmengine.registry import Registry

from mmflamingo import registry
from mmflamingo.engine.config.argument_types import find_misfits
from mmflamingo.engine.config.check import check_config, find_mistakes
from mmflamingo.engine.config.signatures import accepted_arguments
from mmflamingo.engine.errors import ConfigError


def test_toy_config_has_no_mistakes(toy_cfg):
    check_config(toy_cfg)


def test_all_mistakes_at_once_with_full_keys(toy_cfg):
    toy_cfg.model.type = 'ToyModle'
    toy_cfg.test_dataloader.dataset.num_sample = 3
    toy_cfg.test_dataloader.batch_sise = 3
    toy_cfg.default_hooks.visualization.out_dirs = 'x'
    toy_cfg.optim_wrapper.optimizer.lrr = 1.0
    with pytest.raises(ConfigError) as caught:
        check_config(toy_cfg)
    assert str(caught.value).startswith('The config has 5 mistakes:\n')
    for mistake in (
        "model.type = 'ToyModle' is not registered. Did you mean 'ToyModel'?",
        "test_dataloader.dataset.num_sample is not an argument of ToyDataset. Did you mean 'num_samples'?",
        "test_dataloader.batch_sise is not an argument of a data loader. Did you mean 'batch_size'?",
        "default_hooks.visualization.out_dirs is not an argument of VisualizationHook. Did you mean 'out_dir'?",
        "optim_wrapper.optimizer.lrr is not an argument of AdamW. Did you mean 'lr'?",
    ):
        assert mistake in str(caught.value)


def test_missing_argument_and_list_index():
    cfg = {'custom_hooks': [{'type': 'IterTimerHook'}, {'type': 'ExportPretrainedHook'}]}
    assert list(find_mistakes(cfg)) == ['custom_hooks[1].out_dir is missing: ExportPretrainedHook needs it.']


def test_type_of_another_kind():
    assert list(find_mistakes({'model': {'type': 'ToyDataset'}})) == [
        "model.type = 'ToyDataset' is not registered as a model, but as a dataset."
    ]


def test_same_name_in_two_registries_is_told_apart_by_its_key():
    metric = {'type': 'COCOCaption', 'split': 'val'}
    assert 'test_evaluator.split is not an argument' in next(find_mistakes({'test_evaluator': metric}))
    dataset = {'type': 'COCOCaption', 'split': 'val'}
    assert list(find_mistakes({'test_dataloader': {'dataset': dataset}})) == []


def test_type_given_as_a_class():
    cfg = {'model': {'type': toy_parts.ToyModel, 'wdth': 2}}
    assert list(find_mistakes(cfg)) == ["model.wdth is not an argument of ToyModel. Did you mean 'width'?"]


def test_variables_of_the_config_build_nothing():
    assert list(find_mistakes({'my_hook': {'type': 'NoSuchHook'}})) == []


def test_dicts_of_other_libraries_are_left_alone():
    config = {'model_type': 'llama', 'rope_scaling': {'type': 'linear'}}
    assert list(find_mistakes({'model': {'type': 'ToyModel', 'width': {'config': config}}})) == []


class Base:
    def __init__(self, size, colour='red'):
        pass


class PassesOn(Base):
    def __init__(self, weight=1, **kwargs):
        super().__init__(**kwargs)


class GivesSize(Base):
    def __init__(self, **kwargs):
        super().__init__(size=3, **kwargs)


class GivesSizeByPosition(Base):
    def __init__(self, *args, **kwargs):
        super().__init__(3, *args, **kwargs)


class KeepsAll(Base):
    def __init__(self, **kwargs):
        self.rest = kwargs


@pytest.mark.parametrize(
    ('target', 'names', 'required', 'anything'),
    [
        (Base, {'size', 'colour'}, {'size'}, False),
        (PassesOn, {'weight', 'size', 'colour'}, {'size'}, False),
        (GivesSize, {'size', 'colour'}, set(), False),
        (GivesSizeByPosition, {'size', 'colour'}, set(), False),
        (KeepsAll, set(), set(), True),
        (lambda a, b=1: None, {'a', 'b'}, {'a'}, False),
    ],
)
def test_accepted_arguments(target, names, required, anything):
    accepted = accepted_arguments(target)
    assert (accepted.names, accepted.required, accepted.anything) == (names, required, anything)


def test_options_of_compile():
    assert list(find_mistakes({'compile': True})) == list(find_mistakes({'compile': {'mode': 'default'}})) == []
    assert list(find_mistakes({'compile': {'backnd': 'eager'}})) == [
        "compile.backnd is not an argument of torch.compile. Did you mean 'backend'?"
    ]
    assert list(find_mistakes({'compile': 'max-autotune'})) == [
        "compile is 'max-autotune', it must be True, False, or a dict of arguments of torch.compile."
    ]


def test_dtype():
    assert list(find_mistakes({'dtype': 'float16'})) == list(find_mistakes({'dtype': None})) == []
    assert list(find_mistakes({'dtype': 'bf16'})) == ["dtype is 'bf16', it must be one of float32, bfloat16, float16."]
    mistake = "dtype = 'bfloat16' is for tests only: train in mixed precision by --amp."
    assert list(find_mistakes({'dtype': 'bfloat16', 'train_dataloader': {}})) == [mistake]


def test_settings_of_generation():
    def prompts(generation):
        template = dict(type='PromptTemplate', shot='{answer}', query='', output='answer', generation=generation)
        return {'model': {'type': 'ToyModel', 'prompts': {'vqa': template}}}

    def mistakes_of(generation):
        return [m for m in find_mistakes(prompts(generation)) if 'generation' in m]

    assert mistakes_of({'num_beams': 3}) == mistakes_of(None) == []
    assert mistakes_of({'num_beam': 3, 'min_length': 5}) == [
        "model.prompts.vqa.generation.num_beam is not a setting of generation. Did you mean 'num_beams'?",
        'model.prompts.vqa.generation.min_length cannot be used: it counts the prompt and its padding, so a text would '
        'depend on its batch: use min_new_tokens.',
    ]
    (mistake,) = mistakes_of(3)
    assert 'model.prompts.vqa.generation is 3, it must be dict or None' in mistake


class TestLoaders:
    def mistakes(self, section='test_dataloader', **settings):
        return list(find_mistakes({section: settings}))

    def test_what_works(self):
        sampler = {'type': 'DefaultSampler', 'shuffle': True}
        works = dict(
            batch_size=1, num_workers=0, persistent_workers=True, prefetch_factor=2, timeout=60, sampler=sampler
        )
        assert self.mistakes(**works) == self.mistakes('train_dataloader', **works, drop_last=True) == []
        infinite = {'type': 'InfiniteSampler'}
        assert self.mistakes('train_dataloader', sampler=infinite, num_batch_per_epoch=3) == []

    @pytest.mark.parametrize('section', ['train_dataloader', 'val_dataloader', 'test_dataloader'])
    @pytest.mark.parametrize(
        ('key', 'value'),
        [
            *(('batch_size', value) for value in (None, 0, -1, 2.0, '4', True)),
            *(('num_workers', value) for value in (None, -1, '2', 1.5)),
            *(('prefetch_factor', value) for value in (0, '2')),
            *(('timeout', value) for value in (-1, None, float('nan'))),
            *(('persistent_workers', value) for value in (None, 1, 'false')),
            *(('drop_last', value) for value in ('no', None)),
            ('dataset', None),
        ],
    )
    def test_refused_by_name(self, section, key, value):
        mistakes = self.mistakes(section, **{key: value})
        assert any(m.startswith(f'{section}.{key} is {value!r}, it must be ') for m in mistakes)

    @pytest.mark.parametrize('section', ['val_dataloader', 'test_dataloader'])
    @pytest.mark.parametrize(
        ('settings', 'said'),
        [
            (dict(drop_last=True), 'drop_last would leave the last samples out of the score'),
            (
                dict(batch_sampler=dict(type='LengthBatchSampler', drop_last=True)),
                'batch_sampler.drop_last would leave',
            ),
            (dict(num_batch_per_epoch=2), 'num_batch_per_epoch would leave samples out'),
            (dict(sampler=dict(type='InfiniteSampler')), "sampler.type is 'InfiniteSampler', which never ends"),
            (dict(sampler=dict(type='mmengine.InfiniteSampler')), 'which never ends'),
            (dict(shuffle=False), 'shuffle has no effect beside a sampler'),
        ],
    )
    def test_a_score_of_all_samples(self, section, settings, said):
        assert any(said in mistake and mistake.startswith(section) for mistake in self.mistakes(section, **settings))


def test_values_of_a_wrong_type():
    dataset = dict(type='FlamingoEvalCOCOVQA', question_file=3, data_prefix='val', test_mode='false', num_shots=True)
    assert list(find_mistakes({'test_dataloader': {'dataset': dataset}})) == [
        'test_dataloader.dataset.question_file is 3, it must be str.',
        "test_dataloader.dataset.data_prefix is 'val', it must be dict or None.",
        "test_dataloader.dataset.test_mode is 'false', it must be bool.",
        'test_dataloader.dataset.num_shots is True, it must be int.',
    ]


def test_types_that_classes_state_can_be_read():
    kinds = [kind for kind in vars(registry).values() if isinstance(kind, Registry)]
    for kind in [*kinds, *(kind.parent for kind in kinds if kind.parent)]:
        for cls in kind.module_dict.values():
            assert list(find_misfits(cls, {name: object() for name in accepted_arguments(cls).names})) == []


def test_names_of_shot_selectors():
    def mistakes(selector):
        cfg = {'test_dataloader': {'dataset': {'type': 'FlamingoEvalCOCOVQA', 'shot_selector': selector}}}
        return [mistake for mistake in find_mistakes(cfg) if 'selector' in mistake]

    assert mistakes('rices') == mistakes({'type': 'rices', 'by': 'image'}) == []
    assert mistakes('ricse') == [
        "test_dataloader.dataset.shot_selector = 'ricse' is not registered. Did you mean 'rices'?"
    ]
    assert mistakes({'type': 'rices', 'bye': 'text'}) == [
        "test_dataloader.dataset.shot_selector.bye is not an argument of RICES. Did you mean 'by'?"
    ]


def test_misspelt_fields_of_a_language_model():
    def mistakes(**config):
        return list(find_mistakes({'model': {'language_model': {'config': config}}}))

    assert mistakes(model_type='llama', hidden_size=64, rope_theta=1e4, torch_dtype='float32', my_own='x') == []
    assert mistakes(model_type='gpt2', n_embd=64, hidden_size=64) == []
    assert mistakes(model_type='llama', hiden_size=64) == [
        "model.language_model.config.hiden_size is not a field of LlamaConfig. Did you mean 'hidden_size'?"
    ]
    assert mistakes(model_type='lama') == [
        "model.language_model.config.model_type is 'lama', which transformers does not know. Did you mean 'llama'?"
    ]


@pytest.mark.parametrize(
    ('cfg', 'mistake'),
    [
        ({'test_dataloader': {'collate_fn': 'x'}}, "test_dataloader.collate_fn is 'x', it must be a dict with a type."),
        (
            {'test_dataloader': {'collate_fn': {'a': 1}}},
            "test_dataloader.collate_fn is {'a': 1}, it must be a dict with a",
        ),
        ({'test_dataloader': {'sampler': '-inf'}}, "test_dataloader.sampler is '-inf', it must be a dict with a type."),
        ({'test_dataloader': {'batch_sampler': 3}}, 'test_dataloader.batch_sampler is 3, it must be None or a dict'),
        ({'test_dataloader': {'dataset': False}}, 'test_dataloader.dataset is False, it must be a dict with a type.'),
        (
            {'test_dataloader': {'dataset': {'pipeline': 'abc'}}},
            "test_dataloader.dataset.pipeline is 'abc', it must be a list",
        ),
        (
            {'test_dataloader': {'dataset': {'shot_selector': {}}}},
            'test_dataloader.dataset.shot_selector is {}, it needs',
        ),
        ({'model': {'prompts': {'vqa': 1}}}, 'model.prompts.vqa is 1, it must be a dict with a type.'),
        ({'model': {'type': 'FlamingoDataPreprocessor', 'mean': 'abc'}}, "model.mean is 'abc', it must be"),
        ({'test_cfg': {'typQ': 'TestLoop'}}, 'test_cfg.typQ is not an argument of TestLoop.'),
        ({'default_hooks': {'logger': 1.5}}, 'default_hooks.logger is 1.5, it must be a dict with a type, or None.'),
        ({'log_level': 'INF'}, "log_level is 'INF', it must be one of DEBUG, INFO"),
        ({'runner_type': '../x'}, "runner_type is '../x', which is not registered."),
        ({'default_hooks': ['x']}, "default_hooks is ['x'], it must be dict."),
        ({'custom_hooks': 3}, 'custom_hooks is 3, it must be list.'),
        ({'test_dataloader': {'dataset': {'pipeline': 3}}}, 'test_dataloader.dataset.pipeline is 3, it must be a list'),
        ({'test_dataloader': {'dataset': {'pipeline': [3]}}}, 'test_dataloader.dataset.pipeline[0] is 3, it must be a'),
        (
            {'test_dataloader': {'num_workers': 2**63}},
            'test_dataloader.num_workers is 9223372036854775808, it must be an',
        ),
        (
            {'model': {'tokenizer': {'type': 'FlamingoTokenizer', 'pretrained': 'x', 'vocab_sizQ': 1}}},
            "model.tokenizer.vocab_sizQ is not an argument of FlamingoTokenizer. Did you mean 'vocab_size'?",
        ),
        ({'test_evaluator': ['x', {'type': 'VQAAcc'}]}, "test_evaluator[0] is 'x', it must be a dict with a type."),
        ({'test_evaluator': {'type': '../x'}}, "test_evaluator.type = '../x' is not registered."),
        ({'custom_hooks': [[]]}, 'custom_hooks[0] is [], it must be a dict with a type.'),
        ({'model': {'type': 'Flamingo', '__max_length': 1}}, 'model.__max_length is not an argument of Flamingo.'),
    ],
)
def test_parts_that_are_no_parts(cfg, mistake):
    """Found by tools/dev/fuzz.py: they ended in a traceback."""
    assert any(found.startswith(mistake) for found in find_mistakes(cfg))
