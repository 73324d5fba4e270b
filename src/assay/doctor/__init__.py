"""Is your attack right, is your model what it says: both are run on small classifiers whose answer is known."""
