"""mmflamingo from Python: models by name, predictions for pictures."""

from .inference import FlamingoInferencer, inference_model
from .model_zoo import get_model, list_models

__all__ = ['FlamingoInferencer', 'get_model', 'inference_model', 'list_models']
