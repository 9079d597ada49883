"""The import of a log by polars: read, number the ids, sort by user and time, write.

    python3 bench/import_polars.py LOG.csv OUT [ipc|parquet]

LOG.csv has a header with user_id, item_id, timestamp and any further columns.  What is written
is what `habit import` writes: user and item numbers (here in order of first appearance), the other
columns, rows in order of user and time, and the ids.  Prints one line: rows, seconds, processor
seconds, peak memory.
"""
import resource
import sys
import time

import polars as pl


def main() -> None:
    source, out, kind = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["ipc"])[0]
    kinds = {"user_id": pl.String, "item_id": pl.String, "rating": pl.Float32}
    start, start_cpu = time.monotonic(), time.process_time()
    log = pl.read_csv(source, schema_overrides=kinds)

    # categories are the fastest way to dense numbers here; joins and rank("dense") take longer
    words = [c for c in ("user_id", "item_id", "behaviour") if c in log.columns]
    categories = {c: pl.Categorical(pl.Categories.random()) for c in words}
    log = log.with_columns(pl.col(c).cast(categories[c]) for c in words)
    frames = {c: log.select(name=pl.col(c).unique()) for c in words}
    frames = {c: f.with_columns(number=pl.col("name").to_physical()) for c, f in frames.items()}
    log = log.with_columns(pl.col(c).to_physical() for c in words)
    frames["log"] = log.sort("user_id", "timestamp")
    for name, frame in frames.items():
        path = f"{out}.{name}.{kind}"
        frame.write_parquet(path) if kind == "parquet" else frame.write_ipc(path)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    cpu = time.process_time() - start_cpu
    print(f"rows {log.height} seconds {seconds:.2f} cpu {cpu:.2f} memory_mb {peak / 1e6:.0f}")


main()
