"""What every test may use: the folder of real data, and Hypothesis without a deadline (the first call compiles)."""
import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("tsuzuri", deadline=None, max_examples=30, derandomize=True, print_blob=False)
settings.load_profile("tsuzuri")


@pytest.fixture
def data_dir() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    named = os.environ.get("TSUZURI_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("TSUZURI_DATA does not name a folder of real data")
    return Path(named)
