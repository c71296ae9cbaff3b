"""Layers that train some of their rows, and checkpoints that know which vocabulary they belong to."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from torchvectors import Alignment, Normal, Vectors, align
from torchvectors.align import PartlyTrainedEmbedding, PartlyTrainedEmbeddingBag
from torchvectors.errors import VocabError

TOKENS = ["<pad>", "<unk>", "<bos>", "a", "b", "x", "y"]
MISSING = [1, 2, 5, 6]
FIXED = [0, 3, 4]


def aligned(tokens: list[str] = TOKENS, **how: Any) -> Alignment:
    vectors = Vectors.from_tensor(["b", "a"], torch.tensor([[1.0, 2, 3], [-4, 5, 6]]))
    rows: Any = {"<bos>": torch.tensor([0.5, 0.25, 0.125])}
    return align(tokens, vectors, **{"unk_init": Normal(), "rows": rows, **how})


def plain_like(layer: nn.Module) -> Any:
    """Return torch's own layer with the same matrix, all of which is trained."""
    weight: Tensor = layer.weight.detach().clone()  # type: ignore[operator]
    if isinstance(layer, PartlyTrainedEmbeddingBag):
        return nn.EmbeddingBag.from_pretrained(
            weight, freeze=False, padding_idx=layer.padding_idx, mode=layer.mode
        )
    assert isinstance(layer, PartlyTrainedEmbedding)
    return nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=layer.padding_idx)


def train(layer: nn.Module, optimizer: torch.optim.Optimizer, batches: list[Tensor]) -> None:
    for batch in batches:
        optimizer.zero_grad()
        layer(batch).pow(3).sum().backward()
        optimizer.step()


INDICES = st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=4).map(
    torch.tensor
)


# Training.


@given(indices=INDICES, padding=st.sampled_from(["auto", None, 3, -1]))
def test_every_batch_gives_what_an_embedding_gives_and_the_gradient_of_the_trained_rows(
    indices: Tensor, padding: Any
) -> None:
    layer = aligned().embedding(train="missing", padding_idx=padding)
    plain = plain_like(layer)
    assert torch.equal(layer(indices), plain(indices))
    for one in (layer, plain):
        one(indices).pow(3).sum().backward()
    trained = [i for i in MISSING if i != layer.padding_idx]
    assert torch.equal(layer.trained.grad, plain.weight.grad[trained])  # type: ignore[arg-type]


@given(
    indices=INDICES,
    mode=st.sampled_from(["mean", "sum", "max"]),
    padding=st.sampled_from(["auto", None, 3]),
    how=st.sampled_from(["bags", "offsets", "weights"]),
)
def test_every_bag_gives_what_an_embedding_bag_gives_and_the_gradient_of_the_trained_rows(
    indices: Tensor, mode: Any, padding: Any, how: str
) -> None:
    layer = aligned().embedding_bag(train="missing", padding_idx=padding, mode=mode)
    plain = plain_like(layer)
    given: dict[str, Tensor] = {}
    if how == "offsets":
        indices, given = indices.flatten(), {"offsets": torch.tensor([0, 2])}
    elif how == "weights" and mode == "sum":
        given = {"per_sample_weights": torch.linspace(-1, 2, indices.numel()).view_as(indices)}
    made, expected = layer(indices, **given), plain(indices, **given)
    torch.testing.assert_close(made, expected)
    for output in (made, expected):
        output.pow(3).sum().backward()
    torch.testing.assert_close(layer.trained.grad, plain.weight.grad[MISSING])


BATCHES = [
    torch.tensor([[1, 3, 5, 0], [6, 6, 4, 2]]),
    torch.tensor([[3, 4, 0, 0]]),
    torch.tensor([[2, 5, 5, 1]]),
]


@pytest.mark.parametrize("bag", [False, True])
def test_training_moves_the_missing_rows_as_it_would_and_no_other_bit(bag: bool) -> None:
    made = aligned()
    layer: Any = made.embedding_bag(train="missing") if bag else made.embedding(train="missing")
    plain = plain_like(layer)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    assert [tuple(p.shape) for p in layer.parameters() if p.requires_grad] == [(4, 3)]
    # DistributedDataParallel sends all buffers to all ranks with each batch.
    assert [tuple(buffer.shape) for buffer in layer.buffers()] == [(4,)]
    train(layer, optimizer, BATCHES)
    train(plain, torch.optim.Adam(plain.parameters(), lr=0.1), BATCHES)
    torch.testing.assert_close(layer.weight[MISSING], plain.weight[MISSING])
    assert not torch.equal(layer.weight[MISSING], made.matrix[MISSING])
    fixed = layer.weight[FIXED].detach()
    assert torch.equal(fixed.view(torch.int32), made.matrix[FIXED].view(torch.int32))
    (state,) = optimizer.state.values()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes == {"step": (), "exp_avg": (4, 3), "exp_avg_sq": (4, 3)}


