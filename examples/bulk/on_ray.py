"""Read a Parquet folder of encoded pictures with Ray Data.

    python examples/bulk/on_ray.py SOURCE OUT [COLUMN]

Each actor opens the network once. A block, 1,000 rows here, is what a crash loses and what one file
holds; without `override_num_blocks` or a repartition a small table is one block.
"""

import sys

import ray

from digitcnn.bulk import BatchReader

ROWS = 1000


def read_table(source: str, out: str, *, column: str = "bytes") -> None:
    """Read all pictures of a table into Parquet files."""
    pictures = ray.data.read_parquet(source)
    blocks = max(1, pictures.count() // ROWS)
    answers = pictures.repartition(blocks).map_batches(
        BatchReader,
        fn_constructor_kwargs={"task": "read", "column": column},
        batch_size=ROWS,
        # On two CPUs an actor that asks for a whole one leaves none to read and write.
        num_cpus=0.5,
        concurrency=2,
    )
    answers.write_parquet(out)


if __name__ == "__main__":
    read_table(*sys.argv[1:3], **({"column": sys.argv[3]} if sys.argv[3:] else {}))
