"""Data sets by name (generated, shipped with Python, or fetched once with a checksum) and plain files."""
from tsuzuri.datasets.cache import Fetched, Row, cache_folder, fetch, list_datasets
from tsuzuri.datasets.generated import spiral
from tsuzuri.datasets.registry import DATASETS, Dataset
from tsuzuri.datasets.sources import dataset_lines, open_source, parse_source

__all__ = ["DATASETS", "Dataset", "Fetched", "Row", "cache_folder", "dataset_lines", "fetch", "list_datasets",
           "open_source", "parse_source", "spiral"]