def test_a_model_that_is_thawed_trains_every_row_but_the_padding() -> None:
    layer = aligned().embedding(train="missing").requires_grad_()
    plain = plain_like(layer)
    train(layer, torch.optim.SGD(layer.parameters(), lr=0.1), BATCHES)
    train(plain, torch.optim.SGD(plain.parameters(), lr=0.1), BATCHES)
    torch.testing.assert_close(layer.weight, plain.weight)
    assert not layer.weight[0].any()


def test_decay_and_momentum_leave_the_fixed_rows_alone_too() -> None:
    made = aligned()
    layer = made.embedding(train="missing")
    train(layer, torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.5), BATCHES)
    train(layer, torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9, weight_decay=0.5), BATCHES)
    assert torch.equal(layer.weight[FIXED], made.matrix[FIXED])


def test_sparse_gradients_hold_only_the_rows_of_the_batch() -> None:
    layer, dense = (aligned().embedding(train="missing", sparse=sparse) for sparse in (True, False))
    layer(BATCHES[0]).pow(3).sum().backward()
    dense(BATCHES[0]).pow(3).sum().backward()
    assert layer.trained.grad is not None
    assert layer.trained.grad.is_sparse
    assert torch.equal(layer.trained.grad.to_dense(), dense.trained.grad)  # type: ignore[arg-type]
    optimizer = torch.optim.SparseAdam(layer.parameters())
    train(layer, optimizer, BATCHES)
    bag = aligned().embedding_bag(train="missing", sparse=True)
    bag(BATCHES[0]).sum().backward()
    assert bag.trained.grad is not None
    assert bag.trained.grad.is_sparse
    assert aligned().embedding(freeze=False, sparse=True).sparse
    assert aligned().embedding_bag(freeze=False, sparse=True).sparse


def test_weights_tied_to_the_layer_train_the_same_rows() -> None:
    layer = aligned().embedding(train="missing")
    logits = layer(BATCHES[0]) @ layer.weight.T
    logits.logsumexp(-1).sum().backward()
    assert layer.trained.grad is not None
    assert layer.trained.grad.abs().sum(1).gt(0).all()
    assert layer.pretrained.grad is None


@pytest.mark.parametrize(
    ("wanted", "indices"),
    [("missing", MISSING), (["a"], [3]), (("y", "a", "y"), [3, 6]), ([], []), (["<unk>", "<bos>"], [1, 2])],
)
def test_the_rows_that_are_trained_are_the_ones_named(wanted: Any, indices: list[int]) -> None:
    layer = aligned().embedding(train=wanted)
    assert layer.index.tolist() == indices
    assert torch.equal(layer.trained, aligned().matrix[indices])


def test_a_whole_matrix_is_trained_or_not() -> None:
    made = aligned()
    for layer in (made.embedding, made.embedding_bag):
        for freeze in (True, False):
            assert layer(freeze=freeze).weight.requires_grad is not freeze
            assert layer(train="none" if freeze else "all", freeze=freeze).weight.requires_grad is not freeze
        assert not layer().weight.requires_grad
        assert type(layer(train="all")) in (nn.Embedding, nn.EmbeddingBag)


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        (["a", "z", "q"], VocabError, r"train: 'q' is not in this vocabulary of 7 tokens"),
        (["<pad>"], VocabError, r"'<pad>' is the padding token, whose row is never trained"),
        ("a", TypeError, r"""train='a': give "missing", "all", "none", or a list of tokens"""),
        (3, TypeError, r"train=3: give"),
    ],
)
def test_rows_that_cannot_be_trained_are_refused(wanted: Any, error: type[Exception], said: str) -> None:
    for layer in (aligned().embedding, aligned().embedding_bag):
        with pytest.raises(error, match=said):
            layer(train=wanted)


