"""RecTools' SASRec: the second peer that habit's sasrec is timed against.

    bench/peer_rectools.py --data ml-1m.txt --loss softmax --epochs 2 --threads 2

Options and output are those of peer_sasrec.py.  Needs rectools[torch], which asks for older numpy
and pandas than others do: give it a virtual environment of its own.
"""
import argparse
import logging
import os
import time
import warnings

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

import peer_common as peer

LOSSES = {"bce": "BCE", "softmax": "softmax", "sampled": "sampled_softmax", "gbce": "gBCE"}


class EpochLines(Callback):
    """Prints the line of an epoch when it ends."""

    def __init__(self, targets):
        self.targets = targets

    def on_train_epoch_start(self, trainer, module):
        self.start, self.cpu = time.perf_counter(), time.process_time()

    def on_train_epoch_end(self, trainer, module):
        seconds, cpu = time.perf_counter() - self.start, time.process_time() - self.cpu
        row = {"epoch": trainer.current_epoch + 1, "targets": self.targets, "seconds": seconds}
        row["loss"] = float(trainer.callback_metrics["train_loss"])
        peer.say({**row, "cpu_seconds": cpu, "targets_per_second": self.targets / seconds})


def training_part(log):
    """The log without the last two items of each user, as RecTools wants it."""
    length = np.diff(log.offset)
    left = np.repeat(length, length) - (np.arange(len(log.items)) - log.offset[:-1][log.owner])
    kept = left > 2
    table = {Columns.User: log.owner[kept], Columns.Item: log.items[kept], Columns.Weight: 1}
    # RecTools orders by time, and the order is all there is.
    moment = pd.to_datetime(np.arange(kept.sum()), unit="s")
    return Dataset.construct(pd.DataFrame({**table, Columns.Datetime: moment}))


def options():
    parser = argparse.ArgumentParser(description="SASRec of RecTools")
    peer.add_options(parser)
    parser.add_argument("--dim", type=int, default=50)
    parser.add_argument("--max-len", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--heads", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--loss", choices=LOSSES, default="bce")
    parser.add_argument("--negatives", type=int, default=1)
    return parser.parse_args()


def make_model(a, targets):
    def trainer():
        return Trainer(
            accelerator="cpu",
            max_epochs=a.epochs,
            callbacks=[EpochLines(targets)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    return SASRecModel(
        n_blocks=a.blocks,
        n_heads=a.heads,
        n_factors=a.dim,
        dropout_rate=a.dropout,
        session_max_len=a.max_len,
        loss=LOSSES[a.loss],
        n_negatives=a.negatives,
        lr=a.lr,
        batch_size=a.batch,
        epochs=a.epochs,
        get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )


def main():
    a = options()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    log = peer.Log(a.data, a.sequences, a.max_len)
    data = training_part(log)
    model = make_model(a, int((log.training()[1] > 0).sum()))
    model.fit(data)
    trained = peer.memory_mib()[1]
    start = time.perf_counter()
    found = model.recommend(log.ranked, data, k=peer.TOP, filter_viewed=True)
    seconds = time.perf_counter() - start
    row = {"peak_mib": peer.memory_mib()[1], "peak_mib_training": trained}
    row.update(import_mib=peer.IMPORTED_MIB, rank_all_seconds=seconds, users=len(log.ranked))
    if a.metrics:
        # RecTools encodes what it is given, which is the history without the validation item: these
        # are validation figures.
        answer = dict(zip(log.ranked, log.answers(2)))
        hit = found[found[Columns.Item] == found[Columns.User].map(answer)]
        gain = 1 / np.log2(hit[Columns.Rank] + 1)
        users = len(log.ranked)
        row["valid"] = {"HR@10": len(hit) / users, "NDCG@10": gain.sum() / users}
    row.update(torch=torch.__version__, threads=torch.get_num_threads(), load=os.getloadavg()[0])
    peer.say(row)


if __name__ == "__main__":
    main()
