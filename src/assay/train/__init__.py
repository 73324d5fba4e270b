"""Learning: the loop, the recipes, the checkpoints; standard and adversarial."""