def test_a_chosen_padding_row_is_not_trained() -> None:
    made = aligned(rows={"<pad>": "mean"})
    layer = made.embedding(train="missing")
    assert layer.index.tolist() == MISSING
    train(layer, torch.optim.SGD(layer.parameters(), lr=0.1), BATCHES)
    assert torch.equal(layer.weight[0], made.matrix[0])
    assert made.matrix[0].any()


@pytest.mark.parametrize("padding", [7, -8])
def test_padding_that_is_no_index_is_refused(padding: int) -> None:
    with pytest.raises(ValueError, match=rf"padding_idx={padding}: this vocabulary has 7 tokens"):
        aligned().embedding(padding_idx=padding)


def test_where_nothing_is_missing_the_layer_still_works() -> None:
    made = align(["a", "b"], Vectors.from_tensor(["a", "b"], torch.eye(2)))
    layer, bag = made.embedding(train="missing"), made.embedding_bag(train="missing")
    optimizer = torch.optim.Adam([*layer.parameters(), *bag.parameters()])
    (layer(torch.tensor([0, 1])).sum() + bag(torch.tensor([[0, 1]])).sum()).backward()
    optimizer.step()
    assert torch.equal(layer.weight, torch.eye(2))


@pytest.mark.parametrize("index", [7, -1])
def test_an_index_out_of_range_is_an_error_and_no_other_row(index: int) -> None:
    with pytest.raises(IndexError):
        aligned().embedding(train="missing")(torch.tensor([index]))


def test_indices_may_be_of_any_shape_and_of_both_types() -> None:
    layer = aligned().embedding(train="missing")
    for indices in (torch.tensor(3), torch.tensor(5), torch.zeros(0, 4, dtype=torch.long), BATCHES[0].int()):
        assert torch.equal(layer(indices), plain_like(layer)(indices))


# Copies.


def through_bytes(layer: Any) -> Any:
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("copied", [copy.deepcopy, through_bytes])
@pytest.mark.parametrize("what", ["missing", "all"])
def test_a_copy_is_trained_alone(copied: Any, what: Any) -> None:
    layer = aligned().embedding(train=what)
    again = copied(layer)
    train(again, torch.optim.SGD(again.parameters(), lr=0.1), BATCHES)
    assert torch.equal(layer.weight, aligned().matrix)
    assert not torch.equal(again.weight, layer.weight)
    with pytest.raises(VocabError, match="another vocabulary"):
        again.load_state_dict(aligned(TOKENS[::-1]).embedding().state_dict())


def test_another_dtype_is_that_of_all_rows() -> None:
    layer = aligned().embedding(train="missing").to(torch.float64)
    made = layer(BATCHES[0])
    assert made.dtype == torch.float64
    made.sum().backward()
    assert layer.index.dtype == torch.int64
    assert repr(layer) == "PartlyTrainedEmbedding(7, 3, trained=4, padding_idx=0)"
    bag = aligned().embedding_bag(train=["a"], padding_idx=None, mode="max").half()
    assert repr(bag) == "PartlyTrainedEmbeddingBag(7, 3, trained=1, mode='max')"


# Checkpoints.


class Model(nn.Module):
    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding, self.linear = embedding, nn.Linear(3, 1)


def saved(state: Any) -> Any:
    """Return what `torch.load`, in its safe mode, makes of what `torch.save` wrote."""
    buffer = io.BytesIO()
    torch.save({"model": state, "epoch": 3}, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)["model"]


LAYERS = ["all", "none", "missing", ["a"]]


@pytest.mark.parametrize("bag", [False, True])
@pytest.mark.parametrize("of", LAYERS)
@pytest.mark.parametrize("into", [*LAYERS, None])
def test_every_layer_loads_the_checkpoint_of_every_other(bag: bool, of: Any, into: Any) -> None:
    made, other = aligned(), aligned(unk_init="zeros", rows=None)
    form = "embedding_bag" if bag else "embedding"
    model = Model(getattr(made, form)(train=of))
    trained = [p for p in model.parameters() if p.requires_grad]
    train(nn.Sequential(model.embedding, model.linear), torch.optim.SGD(trained, lr=0.1), BATCHES)
    state = saved(model.state_dict())
    assert list(state) == ["embedding.weight", "linear.weight", "linear.bias"]
    # Into a layer of another policy, or into torch's own, which has no Alignment at hand.
    plain = nn.EmbeddingBag(7, 3, padding_idx=0) if bag else nn.Embedding(7, 3)
    again = Model(plain if into is None else getattr(other, form)(train=into))
    again.load_state_dict(state)
    assert torch.equal(again.embedding.weight, model.embedding.weight)  # type: ignore[arg-type]
    assert torch.equal(again.embedding(BATCHES[0]), model.embedding(BATCHES[0]))


