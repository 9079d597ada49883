"""SASRec in plain PyTorch, of the usual kind: the peer that habit's sasrec is timed against.

    bench/peer_sasrec.py --data ml-1m.txt --epochs 3 --threads 2

Windows padded on the left to --max-len, torch.nn.MultiheadAttention with a causal mask, Adam.
W.-C. Kang, J. McAuley, arXiv:1808.09781; the defaults are those of the paper for ML-1M.  Blocks are
x + SA(LN(x)), x + FFN(LN(x)), as in the paper's equations.  Prints a JSON line per epoch, and one
at the end with memory, ranking of all users and the answer for one user.  Needs torch and numpy.
"""
import argparse

import torch
from torch import nn

import peer_common as peer


class Block(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(a.dim, eps=1e-8), nn.LayerNorm(a.dim, eps=1e-8)
        self.attention = nn.MultiheadAttention(
            a.dim, a.heads, a.attention_dropout, batch_first=True
        )
        self.inner, self.outer = nn.Linear(a.dim, a.dim), nn.Linear(a.dim, a.dim)
        self.drop1, self.drop2 = nn.Dropout(a.dropout), nn.Dropout(a.dropout)

    def forward(self, x, later):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, attn_mask=later, need_weights=False)[0]
        h = self.drop1(torch.relu(self.inner(self.norm2(x))))
        return x + self.drop2(self.outer(h))


class SASRec(nn.Module):
    def __init__(self, a, catalogue):
        super().__init__()
        self.items = nn.Embedding(catalogue + 1, a.dim, padding_idx=0)
        self.positions = nn.Embedding(a.max_len, a.dim)
        self.drop = nn.Dropout(a.dropout)
        self.blocks = nn.ModuleList(Block(a) for _ in range(a.blocks))
        self.norm = nn.LayerNorm(a.dim, eps=1e-8)
        self.register_buffer("later", torch.ones(a.max_len, a.max_len, dtype=torch.bool).triu(1))
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_normal_(p)
        with torch.no_grad():
            self.items.weight[0] = 0

    def forward(self, window):
        """[B, L] items -> [B, L, D]: what the user of each position wants next."""
        real = (window > 0)[:, :, None]
        x = self.items(window) * self.items.embedding_dim**0.5 + self.positions.weight
        x = self.drop(x) * real
        for block in self.blocks:
            x = block(x, self.later) * real
        return self.norm(x)


def options():
    parser = argparse.ArgumentParser(description="SASRec in plain PyTorch")
    peer.add_options(parser)
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--max-len", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument(
        "--attention-dropout",
        type=float,
        help="of the attention weights, default --dropout; 0 lets PyTorch use its fused kernel",
    )
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--loss", choices=("bce", "softmax", "sampled"), default="bce")
    parser.add_argument("--negatives", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    a = parser.parse_args()
    if a.attention_dropout is None:
        a.attention_dropout = a.dropout
    return a


def main():
    a = options()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    log = peer.Log(a.data, a.sequences, a.max_len)
    model = SASRec(a, log.catalogue)
    if a.compile:
        model.compile()
    optimiser = torch.optim.Adam(model.parameters(), lr=a.lr, betas=(0.9, 0.98))
    batches = peer.Batches(log, a.batch, a.loss, a.negatives, a.seed)
    peer.run(
        a,
        log,
        epoch=lambda: peer.train_epoch(model, optimiser, batches),
        last=lambda window: model(window)[:, -1],
        scores=lambda h: h @ model.items.weight.T,
        prepare=model.eval,
    )


if __name__ == "__main__":
    main()
