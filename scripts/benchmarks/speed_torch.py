"""The networks of `speed` in PyTorch, written and trained as its tutorials do.

A `DataLoader` shuffles, sequences are padded to the longest of their batch, and recurrent layers
are PyTorch's own. Needs torch, which no extra of this project installs.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, TensorDataset


class Mlp(nn.Module):
    """784-300-100-10."""

    def __init__(self, _):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(),
            nn.Linear(100, 10),
        )  # fmt: skip

    def forward(self, x):
        """Logits of pictures."""
        return self.layers(x / 255)


class Cnn(nn.Module):
    """The book's five convolutions and two dense layers with dropout."""

    def __init__(self, _):
        super().__init__()
        sizes, parts = [(1, 64, 7), (64, 128, 3), (128, 128, 3), (128, 256, 3), (256, 256, 3)], []
        for place, (before, after, side) in enumerate(sizes):
            parts += [nn.Conv2d(before, after, side, padding="same"), nn.ReLU()]
            parts += [nn.MaxPool2d(2)] * (place % 2 == 0)
        parts += [nn.Flatten(), nn.Linear(9 * 256, 128), nn.ReLU(), nn.Dropout(0.5)]
        parts += [nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)]
        self.layers = nn.Sequential(*parts)

    def forward(self, x):
        """Logits of pictures."""
        return self.layers(x[:, None] / 255)


class ResidualUnit(nn.Module):
    """Two normalised convolutions, and a third beside them, that halve a map."""

    def __init__(self, before, after):
        super().__init__()
        self.deep = nn.Sequential(
            _normalized(before, after, 3, 2), nn.ReLU(), _normalized(after, after, 3, 1)
        )
        self.shortcut = _normalized(before, after, 1, 2)

    def forward(self, x):
        """The smaller map."""
        return functional.relu(self.deep(x) + self.shortcut(x))


class SmallResnet(nn.Module):
    """The recipe's default: a stem, three residual units, and the mean of what is left."""

    def __init__(self, _):
        super().__init__()
        units = [ResidualUnit(*sizes) for sizes in ((32, 32), (32, 64), (64, 128))]
        self.layers = nn.Sequential(_normalized(1, 32, 3, 1), nn.ReLU(), *units)
        self.head = nn.Linear(128, 10)

    def forward(self, x):
        """Logits of pictures."""
        return self.head(self.layers((x[:, None] - 73) / 90).mean(dim=(2, 3)))