@pytest.mark.parametrize("into", LAYERS)
def test_a_checkpoint_of_another_order_is_refused_with_the_reason(into: Any) -> None:
    turned = [*TOKENS[:5], "y", "x"]
    state = saved(Model(aligned(turned).embedding(train="missing")).state_dict())
    model = Model(aligned().embedding(train=into))
    before = model.embedding.weight.detach().clone()  # type: ignore[operator]
    said = r"^the rows of embedding belong to another vocabulary, or to these tokens in another order \(xxh3"
    for _ in range(2):
        with pytest.raises(VocabError, match=said):
            model.load_state_dict(state)
    assert torch.equal(model.embedding.weight, before)  # type: ignore[arg-type]
    Model(nn.Embedding(7, 3)).load_state_dict(state)  # which nobody has told


@pytest.mark.parametrize("into", LAYERS)
def test_a_checkpoint_that_says_nothing_is_believed(into: Any) -> None:
    plain, layer = nn.Embedding(7, 3), aligned().embedding(train=into)
    for state in (plain.state_dict(), dict(aligned(TOKENS[::-1]).embedding().state_dict())):
        layer.load_state_dict(state)
        assert torch.equal(layer.weight, state["weight"])


def test_a_checkpoint_can_be_loaded_all_the_same_by_who_says_so() -> None:
    layer = aligned().embedding()
    layer.alignment_fingerprint = None  # type: ignore[assignment]  # torch types every attribute so
    layer.load_state_dict(aligned(TOKENS[::-1]).embedding().state_dict())
    assert "torchvectors.alignment" not in layer.state_dict()._metadata[""]  # type: ignore[attr-defined]


def test_what_is_wrong_with_a_checkpoint_is_said_as_torch_says_it() -> None:
    layer = aligned().embedding(train="missing")
    with pytest.raises(
        RuntimeError, match=r'Missing key\(s\) in state_dict: "weight"\. *\n.*Unexpected.*"other"'
    ):
        layer.load_state_dict({"other": torch.zeros(1)})
    with pytest.raises(RuntimeError, match=r"size mismatch for pretrained: .*\[8, 3\].*\[7, 3\]"):
        layer.load_state_dict({"weight": torch.zeros(8, 3)})
    assert layer.load_state_dict({}, strict=False).missing_keys == ["weight"]
    layer.load_state_dict({"weight": torch.ones(7, 3)}, assign=True)
    assert torch.equal(layer.weight, torch.ones(7, 3))
    assert layer.trained.requires_grad


def test_a_state_is_a_copy_and_keeps_the_graph_on_request() -> None:
    layer = aligned().embedding(train="missing")
    state = layer.state_dict()
    train(layer, torch.optim.SGD(layer.parameters(), lr=0.1), BATCHES)
    assert torch.equal(state["weight"], aligned().matrix)
    assert not state["weight"].requires_grad
    assert layer.state_dict(keep_vars=True)["weight"].requires_grad


# Checking by hand.


def test_a_fingerprint_is_checked_by_hand_where_tensors_are_kept_alone(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    made, path = aligned(), tmp_path / "model.safetensors"
    save_file(made.embedding(train="missing").state_dict(), path, metadata={"alignment": made.fingerprint})
    with safe_open(path, "pt") as file:
        line = file.metadata()["alignment"]
    aligned(unk_init="zeros").check(line)
    with pytest.raises(VocabError, match=r"^the rows of this checkpoint belong to another vocabulary"):
        aligned(TOKENS[::-1]).check(line)


def test_a_state_is_checked_by_hand() -> None:
    made, other = aligned(), aligned(TOKENS[::-1])
    state = saved(nn.Sequential(other.embedding(), made.embedding_bag()).state_dict())
    made.check(state)
    other.check(state)
    with pytest.raises(VocabError, match="another vocabulary"):
        aligned(["a", "<bos>"]).check(state)
    for nothing in (dict(state), nn.Embedding(7, 3).state_dict(), {}):
        with pytest.raises(
            VocabError, match=r"carries no fingerprint .*\. Keep alignment.fingerprint beside it"
        ):
            made.check(nothing)
    with pytest.raises(VocabError, match=r"'xxh3_128:12' is no fingerprint of an alignment"):
        made.check("xxh3_128:12")
