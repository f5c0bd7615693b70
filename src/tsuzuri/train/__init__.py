"""Training: settings, the loop, checkpoints, run folders, evaluation."""