def _normalized(before, after, side, strides):
    convolution = nn.Conv2d(before, after, side, strides, side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


class WaveNet(nn.Module):
    """Causal convolutions of 20 channels whose dilation doubles, twice over."""

    def __init__(self, model):
        super().__init__()
        self.rates = [1, 2, 4, 8] * 2
        sizes = [1] + [20] * 8
        self.convolutions = nn.ModuleList(
            nn.Conv1d(sizes[i], 20, 2, dilation=rate) for i, rate in enumerate(self.rates)
        )
        self.head = nn.Conv1d(20, model.output_shape[2], 1)

    def forward(self, x):
        """Forecasts at every step."""
        x = x.transpose(1, 2)
        for rate, convolution in zip(self.rates, self.convolutions, strict=True):
            x = functional.relu(convolution(functional.pad(x, (rate, 0))))
        return self.head(x).transpose(1, 2)


class CharRnn(nn.Module):
    """An embedding, a GRU and a linear layer."""

    def __init__(self, model):
        super().__init__()
        self.embedding = nn.Embedding(model.output_shape[-1], 16)
        self.gru = nn.GRU(16, 128, batch_first=True)
        self.head = nn.Linear(128, model.output_shape[-1])

    def forward(self, ids):
        """Logits of the next id."""
        return self.head(self.gru(self.embedding(ids))[0])


class Classifier(nn.Module):
    """An embedding, a GRU whose padding is packed away, and a linear layer."""

    def __init__(self, model):
        super().__init__()
        self.embedding = nn.Embedding(_rows(model), 128, padding_idx=0)
        self.gru = nn.GRU(128, 128, batch_first=True)
        self.head = nn.Linear(128, 1)

    def forward(self, ids):
        """Logits of texts."""
        lengths = (ids != 0).sum(dim=1)
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        return self.head(self.gru(packed)[1][-1])


class Translation(nn.Module):
    """Two LSTMs and Luong's attention over the first one's outputs."""

    def __init__(self, model):
        super().__init__()
        target = model.output_shape[-1]
        self.source = nn.Embedding(_rows(model), 128, padding_idx=0)
        self.target = nn.Embedding(target, 128, padding_idx=0)
        self.encoder = nn.LSTM(128, 256, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(128, 512, batch_first=True)
        self.score = nn.Linear(512, 512, bias=False)
        self.head = nn.Linear(512, target)

    def forward(self, ids):
        """Logits of the next target ids."""
        source, target = ids
        lengths = (source != 0).sum(dim=1).clamp(min=1)
        packed = pack_padded_sequence(
            self.source(source), lengths, batch_first=True, enforce_sorted=False
        )
        memory, last = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(memory, batch_first=True)
        joined = tuple(torch.cat([state[0], state[1]], dim=-1)[None] for state in last)
        outputs, _ = self.decoder(self.target(target), joined)
        scores = outputs @ self.score(memory).transpose(1, 2)
        hidden = source[:, None, : memory.shape[1]] == 0
        return self.head(scores.masked_fill(hidden, -1e9).softmax(dim=-1) @ memory)


def _rows(model):
    """Ids of the (source) vocabulary: the rows of the first embedding."""
    return next(w.shape[0] for w in model.trainable_variables if w.name == "embeddings")


def _tokens(found, y):
    return functional.cross_entropy(found.flatten(0, 1), y.flatten(), ignore_index=0)


def _classes(found, y):
    return functional.cross_entropy(found.flatten(0, -2), y.flatten())


def _squares(found, y):
    return functional.mse_loss(found, y[..., 0])


#: Network, loss, optimizer and its rate.
NETWORKS = {
    "mlp": (Mlp, _classes, torch.optim.SGD, 0.01),
    "cnn": (Cnn, _classes, torch.optim.NAdam, 1e-3),
    "small_resnet": (SmallResnet, _classes, torch.optim.AdamW, 1e-2),
    "wavenet": (WaveNet, _squares, torch.optim.Adam, 1e-3),
    "char_rnn": (CharRnn, _classes, torch.optim.NAdam, 1e-3),
    "translation": (Translation, _tokens, torch.optim.NAdam, 1e-3),
    "text_classification": (
        Classifier, functional.binary_cross_entropy_with_logits, torch.optim.NAdam, 1e-3,
    ),
}  # fmt: skip


def training(case, model, x, y, batch_size):
    """A function that trains an epoch of the network `case` on arrays; its first step is done.

    `model` is Keras' network, of which only the number of parameters and of ids is asked.
    """
    network, loss, optimizer, rate = NETWORKS[case]
    net = network(model)
    ours, theirs = sum(each.numel() for each in net.parameters()), model.count_params()
    if abs(ours - theirs) > 0.01 * theirs:  # PyTorch's recurrent layers have a bias more
        raise ValueError(f"The networks of {case} differ: {ours:,} and {theirs:,} parameters.")
    parts = [*x.values()] if isinstance(x, dict) else [x]
    whole = np.issubdtype(parts[0].dtype, np.integer)
    ids = whole and case not in _PICTURES
    parts = [torch.tensor(each).long() if ids else torch.tensor(each).float() for each in parts]
    labels = torch.tensor(y)
    data = TensorDataset(*parts, labels.long() if case in _LONG else labels)
    loader = DataLoader(data, batch_size, shuffle=True, drop_last=True)
    steps = optimizer(net.parameters(), rate)

    def train(most=None):
        net.train()
        for step, (*inputs, wanted) in enumerate(loader):
            if case in ("translation", "text_classification"):
                inputs = [_trimmed(each) for each in inputs]
            if case == "translation":
                wanted = _trimmed(wanted)
                inputs = [inputs[0], inputs[1][:, : wanted.shape[1]]]
            steps.zero_grad()
            error = loss(net(inputs if len(inputs) > 1 else inputs[0]), wanted)
            error.backward()
            steps.step()
            if most is not None and step + 1 >= most:
                break

    train(1)
    return train


#: Networks of pictures, whose pixels are whole numbers, too; those that learn whole numbers.
_PICTURES = ("mlp", "cnn", "small_resnet")
_LONG = (*_PICTURES, "char_rnn", "translation")


def _trimmed(ids):
    """Without columns of padding alone."""
    return ids[:, : max(1, int((ids != 0).sum(dim=1).max()))]
