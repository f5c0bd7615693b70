"""The truncated SVD: the singular values of a spectrum as flat as natural text's, one result for one seed."""
import numpy as np
import pytest
from made_corpus import ListCorpus, zipf_lines
from scipy.sparse import csr_array, random_array

from tsuzuri.array import threads
from tsuzuri.errors import ConfigError, DataError
from tsuzuri.kernels.inner import compiled
from tsuzuri.kernels.sparse import sparse_product
from tsuzuri.vectors.association import ppmi
from tsuzuri.vectors.cooccurrence import count_cooccurrences
from tsuzuri.vectors.svd import svd_vectors, truncated_svd


def rng(seed=1):
    return np.random.default_rng(seed)


def rank_three(M=400, N=300):
    """Three blocks of ones of different size: singular values known without any library."""
    dense = np.zeros((M, N))
    for (rows, columns), value in zip([(90, 40), (30, 30), (10, 10)], [1.0, 2.0, 3.0]):
        start = rows + columns
        dense[start:start + rows, start:start + columns] = value
    return csr_array(dense)


@pytest.fixture(scope="module")
def natural():
    """PPMI of a made text; its singular values fall as slowly as those of the Penn Treebank."""
    return ppmi(count_cooccurrences(ListCorpus(zipf_lines(80_000, 800)), 2))


@pytest.fixture(scope="module")
def exact(natural):
    return np.linalg.svd(natural.toarray(), compute_uv=False)[:100]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_hundred_singular_values(natural, exact, dtype):
    assert exact[99] / exact[49] > 0.8                       # a flat spectrum, the hard case
    U, S, Vt = truncated_svd(natural.astype(dtype), 100, rng())
    assert S.dtype == dtype
    np.testing.assert_allclose(S, exact, rtol=1e-3)
    assert np.abs(S / exact - 1).mean() < 1e-4
    bound = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(U.T @ U, np.eye(100), atol=bound)
    np.testing.assert_allclose((U * S) @ Vt @ Vt.T, U * S, atol=20 * S[0] * bound)


def test_the_penn_treebank_as_scipy_finds_it(data_dir):
    from scipy.sparse.linalg import svds
    lines = (data_dir / "ptb" / "ptb.valid.txt").read_text().splitlines()
    matrix = ppmi(count_cooccurrences(ListCorpus(lines), 2))
    exact = np.sort(svds(matrix, 20, return_singular_vectors=False, v0=np.ones(len(matrix.indptr) - 1)))[::-1]
    np.testing.assert_allclose(truncated_svd(matrix, 20, rng())[1], exact, rtol=1e-3)


def test_by_hand():
    """A block of a x b entries v has the singular value v sqrt(a b); the rest of the matrix has none."""
    U, S, Vt = truncated_svd(rank_three(), 5, rng())
    expected = [60.0, 60.0, 30.0]                            # 2 sqrt(900), sqrt(3600), 3 sqrt(100)
    np.testing.assert_allclose(S[:3], expected, rtol=1e-12)
    np.testing.assert_allclose(S[3:], 0, atol=1e-12)
    np.testing.assert_allclose((U * S) @ Vt, rank_three().toarray(), atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 5), (7, 40), (40, 7), (1, 1)])
def test_as_many_as_there_are_is_the_whole_matrix(shape):
    dense = rng().standard_normal(shape)
    U, S, Vt = truncated_svd(csr_array(dense), min(shape), rng())
    np.testing.assert_allclose((U * S) @ Vt, dense, atol=1e-12)
    np.testing.assert_allclose(S, np.linalg.svd(dense, compute_uv=False), rtol=1e-10)


def test_one_seed_gives_one_result_on_any_number_of_threads(natural):
    results = []
    for count in (1, 2):
        with threads(count):
            results.append(svd_vectors(natural, 20, rng=rng()).tobytes())
    assert results[0] == results[1]


def test_another_seed_gives_nearly_the_same(natural):
    """Signs are fixed, so only what the iteration leaves open differs."""
    one, other = (svd_vectors(natural, 40, exponent=1, rng=rng(seed))[:, :5] for seed in (1, 2))
    np.testing.assert_allclose(one, other, atol=1e-3 * np.abs(one).max())


def test_the_entry_farthest_from_zero_is_positive(natural):
    U = truncated_svd(natural, 20, rng())[0]
    assert (U[np.abs(U).argmax(0), range(20)] > 0).all()


@pytest.mark.parametrize("exponent", [0, 0.25, 0.5, 1])
def test_exponent_and_contexts(natural, exponent):
    matrix = natural.astype(np.float32)
    U, S, Vt = truncated_svd(matrix, 10, rng())
    words = svd_vectors(matrix, 10, exponent=exponent, rng=rng())
    assert words.dtype == np.float32
    np.testing.assert_allclose(words, U * S ** exponent, rtol=1e-6)
    np.testing.assert_allclose(svd_vectors(matrix, 10, exponent=exponent, contexts="add", rng=rng()),
                               (U + Vt.T) * S ** exponent, rtol=1e-5, atol=1e-7)


def test_a_direction_that_the_matrix_lacks_is_zero_in_every_vector():
    vectors = svd_vectors(rank_three(), 5, exponent=0, rng=rng())
    assert np.abs(vectors[:, :3]).max(0).all()
    assert not vectors[:, 3:].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_compiled_product_is_the_plain_one_and_the_dense_one(dtype):
    matrix = random_array((300, 50), density=0.1, format="csr", dtype=dtype, rng=rng())
    x = rng().standard_normal((50, 16)).astype(dtype)
    arguments = matrix.data, matrix.indices, matrix.indptr, x
    fast = sparse_product(*arguments)
    with compiled(False):
        plain = sparse_product(*arguments)
    bound = 50 * np.finfo(dtype).eps * 10                    # sums of 5 products, of 50 at most, of numbers to 4
    np.testing.assert_allclose(fast, plain, atol=bound)
    np.testing.assert_allclose(fast, matrix.toarray() @ x, atol=bound)


BAD = {
    "size 0": ({"size": 0}, "size 0 does not fit"),
    "more than words": ({"size": 301}, "from 1 to 300 numbers"),
    "exponent": ({"size": 2, "exponent": 1.5}, "exponent 1.5 does not fit"),
    "contexts": ({"size": 2, "contexts": "both"}, "none, add"),
}


@pytest.mark.parametrize(("settings", "message"), BAD.values(), ids=BAD)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ConfigError, match=message):
        svd_vectors(rank_three(), **settings, rng=rng())


def test_an_empty_matrix():
    with pytest.raises(DataError, match="empty"):
        svd_vectors(csr_array((5, 5)), 2, rng=rng())
