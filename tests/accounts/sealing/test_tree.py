"""The tree, compared with the definitions of the RFCs, which are written here once more."""

import hashlib
import itertools
import random

import pytest

from accounts.sealing.tree import MOST_LEAVES, Node, Tree


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(number):
    return sha256(b"\x00" + number.to_bytes(4, "big"))


LEAVES = [leaf(number) for number in range(5000)]

# --- RFC 6962, section 2.1, word by word ---------------------------------------------------------


def below(n):
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    k = below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def path(m, leaves):
    if len(leaves) == 1:
        return []
    k = below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m, leaves, known=True):
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def root_of_range(first, given, begin, end, before, after):
    """The root that follows from the leaves of a range and the hashes beside it."""
    if end <= first:
        return before.pop(0)
    if begin >= first + len(given):
        return after.pop(0)
    if end - begin == 1:
        return given[begin - first]
    middle = begin + below(end - begin)
    left = root_of_range(first, given, begin, middle, before, after)
    return sha256(b"\x01" + left + root_of_range(first, given, middle, end, before, after))


# --- RFC 9162, sections 2.1.3.2 and 2.1.4.2: how proofs are verified -----------------------------


def includes(place, size, hash_, proof, root):
    fn, sn, r = place, size - 1, hash_
    for p in proof:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            r = sha256(b"\x01" + p + r)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first, second, first_root, second_root, proof):
    if first == second:
        return not proof and first_root == second_root
    if first & (first - 1) == 0:
        proof = [first_root, *proof]
    fn, sn = first - 1, second - 1
    while fn % 2:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            fr, sr = sha256(b"\x01" + c + fr), sha256(b"\x01" + c + sr)
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# -------------------------------------------------------------------------------------------------


class Stored:
    """A tree's stored hashes, as the sealer writes them, and how many of them were read."""

    def __init__(self, sizes=(0, 5000), leaves=LEAVES):
        self.rows = {(0, place): hash_ for place, hash_ in enumerate(leaves)}
        self.read_count = 0
        for begin, end in itertools.pairwise(sizes):
            tree = self.tree(begin)
            for node in tree.append(leaves[begin:end]):
                assert (node.level, node.index) not in self.rows
                self.rows[node.level, node.index] = node.hash

    def tree(self, size):
        return Tree(size, self.read)

    def read(self, level, first, count):
        self.read_count += count
        return [self.rows[level, index] for index in range(first, first + count)]


STORED = Stored()
SMALL = range(1, 71)
chance = random.Random(20)
LARGE = [1023, 1024, 1025, 2048, 4095, 4096, 4097, *(chance.randrange(71, 5000) for _ in range(5))]


