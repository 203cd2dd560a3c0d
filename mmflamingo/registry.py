"""Child registries of mmengine's, one for each kind of component a config can name.

A type written in a config is looked for here first, then in mmengine's root. The modules in `locations` are imported
the first time a registry is asked for a type, so `import mmflamingo` stays light.
"""

from collections.abc import Callable

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import EVALUATOR as MMENGINE_EVALUATOR
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as MMENGINE_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import WEIGHT_INITIALIZERS as MMENGINE_WEIGHT_INITIALIZERS
from mmengine.registry import Registry


def _child(name: str, parent: Registry | None, location: str) -> Registry:
    return Registry(name, parent=parent, scope='mmflamingo', locations=[location])


DATASETS = _child('dataset', MMENGINE_DATASETS, 'mmflamingo.datasets')
DATA_SAMPLERS = _child('data sampler', MMENGINE_DATA_SAMPLERS, 'mmflamingo.datasets')
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'mmflamingo.datasets.transforms')
SHOT_SELECTORS = _child('shot selector', None, 'mmflamingo.datasets')
PROMPTS = _child('prompt', None, 'mmflamingo.prompts')
TOKENIZERS = _child('tokenizer', None, 'mmflamingo.models')
MODELS = _child('model', MMENGINE_MODELS, 'mmflamingo.models')
METRICS = _child('metric', MMENGINE_METRICS, 'mmflamingo.evaluation')
EVALUATORS = _child('evaluator', MMENGINE_EVALUATOR, 'mmflamingo.evaluation')
HOOKS = _child('hook', MMENGINE_HOOKS, 'mmflamingo.engine')
OPTIM_WRAPPERS = _child('optimizer wrapper', MMENGINE_OPTIM_WRAPPERS, 'mmflamingo.engine')
RUNNERS = _child('runner', MMENGINE_RUNNERS, 'mmflamingo.engine')
VISUALIZERS = _child('visualizer', MMENGINE_VISUALIZERS, 'mmflamingo.visualization')
LOOPS = _child('loop', MMENGINE_LOOPS, 'mmflamingo.engine')
LOG_PROCESSORS = _child('log processor', MMENGINE_LOG_PROCESSORS, 'mmflamingo.engine')
PARAM_SCHEDULERS = _child('parameter scheduler', MMENGINE_PARAM_SCHEDULERS, 'mmflamingo.engine')
OPTIMIZERS = _child('optimizer', MMENGINE_OPTIMIZERS, 'mmflamingo.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, 'mmflamingo.engine'
)
MODEL_WRAPPERS = _child('model wrapper', MMENGINE_MODEL_WRAPPERS, 'mmflamingo.engine')
FUNCTIONS = _child('function', MMENGINE_FUNCTIONS, 'mmflamingo.datasets')
VISBACKENDS = _child('vis_backend', MMENGINE_VISBACKENDS, 'mmflamingo.visualization')
WEIGHT_INITIALIZERS = _child('weight initializer', MMENGINE_WEIGHT_INITIALIZERS, 'mmflamingo.models')


def registered(kind: Registry, name: str) -> Callable | None:
    """What a registry, or one above it, has under a name, with or without a scope; a path of Python code is no name."""
    kind.import_from_location()
    found = kind.module_dict.get(name.removeprefix(f'{kind.scope}.'))
    return registered(kind.parent, name) if found is None and kind.parent is not None else found
