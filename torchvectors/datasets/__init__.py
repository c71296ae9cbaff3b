"""Labelled texts → DataPipes: the data sets that come with the package."""

from torchvectors.datasets.wordnet_topics import WORDNET_TOPICS, WordNetTopics

__all__ = ["WORDNET_TOPICS", "WordNetTopics"]
