import os
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Path:
    """The folder of real data; the test is skipped where there is none."""
    named = os.environ.get("TSUZURI_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("TSUZURI_DATA does not name a folder of real data")
    return Path(named)
