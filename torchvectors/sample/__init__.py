"""Package data: the most frequent 30,000 rows of the official ``glove.6B.50d``, as a store with int8 rows.

``GloVe("sample")`` opens it. `torchvectors.sample.make` made it; ``LICENSE-GloVe.txt`` is its licence.
"""