def test_known_roots_of_certificate_transparency():
    """The test vectors of github.com/google/certificate-transparency, merkletree tests."""
    inputs = (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
    roots = (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
    leaves = [sha256(b"\x00" + bytes.fromhex(each)) for each in inputs]
    tree = Stored(sizes=(), leaves=leaves).tree(8)
    assert [tree.root(size).hex() for size in range(9)] == list(roots)


@pytest.mark.parametrize("size", [0, *SMALL, *LARGE])
def test_the_root_of_any_size_is_that_of_the_definition(size):
    expected = mth(LEAVES[:size])
    assert STORED.tree(size).root() == expected
    assert STORED.tree(5000).root(size) == expected


@pytest.mark.parametrize("size", SMALL)
def test_every_proof_of_a_small_tree_is_that_of_the_definition(size):
    tree, leaves = STORED.tree(size), LEAVES[:size]
    root = mth(leaves)
    for place in range(size):
        proof = tree.inclusion_proof(place)
        assert proof == path(place, leaves)
        assert includes(place, size, LEAVES[place], proof, root)
        assert not includes(place, size, leaf(9999), proof, root)
    for old in range(1, size + 1):
        proof = tree.consistency_proof(old)
        assert proof == subproof(old, leaves)
        assert consistent(old, size, mth(LEAVES[:old]), root, proof)
        assert not consistent(old, size, leaf(9999), root, proof)


@pytest.mark.parametrize("size", LARGE)
def test_proofs_of_larger_trees_verify(size):
    tree, root = STORED.tree(4999), STORED.tree(size).root()
    for number in {0, size // 3, size - 1, *(chance.randrange(size) for _ in range(5))}:
        proof = tree.inclusion_proof(number, size)
        assert includes(number, size, LEAVES[number], proof, root)
        old_root = tree.root(number + 1)
        proof = tree.consistency_proof(number + 1, size)
        assert consistent(number + 1, size, old_root, root, proof)


def assert_range_gives_root(tree, first, end, size):
    before, after = tree.range_proof(first, end, size)
    given = LEAVES[first:end]
    assert len(before) + len(after) <= 2 * size.bit_length()
    if first:
        assert before == tree.frontier(first)
    assert root_of_range(first, given, 0, size, before, after) == tree.root(size)
    assert (before, after) == ([], [])


def test_the_root_follows_from_any_range():
    tree = STORED.tree(70)
    for size in range(1, 18):
        for first in range(size):
            for end in range(first + 1, size + 1):
                assert_range_gives_root(tree, first, end, size)


@pytest.mark.parametrize("size", LARGE)
def test_the_root_follows_from_ranges_of_larger_trees(size):
    for _ in range(5):
        first = chance.randrange(size)
        assert_range_gives_root(STORED.tree(5000), first, chance.randrange(first, size) + 1, size)


@pytest.mark.parametrize("sizes", [(0, 1, 2, 5000), (0, 1024, 2047, 2048, 2049, 5000)])
def test_the_tree_is_the_same_however_its_leaves_arrive(sizes):
    assert Stored(sizes).rows == STORED.rows


def test_each_complete_subtree_is_given_once_when_it_is_complete():
    tree = STORED.tree(1000)
    assert tree.append(LEAVES[1000:1023]) == []
    [node] = tree.append(LEAVES[1023:1030])
    assert node == Node(10, 0, mth(LEAVES[:1024]))
    assert tree.root() == mth(LEAVES[:1030])


class Huge:
    """A tree of very many leaves: each hash says only where it is. The path is then checked."""

    def __init__(self):
        self.read_count = 0

    def read(self, level, first, count):
        self.read_count += count
        return [sha256(b"%d %d" % (level, index)) for index in range(first, first + count)]


@pytest.mark.parametrize("size", [2**20 + 5, 2**30 - 1, 2**31 + 2**20 + 77, MOST_LEAVES - 1])
def test_cost_does_not_grow_with_the_tree(size):
    for ask in (
        lambda tree: tree.root(),
        lambda tree: tree.inclusion_proof(size // 3),
        lambda tree: tree.consistency_proof(size // 3),
        lambda tree: tree.range_proof(size // 3, size // 3 + 100),
    ):
        huge = Huge()
        ask(Tree(size, huge.read))
        assert huge.read_count <= 3 * 4 * 1024


def test_nodes_of_the_higher_levels_are_made_of_those_below():
    huge = Huge()
    tree = Tree(2**30 - 1, huge.read)
    nodes = tree.append([leaf(1)])
    assert [(node.level, node.index) for node in nodes] == [
        (10, 2**20 - 1),
        (20, 1023),
        (30, 0),
    ]
    below_top = [*huge.read(20, 0, 1023), nodes[1].hash]
    assert nodes[2].hash == mth(below_top) == tree.root()


def test_questions_beyond_the_tree_are_refused():
    tree = STORED.tree(10)
    for ask in (
        lambda: tree.root(11),
        lambda: tree.inclusion_proof(10),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(11),
        lambda: tree.range_proof(3, 3),
        lambda: tree.range_proof(3, 11),
        lambda: Tree(MOST_LEAVES, STORED.read),
        lambda: Tree(-1, STORED.read),
    ):
        with pytest.raises(ValueError, match=r"tree of|cannot have"):
            ask()
