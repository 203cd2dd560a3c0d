"""What a training needs beyond mmengine: where it starts, how its checkpoints are written, which steps it takes."""
