"""Where arrays live, how they are mixed, the dtypes that can be chosen, Generators as plain data, and threads."""
import json

import numpy as np
import pytest

import strict
from tsuzuri import array
from tsuzuri.errors import ConfigError, DeviceError

HOST, DEVICE = np.ones(3), strict.asarray(np.ones(3))


def test_the_module_of_arrays():
    assert array.module_of(HOST, None, 2.0, np.float32(1)) is np
    assert array.module_of(None, DEVICE, 1) is strict.MODULE
    assert array.module_of() is np
    assert array.module_of(3) is np


def test_a_mixture_is_named():
    with pytest.raises(DeviceError, match="arrays of numpy and strict were mixed in one operation"):
        array.module_of(HOST, DEVICE)
    with pytest.raises(DeviceError, match="an array was expected, not a list"):
        array.module_of(HOST, [1, 2])


def test_a_memory_map_is_a_host_array(tmp_path):
    ids = np.memmap(tmp_path / "ids", np.int32, "w+", shape=(4,))
    assert array.module_of(HOST, ids) is np


def test_moving():
    assert array.like(HOST, HOST) is HOST
    assert array.to_host(HOST) is HOST
    moved = array.like(DEVICE, HOST)
    assert type(moved) is strict.DeviceArray
    np.testing.assert_array_equal(array.to_host(moved), HOST)


def test_empty_is_like_its_reference():
    assert array.empty(HOST.astype(np.float16), (2, 3)).dtype == np.float16
    assert array.empty(HOST, (2, 3), np.dtype(bool)).dtype == bool
    assert type(array.empty(DEVICE, (2, 3))) is strict.DeviceArray


def test_float_types_by_name():
    assert array.float_type("float16") == np.float16
    with pytest.raises(ConfigError, match=r'dtype "float23" is unknown \(did you mean "float32"\?\)'):
        array.float_type("float23")


def test_a_generator_goes_through_json():
    """In the middle of its stream, with half a 64-bit draw left over."""
    rng = np.random.default_rng(3)
    rng.integers(10, dtype=np.int32)
    again = array.restore_rng(json.loads(json.dumps(array.rng_state(rng))))
    for draw in (lambda g: g.integers(100, size=5, dtype=np.int32), lambda g: g.standard_normal(4),
                 lambda g: g.permutation(9)):
        np.testing.assert_array_equal(draw(again), draw(rng))


def test_threads_are_set_and_set_back():
    import numba
    from threadpoolctl import threadpool_info

    def blas():
        return [pool["num_threads"] for pool in threadpool_info()
                if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]

    from tsuzuri.kernels.compiled import vector  # noqa: F401
    most = numba.config.NUMBA_NUM_THREADS
    before = numba.get_num_threads(), blas()
    with array.threads(1) as count:
        assert (count, numba.get_num_threads(), set(blas())) == (1, 1, {1})
        with array.threads(2):
            assert numba.get_num_threads() == min(2, most)
        assert (numba.get_num_threads(), set(blas())) == (1, {1})
    assert (numba.get_num_threads(), blas()) == before
    with array.threads(None) as count:
        assert count == array.default_threads()
    with pytest.raises(ConfigError, match="threads is 0"), array.threads(0):
        pass
