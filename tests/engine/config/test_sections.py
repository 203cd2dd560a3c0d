import pytest

from mmflamingo.engine.config.check import find_mistakes


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        ({'model': 3}, 'model is 3, it must be dict.'),
        ({'test_dataloader': []}, 'test_dataloader is [], it must be dict.'),
        ({'test_evaluator': 'VQAAcc'}, "test_evaluator is 'VQAAcc', it must be dict or list."),
        ({'allow_random_weights': 'false'}, "allow_random_weights is 'false', it must be bool."),
        ({'load_from': True}, 'load_from is True, it must be str.'),
        ({'resume': 3}, 'resume is 3, it must be bool or str.'),
        ({'randomness': {'seed': '[1,2'}}, "randomness.seed is '[1,2', it must be int or None."),
        ({'randomness': {'deterministic': 'no'}}, "randomness.deterministic is 'no', it must be bool."),
        ({'randomness': {'sead': 1}}, "randomness.sead is not a setting of randomness. Did you mean 'seed'?"),
        ({'log_level': 'LOUD'}, "log_level is 'LOUD', it must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        (
            {'default_scope': '../../etc/passwd'},
            "default_scope is '../../etc/passwd', it must be the name of a package, such as mmflamingo.",
        ),
        ({'default_hooks': {'timer': 3}}, 'default_hooks.timer is 3, it must be a dict with a type, or None.'),
        ({'model': {'prompts': {'vqa': 'x'}}}, "model.prompts.vqa is 'x', it must be a dict with a type."),
        (
            {'test_dataloader': {'dataset': {'type': 'COCOVQA', 'question_file': 'q', 'pipeline': ['x']}}},
            "test_dataloader.dataset.pipeline[0] is 'x', it must be a dict with a type.",
        ),
        (
            {'env_cfg': {'cudnn': True}},
            'env_cfg.cudnn is not a setting of env_cfg. Known: cudnn_benchmark, dist_cfg, mp_cfg, resource_limit.',
        ),
    ],
)
def test_values_of_the_runner(cfg, said):
    assert list(find_mistakes(cfg)) == [said]


def test_none_leaves_a_key_out():
    assert list(find_mistakes({'load_from': None, 'test_evaluator': None, 'randomness': {'seed': None}})) == []
